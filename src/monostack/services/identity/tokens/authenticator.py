"""From a token to its session and caller, and to the catalog that goes with it; remembered until identity data changes."""

import logging
from typing import Any

import msgspec

from monostack.core import clock
from monostack.core.context import Caller
from monostack.core.errors import Unauthorized
from monostack.core.key_repository import KeyRepository
from monostack.db import Transaction
from monostack.services.identity import catalog
from monostack.services.identity.passwords import Proven
from monostack.services.identity.tokens.memory import Memory
from monostack.services.identity.tokens.payload import NotAPayload, Payload, pack, unpack
from monostack.services.identity.tokens.session import Rejected, Session, validate

log = logging.getLogger(__name__)

SESSIONS = 4096  # remembered
CATALOGS = 512
LONGEST = 1024  # characters of a token; ours have about 200

_encode = msgspec.json.Encoder().encode


class TokenAuthenticator:
    """One per controller. `cached` and `authenticate` serve the HTTP kernel; the rest is the identity service's own."""

    def __init__(self, cloud: Any) -> None:
        self.cloud = cloud
        self.keys = KeyRepository(cloud.state_dir / "fernet-keys")
        self.credential_keys = KeyRepository(cloud.state_dir / "credential-keys")
        self.sessions = Memory(self.keys, SESSIONS)
        self.catalogs = Memory(self.keys, CATALOGS)
        self.proven = Proven(cloud.config.identity.remember_passwords)
        cloud.authenticator = self

    def forget(self) -> None:
        """Nothing remembered holds any more."""
        self.sessions.forget()
        self.catalogs.forget()

    def cached(self, token: str) -> Caller | None:
        """The caller, if the token was seen before and nothing changed since."""
        session: Session | None = self.sessions.recall(token)
        if session is None or clock.timestamp() >= session.payload.expires_at:
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
        remembered: Session | None = self.sessions.recall(token)
        if remembered is not None and clock.timestamp() < remembered.payload.expires_at:
            return remembered
        payload = self.read(token)
        if clock.timestamp() >= payload.expires_at:
            return await self.cloud.db.read(lambda tx: validate(tx, payload, grace))

        def look_up(tx: Transaction) -> Session:
            return self.sessions.look(tx, token) or validate(tx, payload)

        moment = self.sessions.moment
        found = await self.cloud.db.read(look_up)
        self.sessions.remember(token, found, moment)
        return found

    async def catalog(self, app_url: str, session: Session) -> msgspec.Raw:
        """The catalog for a session, as JSON."""
        project_id = session.project.id if session.project is not None else None
        values = catalog.variables(app_url, session.actor.id, project_id)
        key = tuple(values.values())
        remembered: msgspec.Raw | None = self.catalogs.recall(key)
        if remembered is not None:
            return remembered

        def look_up(tx: Transaction) -> msgspec.Raw:
            return self.catalogs.look(tx, key) or msgspec.Raw(_encode(catalog.render(catalog.entries(tx, project_id), values)))

        moment = self.catalogs.moment
        found = await self.cloud.db.read(look_up)
        self.catalogs.remember(key, found, moment)
        return found

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
