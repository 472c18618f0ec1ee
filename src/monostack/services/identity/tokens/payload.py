"""What a token carries, in as few bytes as can be: ids of 32 hexadecimal digits as 16 bytes, methods as bits, the scope as one of KINDS."""

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from monostack.core import ids

UNSCOPED, DOMAIN, PROJECT, TRUST, ACCESS_TOKEN, SYSTEM, APPLICATION_CREDENTIAL = 0, 1, 2, 3, 7, 8, 9
METHODS = ("password", "token", "application_credential", "oauth1", "totp")  # in the order of their bits
DELEGATED = (TRUST, ACCESS_TOKEN, APPLICATION_CREDENTIAL)

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Any]).decode


class NotAPayload(Exception):
    """Bytes that are no token's payload."""


@dataclass(frozen=True, slots=True)
class Payload:
    """`generation` and `scope_generation` are the numbers the user's and the scope's revocations had reached when the token was made.

    `audit_ids` are the token's own and, if it was made with another token, that of the first in the chain. Times are seconds since the
    epoch.
    """

    user_id: str
    methods: tuple[str, ...]
    expires_at: int
    audit_ids: tuple[str, ...]
    generation: int
    kind: int = UNSCOPED
    scope_id: str | None = None  # project or domain
    scope_generation: int = 0
    delegation_id: str | None = None  # trust, access token or application credential
    issued_at: int = 0


def new_audit_id() -> str:
    """Names a token in logs and revocations; it does not let anybody in."""
    return _unpack_audit(ids.random_int(128).to_bytes(16))


def pack_methods(methods: Iterable[str]) -> int:
    return sum(1 << METHODS.index(method) for method in methods)


def unpack_methods(bits: int) -> tuple[str, ...]:
    return tuple(method for bit, method in enumerate(METHODS) if bits >> bit & 1)


def _pack_id(value: str | None) -> bytes | str | None:
    if value is not None and len(value) == 32:
        try:
            packed = bytes.fromhex(value)
        except ValueError:
            return value
        return packed if packed.hex() == value else value
    return value


def _unpack_id(value: bytes | str | None) -> str | None:
    return value.hex() if isinstance(value, bytes) else value


def _pack_audit(value: str) -> bytes:
    return base64.urlsafe_b64decode(value + "==")


def _unpack_audit(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def pack(payload: Payload) -> bytes:
    """Everything but the time of issue, which the envelope of a Fernet token carries."""
    fields: list[Any] = [
        payload.kind,
        _pack_id(payload.user_id),
        pack_methods(payload.methods),
        payload.expires_at,
        [_pack_audit(one) for one in payload.audit_ids],
        payload.generation,
    ]
    if payload.scope_id is not None:
        fields += [_pack_id(payload.scope_id), payload.scope_generation]
    if payload.delegation_id is not None:
        fields.append(_pack_id(payload.delegation_id))
    return _encode(fields)


def unpack(data: bytes, issued_at: int) -> Payload:
    """Raises NotAPayload."""
    try:
        kind, user, methods, expires_at, audit, generation, *scope = _decode(data)
        scope_id, scope_generation = scope[:2] if kind not in (UNSCOPED, SYSTEM) else (None, 0)
        return Payload(
            user_id=_unpack_id(user) or "",
            methods=unpack_methods(methods),
            expires_at=expires_at,
            audit_ids=tuple(_unpack_audit(one) for one in audit),
            generation=generation,
            kind=kind,
            scope_id=_unpack_id(scope_id),
            scope_generation=scope_generation,
            delegation_id=_unpack_id(scope[2]) if kind in DELEGATED else None,
            issued_at=issued_at,
        )
    except (msgspec.DecodeError, ValueError, TypeError, IndexError) as error:
        raise NotAPayload(str(error)) from error
