"""Signing hosts up: one-time tokens in, certificates out."""

import hashlib
import re
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable

from monostack.agentlink.authority import Authority, BadRequestError
from monostack.core import ids
from monostack.protocol.enrolment import Enrol, Enrolled, Refused, make_token

HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")  # 63 characters at most: it becomes a common name

Redeem = Callable[[str], Awaitable[str | None]]


def new_token(authority: Authority) -> tuple[str, str]:
    """A token for one host, and the hash to keep instead of it."""
    secret = urlsafe_b64encode(ids.random_int(256).to_bytes(32)).decode().rstrip("=")
    return make_token(secret, authority.der), hash_of(secret)


def hash_of(secret: str) -> str:
    """What is kept of a token. A plain digest is enough: the secret is random and 256 bits long."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Enrolment:
    """Answers certificate requests. `redeem` takes the hash of a token's secret and returns the host it was made for, once."""

    def __init__(self, authority: Authority, redeem: Redeem) -> None:
        self._authority = authority
        self._redeem = redeem

    async def enrol(self, request: Enrol) -> Enrolled | Refused:
        """Sign up a new host with its token."""
        try:
            # Looked at first, so that a bad request does not use up the token.
            self._authority.sign_host(request.csr, "unnamed")
        except BadRequestError as error:
            return Refused(str(error))
        host = await self._redeem(hash_of(request.token))
        if host is None:
            return Refused("the token is unknown, used or expired: ask the operator for a new one")
        return self._signed(request, host)

    async def renew(self, request: Enrol, host: str) -> Enrolled | Refused:
        """A new certificate for a host that has proven itself with its present one."""
        try:
            return self._signed(request, host)
        except BadRequestError as error:
            return Refused(str(error))

    def _signed(self, request: Enrol, host: str) -> Enrolled:
        certificate = self._authority.sign_host(request.csr, host)
        return Enrolled(host=host, certificate=certificate.decode(), authority=self._authority.pem.decode())


def require_host_name(name: str) -> str:
    """`name`, if a host may be called so. Raises ValueError."""
    if not HOST_NAME.fullmatch(name):
        raise ValueError(f"{name!r} cannot be a host's name: letters, digits, '.', '_' and '-', 63 characters at most")
    return name
