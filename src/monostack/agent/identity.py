"""Who this host is to its controller: a key that never leaves it, and a certificate that names it.

In the TLS directory: `agent.pem` (0600, key and certificate) and `ca.crt`, the authority that both sides trust.
"""

import asyncio
import hashlib
import http.client
import ssl
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from websockets.asyncio.client import connect

from monostack.core.files import write_whole
from monostack.protocol.enrolment import CONTROLLER_NAME, Enrol, Enrolled, Refused, split_token

ANSWER_WITHIN = 30.0  # seconds
MAX_AUTHORITY = 64 * 1024  # bytes of the authority's certificate


class EnrolmentError(Exception):
    """The controller cannot be trusted, or refuses. The message says why and what to do."""


def client_context(tls_dir: Path) -> ssl.SSLContext:
    """TLS as this host. Raises OSError when the host is not enrolled."""
    context = ssl.create_default_context(cafile=str(tls_dir / "ca.crt"))
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(tls_dir / "agent.pem")
    return context


def is_due(tls_dir: Path) -> bool:
    """Whether less than a third of the certificate's life is left."""
    certificate = x509.load_pem_x509_certificate((tls_dir / "agent.pem").read_bytes())
    life = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    return certificate.not_valid_after_utc - datetime.now(UTC) < life / 3


async def enrol(controller_url: str, token: str, tls_dir: Path) -> str:
    """Get this host its first certificate, and return the name the controller gave it. Raises EnrolmentError, OSError."""
    try:
        secret, fingerprint = split_token(token)
    except ValueError as error:
        raise EnrolmentError(str(error)) from None
    authority = await asyncio.to_thread(_fetch_authority, controller_url)
    found = hashlib.sha256(ssl.PEM_cert_to_DER_cert(authority)).hexdigest()
    if found != fingerprint:
        raise EnrolmentError(f"{controller_url} is not the controller that made this token: its authority has the fingerprint {found}")
    context = ssl.create_default_context(cadata=authority)
    return await _request(controller_url + "/enrol", secret, context, tls_dir)


async def renew(controller_url: str, tls_dir: Path) -> str:
    """Replace this host's certificate and key by new ones. Raises EnrolmentError, OSError."""
    return await _request(controller_url + "/renew", "", client_context(tls_dir), tls_dir)


async def _request(url: str, secret: str, context: ssl.SSLContext, tls_dir: Path) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    csr = request.public_bytes(serialization.Encoding.PEM).decode()
    async with asyncio.timeout(ANSWER_WITHIN), connect(url, ssl=context, server_hostname=CONTROLLER_NAME, proxy=None) as connection:
        await connection.send(msgspec.json.encode(Enrol(token=secret, csr=csr)))
        answer = msgspec.json.decode(await connection.recv(), type=Enrolled | Refused)
    if isinstance(answer, Refused):
        raise EnrolmentError(f"the controller refused: {answer.message}")
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    await asyncio.to_thread(_keep, tls_dir, answer.authority.encode(), private + answer.certificate.encode())
    return answer.host


def _keep(tls_dir: Path, authority: bytes, identity: bytes) -> None:
    tls_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_whole(tls_dir / "ca.crt", authority)
    write_whole(tls_dir / "agent.pem", identity)


def _fetch_authority(controller_url: str) -> str:
    """The authority's certificate from a controller nothing is known of yet: compare it with a fingerprint before trusting it."""
    address = urlsplit(controller_url)
    untrusting = ssl.create_default_context()
    untrusting.check_hostname = False
    untrusting.verify_mode = ssl.CERT_NONE
    connection = http.client.HTTPSConnection(address.hostname or "", address.port, context=untrusting, timeout=ANSWER_WITHIN)
    try:
        connection.request("GET", "/ca.pem")
        answer = connection.getresponse()
        content = answer.read(MAX_AUTHORITY)
    finally:
        connection.close()
    if answer.status != http.client.OK:
        raise EnrolmentError(f"{controller_url} answered {answer.status}: is this the controller's address for agents?")
    return content.decode(errors="replace")
