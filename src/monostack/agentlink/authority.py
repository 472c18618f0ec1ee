"""The certificate authority of the agent channel: it signs the listener and one certificate a host, and nothing else.

Its key never leaves its directory. A host's certificate carries the host's name as common name; the listener's carries
CONTROLLER_NAME, whatever address it listens on. Certificates as RFC 5280 has them, keys on P-256.
"""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from monostack.core import clock, ids
from monostack.core.files import write_whole
from monostack.protocol.enrolment import CONTROLLER_NAME

AUTHORITY_VALIDITY = timedelta(days=3650)
CERTIFICATE_VALIDITY = timedelta(days=365)  # an agent renews its own when a third of that is left
SKEW = timedelta(days=1)  # how far a host's clock may be behind ours
MAX_CSR = 16 * 1024  # bytes


class BadRequestError(ValueError):
    """A certificate request that is not signed; the message says why."""


class Authority:
    """Signs with the key kept in `directory`/authority.pem (0600, key and certificate)."""

    def __init__(self, directory: Path, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self._directory = directory
        self._key = key
        self._certificate = certificate

    @classmethod
    def open(cls, directory: Path) -> "Authority":
        """The authority kept in `directory`, made there when there is none."""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        kept = directory / "authority.pem"
        if not kept.exists():
            key, certificate = _new_authority()
            write_whole(kept, _private_pem(key) + certificate.public_bytes(serialization.Encoding.PEM))
        content = kept.read_bytes()
        loaded = serialization.load_pem_private_key(content, password=None)
        if not isinstance(loaded, ec.EllipticCurvePrivateKey):
            raise ValueError(f"{kept} holds no P-256 key: it was not made by Monostack")
        return cls(directory, loaded, x509.load_pem_x509_certificate(content))

    @property
    def pem(self) -> bytes:
        """The authority's certificate, which hosts trust."""
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def der(self) -> bytes:
        return self._certificate.public_bytes(serialization.Encoding.DER)

    def sign_host(self, csr: str, host: str) -> bytes:
        """A certificate (PEM) for `host`, over the key in a request. Whatever else the request asks for is ignored.

        Raises BadRequestError.
        """
        if len(csr) > MAX_CSR:
            raise BadRequestError(f"the certificate request is larger than {MAX_CSR} bytes")
        try:
            request = x509.load_pem_x509_csr(csr.encode())
            valid = request.is_signature_valid
            public = request.public_key()
        except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
            raise BadRequestError(f"the certificate request cannot be read: {error}") from None
        if not valid:
            raise BadRequestError("the certificate request is not signed by its own key")
        if not (
            isinstance(public, ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey)
            or (isinstance(public, rsa.RSAPublicKey) and public.key_size >= 2048)
        ):
            raise BadRequestError("the key is too weak: use P-256, Ed25519 or RSA of at least 2048 bits")
        return self._sign(host, public, ExtendedKeyUsageOID.CLIENT_AUTH)

    def issue_host(self, host: str, directory: Path) -> None:
        """Key and certificate of the agent beside the controller, as enrolment would leave them in `directory`."""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        write_whole(directory / "ca.crt", self.pem)
        write_whole(directory / "agent.pem", _private_pem(key) + self._sign(host, key.public_key(), ExtendedKeyUsageOID.CLIENT_AUTH))

    def server_context(self) -> ssl.SSLContext:
        """TLS for the listener, with a certificate made now. A host may come without a certificate (to enrol), not with a foreign one."""
        key = ec.generate_private_key(ec.SECP256R1())
        kept = self._directory / "listener.pem"
        write_whole(kept, _private_pem(key) + self._sign(CONTROLLER_NAME, key.public_key(), ExtendedKeyUsageOID.SERVER_AUTH))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_cert_chain(kept)
        context.load_verify_locations(cadata=self.pem.decode())
        context.verify_mode = ssl.CERT_OPTIONAL
        return context

    def _sign(self, name: str, key: "_PublicKey", usage: x509.ObjectIdentifier) -> bytes:
        builder = (
            _builder(name, self._certificate.subject, key, CERTIFICATE_VALIDITY)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


_PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey


def _new_authority() -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = f"Monostack agent authority {ids.new_hex()[:8]}"
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        _builder(name, subject, key.public_key(), AUTHORITY_VALIDITY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return key, certificate


def _builder(name: str, issuer: x509.Name, key: _PublicKey, validity: timedelta) -> x509.CertificateBuilder:
    now = datetime.fromtimestamp(clock.timestamp(), UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(ids.random_int(159) | 1)
        .not_valid_before(now - SKEW)
        .not_valid_after(now + validity)
    )


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
