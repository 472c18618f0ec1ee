"""Where libvirt expects its directories: the mount points of each libvirtd of ours, made and removed without spoiling another's.

A directory that is removed takes along what is mounted on it, in every mount namespace. So each daemon holds a shared lock on one of
them for as long as it lives, and they are removed only by who gets that lock alone.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

PLACES = {
    "etc": Path("/etc/libvirt"),
    "run": Path("/run/libvirt"),
    "lib": Path("/var/lib/libvirt"),
    "log": Path("/var/log/libvirt"),
    "cache": Path("/var/cache/libvirt"),
    "swtpm": Path("/var/log/swtpm"),
}
LOCKED = PLACES["lib"]
ALONE_WITHIN = 2.0  # seconds that a daemon which was just ended may take to let go


@contextlib.contextmanager
def in_use() -> Iterator[int]:
    """They exist, and stay for as long as any process has the descriptor that this yields."""
    while True:
        for place in PLACES.values():
            place.mkdir(mode=0o755, parents=True, exist_ok=True)
        with _opened() as lock:
            if lock is None:
                continue
            fcntl.flock(lock, fcntl.LOCK_SH)
            if _is_locked(lock) and all(place.exists() for place in PLACES.values()):
                yield lock
                return


def remove_unused() -> None:
    """Remove those that are empty, unless another daemon of ours runs: it is we who made them."""
    with _opened() as lock:
        if lock is None or not _lock_alone(lock):
            return
        for place in sorted(PLACES.values(), key=lambda place: place == LOCKED):
            with contextlib.suppress(OSError):  # not empty, or gone: there is another libvirt, or was
                place.rmdir()


@contextlib.contextmanager
def _opened() -> Iterator[int | None]:
    try:
        lock = os.open(LOCKED, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        yield None
        return
    try:
        yield lock
    finally:
        os.close(lock)


def _is_locked(lock: int) -> bool:
    """Whether the lock is on the directory that is there now, not on one that was removed meanwhile."""
    try:
        return os.path.samestat(os.fstat(lock), LOCKED.stat())
    except FileNotFoundError:
        return False


def _lock_alone(lock: int) -> bool:
    ends = time.monotonic() + ALONE_WITHIN
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() > ends:
                return False
            time.sleep(0.05)
