"""From a token to its session and caller, remembered until identity data changes.

A change made through this controller is seen by the next request; one made through another controller on the same database, and a
rotation of the keys, within a second.
"""

import logging
from typing import Any

from monostack.core import clock
from monostack.core.context import Caller
from monostack.core.errors import Unauthorized
from monostack.db import Transaction
from monostack.services.identity.generation import generation
from monostack.services.identity.tokens.keys import KeyRepository
from monostack.services.identity.tokens.payload import NotAPayload, Payload, pack, unpack
from monostack.services.identity.tokens.session import Rejected, Session, validate

log = logging.getLogger(__name__)

REMEMBERED = 4096  # sessions
LOOK_SECONDS = 1.0
LONGEST = 1024  # characters of a token; ours have about 200


class TokenAuthenticator:
    """One per controller. `cached` and `authenticate` serve the HTTP kernel; the rest is the identity service's own."""

    def __init__(self, cloud: Any) -> None:
        self.cloud = cloud
        self.keys = KeyRepository(cloud.state_dir / "fernet-keys")
        self.credential_keys = KeyRepository(cloud.state_dir / "credential-keys")
        self._sessions: dict[str, Session] = {}
        self._forgotten = 0  # times everything was forgotten
        self._generation = -1  # of the database, when it was last looked at
        self._keys_version = 0
        self._look_at = 0.0
        cloud.authenticator = self

    def forget(self) -> None:
        """Nothing remembered holds any more."""
        self._sessions.clear()
        self._forgotten += 1

    def cached(self, token: str) -> Caller | None:
        """The caller, if the token was seen before and nothing changed since."""
        session = self._sessions.get(token)
        if session is None:
            return None
        now = clock.timestamp()
        if clock.monotonic() >= self._look_at or now >= session.payload.expires_at:
            return None
        return session.caller

    async def authenticate(self, token: str) -> Caller:
        """Raises Unauthorized."""
        try:
            return (await self.session(token)).caller
        except Rejected as reason:
            log.info("a token was refused: %s", reason)
            raise Unauthorized("The request you have made requires authentication.") from None

    async def session(self, token: str, grace: int = 0) -> Session:
        """What the token stands for; with `grace` also if it expired no more than so many seconds ago. Raises Rejected."""
        if self.cached(token) is not None:
            return self._sessions[token]
        payload = self.read(token)
        if grace and clock.timestamp() >= payload.expires_at:
            return await self.cloud.db.read(lambda tx: validate(tx, payload, grace))
        forgotten = self._forgotten
        found = await self.cloud.db.read(lambda tx: self._look_up(tx, token, payload))
        if forgotten == self._forgotten:
            if len(self._sessions) >= REMEMBERED:
                self._sessions.pop(next(iter(self._sessions)))
            self._sessions[token] = found
        return found

    def _look_up(self, tx: Transaction, token: str, payload: Payload) -> Session:
        now_at = generation(tx)
        self.keys.refresh()
        if now_at != self._generation or self.keys.version != self._keys_version:
            if self._generation >= 0:
                self._sessions.clear()
            self._generation, self._keys_version = now_at, self.keys.version
        self._look_at = clock.monotonic() + LOOK_SECONDS
        remembered = self._sessions.get(token)
        if remembered is not None and clock.timestamp() < payload.expires_at:
            return remembered
        return validate(tx, payload)

    def read(self, token: str) -> Payload:
        """The payload of a token that one of our keys made, valid or not. Raises Rejected."""
        opened = self.keys.open(token) if len(token) <= LONGEST else None
        if opened is None:
            raise Rejected("none of the keys made it", "Could not recognize Fernet token")
        try:
            return unpack(*opened)
        except NotAPayload as error:
            raise Rejected(f"a key of ours sealed what is no payload: {error}", "Could not recognize Fernet token") from error

    def write(self, payload: Payload) -> str:
        """The token of a payload."""
        return self.keys.seal(pack(payload), payload.issued_at)
