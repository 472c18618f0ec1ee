"""Passcodes of six digits that change every half minute (TOTP, RFC 6238), from a secret that is kept as a credential of type `totp`."""

import base64
import hmac
from collections.abc import Iterator

import sqlalchemy as sa
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from monostack.core import clock
from monostack.db import Transaction
from monostack.services.identity.credentials.table import credentials

DIGITS = 6
SECONDS = 30
EARLIER = 1  # passcodes before the one of now that are good, too: Keystone's [totp] included_previous_windows

_SEALED_SECRETS = sa.select(credentials.c.encrypted_blob).where(credentials.c.user_id == sa.bindparam("user"), credentials.c.type == "totp")


def sealed_secrets(tx: Transaction, user_id: str) -> list[str]:
    return [row.encrypted_blob for row in tx.rows(_SEALED_SECRETS, {"user": user_id})]


def _good(secret: str) -> Iterator[str]:
    """The passcodes that are good now. Raises ValueError for a secret that is not written in base 32."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    totp = TOTP(key, DIGITS, SHA1(), SECONDS, enforce_key_length=False)
    for windows in range(EARLIER + 1):
        yield totp.generate(clock.timestamp() - windows * SECONDS).decode()


def is_good(passcode: object, secret: str) -> bool:
    if not isinstance(passcode, str):
        return False
    try:
        return any([hmac.compare_digest(passcode.encode(), good.encode()) for good in _good(secret)])
    except ValueError:  # whoever keeps a credential may keep what is no secret
        return False
