"""Hashing passwords: argon2id (2 passes over 19 MiB, 1 lane: OWASP's choice), bcrypt accepted for checking. In few threads, off the loop.

A password that is longer than MAXIMUM is refused; bcrypt itself reads 72 bytes, as in Keystone.
"""

import asyncio
import hashlib
import os
import secrets
from concurrent.futures import ThreadPoolExecutor

import bcrypt
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from monostack.core import clock
from monostack.core.errors import Forbidden

MAXIMUM = 4096  # Keystone's [identity] max_password_length
REMEMBERED = 1024  # passwords

_hasher = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
# Each check takes 19 MiB: the number of threads bounds the memory that many logins at once can take.
_pool = ThreadPoolExecutor(max(2, min(4, os.cpu_count() or 2)), thread_name_prefix="password")
# A hash of nothing anybody has, so that a user that does not exist takes as long as one that does.
_NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5LWF0LWFsbA$zKDDCHlSwhtINyyKnpLBB1FZEAP7mB+bSrOgPRvdnCM"


def hash_now(password: str) -> str:
    """Hash in the caller's thread (tens of milliseconds)."""
    return _hasher.hash(password)


def verify_now(password: str, stored: str | None) -> bool:
    """Check in the caller's thread. Without a stored hash it takes as long and is False."""
    if stored is not None and stored.startswith(("$2a$", "$2b$", "$2y$")):
        try:
            return bcrypt.checkpw(password.encode()[:72], stored.encode())
        except ValueError:
            return False
    try:
        return _hasher.verify(stored or _NOBODY, password) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


def checked_length(password: str) -> str:
    if len(password.encode()) > MAXIMUM:
        raise Forbidden(
            f"The password length must be less than or equal to {MAXIMUM}. The server could not comply with the request because the"
            " password is invalid."
        )
    return password


async def hash_password(password: str) -> str:
    return await asyncio.get_running_loop().run_in_executor(_pool, hash_now, checked_length(password))


class Proven:
    """Passwords that were right a moment ago: a client that logs in for each command is hashed for once in a while (ADR 4).

    Only a digest of a password and the hash it matched is kept, under a key that this process alone has, for so many seconds from when
    it was hashed; 0: nothing. A changed password has another hash. A wrong one is never remembered, so guessing it stays as slow.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._key = secrets.token_bytes(32)
        self._until: dict[bytes, float] = {}

    def _digest(self, password: str, stored: str) -> bytes:
        return hashlib.blake2b(f"{stored}\0{password}".encode(), key=self._key, digest_size=32).digest()

    def holds(self, password: str, stored: str) -> bool:
        return self._until.get(self._digest(password, stored), 0.0) > clock.monotonic()

    def remember(self, password: str, stored: str) -> None:
        if self._seconds <= 0:
            return
        digest = self._digest(password, stored)
        self._until.pop(digest, None)
        if len(self._until) >= REMEMBERED:
            self._until.pop(next(iter(self._until)))  # the one that was hashed longest ago
        self._until[digest] = clock.monotonic() + self._seconds


async def verify_password(password: str, stored: str | None, proven: Proven | None = None) -> bool:
    """Check a password; without a stored hash it takes as long and is False."""
    if proven is not None and stored is not None and proven.holds(password, stored):
        return True
    right = await asyncio.get_running_loop().run_in_executor(_pool, verify_now, password, stored)
    if right and proven is not None and stored is not None:
        proven.remember(password, stored)
    return right
