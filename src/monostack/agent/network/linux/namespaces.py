"""Network namespaces: entering, making, finding and removing them.

Everything here acts on the calling thread only (a network namespace belongs to a thread), so it must run in the driver's
worker thread. `/proc/sys/net` and new sockets then belong to the entered namespace; `/sys` does not follow.
"""

import ctypes
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyroute2 import IPRoute, netns

DIRECTORY = Path(netns.NETNS_RUN_DIR)

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def setns(descriptor: int) -> None:
    """Move the calling thread into the network namespace of an open descriptor. Raises OSError."""
    if _libc.setns(descriptor, _CLONE_NEWNET) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"cannot enter network namespace: {os.strerror(code)}")


def unshare() -> None:
    """Move the calling thread into a new, empty network namespace. Raises OSError."""
    if _libc.unshare(_CLONE_NEWNET) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"cannot make a network namespace: {os.strerror(code)}")


@contextmanager
def _returning() -> Iterator[None]:
    """Come back to the thread's present namespace at the end."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield
    finally:
        try:
            setns(home)
        finally:
            os.close(home)


@contextmanager
def entered(name: str) -> Iterator[None]:
    """Run the block inside a namespace. Raises OSError (ENOENT: there is no such namespace)."""
    descriptor = os.open(DIRECTORY / name, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with _returning():
            setns(descriptor)
            yield
    finally:
        os.close(descriptor)


def enter_for_good(name: str) -> None:
    """Move the calling thread into a namespace."""
    descriptor = os.open(DIRECTORY / name, os.O_RDONLY | os.O_CLOEXEC)
    try:
        setns(descriptor)
    finally:
        os.close(descriptor)


def identity(name: str) -> int | None:
    """What tells this namespace from an earlier one of the same name; None when there is none."""
    try:
        found = os.stat(DIRECTORY / name)
    except FileNotFoundError:
        return None
    return found.st_ino if found.st_dev == os.stat("/proc/self/ns/net").st_dev else None


def process_identity(pid: int) -> int | None:
    """The namespace a process is in, comparable with `identity`; None when the process is gone."""
    try:
        return os.stat(f"/proc/{pid}/ns/net").st_ino
    except (FileNotFoundError, ProcessLookupError):
        return None


def ensure(name: str) -> bool:
    """Make a namespace, its loopback up, unless it is there. Returns whether it was made."""
    if identity(name) is not None:
        return False
    # A crash between making the mount point and mounting leaves a file that is no namespace.
    (DIRECTORY / name).unlink(missing_ok=True)
    with _returning():
        unshare()
        netns.attach(name, threading.get_native_id())
        with IPRoute() as netlink:
            netlink.link("set", index=1, state="up")
    return True


def remove(name: str) -> None:
    """Unname a namespace; it ends when the last process and socket in it end. Nothing happens when there is none."""
    if (DIRECTORY / name).exists():
        netns.remove(name)


def names() -> list[str]:
    """All named namespaces of the machine, also those of others."""
    return sorted(netns.listnetns())
