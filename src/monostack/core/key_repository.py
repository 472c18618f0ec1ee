"""Repositories of keys that seal what is secret: files 0 (staged, the next primary key), 1, 2 ... (the highest is the primary key).

The layout is Keystone's, so its tools and habits apply: `rotate` makes the staged key the primary one, stages a new one and drops
the oldest.
"""

import os
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from monostack.core import clock

ACTIVE = 3  # keys kept: primary, staged, and one for tokens made before the last rotation
LOOK_SECONDS = 1.0
STAGED = 0


class NoKeys(Exception):
    """The repository holds no key."""


def _numbers(directory: Path) -> list[int]:
    return sorted(int(entry.name) for entry in directory.iterdir() if entry.name.isdigit())


def _write(directory: Path, number: int, key: bytes) -> None:
    """Whole or not at all, readable to the owner only."""
    temporary = directory / f".{number}.new"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(directory / str(number))


def create(directory: Path) -> None:
    """Make the repository with a primary and a staged key unless it is there."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not _numbers(directory):
        _write(directory, STAGED, Fernet.generate_key())
        rotate(directory)


def rotate(directory: Path, active: int = ACTIVE) -> int:
    """Rotate the keys; returns the number of the new primary key. Tokens made with the dropped key are no longer recognized."""
    numbers = _numbers(directory)
    if STAGED not in numbers:
        raise NoKeys(f"{directory} holds no staged key (file 0): it is not a key repository")
    primary = max(numbers) + 1
    (directory / str(STAGED)).rename(directory / str(primary))
    _write(directory, STAGED, Fernet.generate_key())
    old = [number for number in _numbers(directory) if number not in (STAGED, primary)]
    for number in old[: max(0, len(old) - (active - 2))]:
        (directory / str(number)).unlink()
    return primary


class KeyRepository:
    """The keys of a directory, read again when it changes (looked for at most once a second)."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.version = 0  # grows when keys were read anew
        self._seen = 0
        self._look_at = 0.0
        self._crypto: MultiFernet | None = None

    def refresh(self, now: bool = False) -> None:
        """Read the keys again if the directory changed; `now` looks even if it has just been looked at."""
        if self._crypto is not None and clock.monotonic() < self._look_at and not now:
            return
        self._look_at = clock.monotonic() + LOOK_SECONDS
        changed = self.directory.stat().st_mtime_ns
        if self._crypto is not None and changed == self._seen:
            return
        numbers = sorted(_numbers(self.directory), reverse=True)
        if not numbers:
            raise NoKeys(f"{self.directory} holds no keys")
        self._crypto = MultiFernet([Fernet((self.directory / str(number)).read_bytes()) for number in numbers])
        self._seen = changed
        self.version += 1

    @property
    def _cipher(self) -> MultiFernet:
        self.refresh()
        assert self._crypto is not None
        return self._crypto

    def seal(self, payload: bytes, at: int) -> str:
        """A token that says it was made at `at` seconds since the epoch, without the padding, which is not safe in URLs."""
        self.refresh(now=True)  # or it might be sealed with a key that is dropped sooner
        return self._cipher.encrypt_at_time(payload, at).rstrip(b"=").decode()

    def open(self, token: str) -> tuple[bytes, int] | None:
        """The payload and when it was made; None for what none of the keys made."""
        data = (token + "=" * (-len(token) % 4)).encode("latin-1", "replace")
        try:
            return self._cipher.decrypt(data), self._cipher.extract_timestamp(data)
        except InvalidToken:
            return None
