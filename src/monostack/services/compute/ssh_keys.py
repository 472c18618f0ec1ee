"""Keys that guests let their users in by: SSH public keys, and X.509 certificates for Windows. Nothing private is kept."""

import base64
import hashlib
from dataclasses import dataclass
from datetime import timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from monostack.core import clock
from monostack.core.errors import BadRequest

_BITS = 2048
_UPN = ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")  # the name Windows knows a user by
_VALIDITY = timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class GeneratedKey:
    public: str
    private: str  # PEM; shown once
    fingerprint: str


def _colons(digest: str) -> str:
    return ":".join(digest[i : i + 2] for i in range(0, len(digest), 2))


def ssh_fingerprint(public_key: str) -> str:
    """The MD5 fingerprint of an OpenSSH public key, as Nova shows it. Raises BadRequest for what is not one."""
    try:
        serialization.load_ssh_public_key(public_key.encode())
        data = base64.b64decode(public_key.split(" ")[1])
    except (ValueError, UnsupportedAlgorithm, IndexError):
        raise BadRequest("Keypair data is invalid: failed to generate fingerprint") from None
    return _colons(hashlib.md5(data, usedforsecurity=False).hexdigest())


def x509_fingerprint(certificate: str) -> str:
    """The SHA-1 fingerprint of a certificate in PEM. Raises BadRequest for what is not one."""
    try:
        loaded = x509.load_pem_x509_certificate(certificate.encode())
    except ValueError as error:
        raise BadRequest(f"Keypair data is invalid: failed to generate X509 fingerprint. Error message: {error}") from None
    return _colons(loaded.fingerprint(hashes.SHA1()).hex())


def generate_ssh() -> GeneratedKey:
    key = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()
    public += " Generated-by-Nova"
    return GeneratedKey(public, _pem(key, serialization.PrivateFormat.TraditionalOpenSSL), ssh_fingerprint(public))


def generate_x509(user_id: str) -> GeneratedKey:
    """A certificate for logging in to Windows over WinRM as this user."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, user_id)])
    principal = f"{user_id}@localhost".encode()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(clock.now())
        .not_valid_after(clock.now() + _VALIDITY)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(
            # DER of a UTF8String: tag, length (a user id is short), bytes.
            x509.SubjectAlternativeName([x509.OtherName(_UPN, bytes([0x0C, len(principal)]) + principal)]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    public = certificate.public_bytes(serialization.Encoding.PEM).decode()
    return GeneratedKey(public, _pem(key, serialization.PrivateFormat.PKCS8), x509_fingerprint(public))


def _pem(key: rsa.RSAPrivateKey, form: serialization.PrivateFormat) -> str:
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()
