"""How a new host gets its certificate: one message each way, over TLS that only the controller has proven itself on.

The host fetches `/ca.pem` from the listener, compares its SHA-256 with the fingerprint in its token, trusts it from then on,
dials `/enrol` and sends `Enrol`. A host that has a certificate renews it on `/renew`, over mutual TLS, with `token` empty.
"""

import hashlib

import msgspec

# The name in the listener's certificate, whatever address a host dials: the authority issues certificates for nothing else.
CONTROLLER_NAME = "controller.monostack.internal"


class Enrol(msgspec.Struct, tag="enrol"):
    """`csr` is a PEM certificate request; the name in it is not looked at: the token, or the present certificate, decides."""

    token: str
    csr: str


class Enrolled(msgspec.Struct, tag="enrolled"):
    host: str
    certificate: str  # PEM
    authority: str  # PEM


class Refused(msgspec.Struct, tag="refused"):
    message: str


def make_token(secret: str, authority_der: bytes) -> str:
    """What an operator gives to a new host: `secret` is known to the controller once, the rest names its authority."""
    return f"{secret}.{hashlib.sha256(authority_der).hexdigest()}"


def split_token(token: str) -> tuple[str, str]:
    """The secret and the SHA-256 of the authority's certificate (DER, hexadecimal). Raises ValueError."""
    secret, _, fingerprint = token.strip().rpartition(".")
    if not secret or len(fingerprint) != 64 or not all(digit in "0123456789abcdef" for digit in fingerprint):
        raise ValueError("this is not an enrolment token: it should be SECRET.FINGERPRINT")
    return secret, fingerprint
