"""Every identifier Monostack makes comes from here, so that simulation can make them repeatable."""

import random
import secrets
import uuid
from collections.abc import Callable


def _system_bits(bits: int) -> int:
    return secrets.randbits(bits)


_bits: Callable[[int], int] = _system_bits


def seed(value: int | None) -> None:
    """Make ids repeatable (simulation and tests), or random again with None."""
    global _bits
    _bits = random.Random(value).getrandbits if value is not None else _system_bits


def new_uuid() -> str:
    """A random UUID with dashes: servers, ports, volumes, images."""
    return str(uuid.UUID(int=_bits(128), version=4))


def new_hex() -> str:
    """A random UUID without dashes: projects, users, roles, as Keystone writes them."""
    return uuid.UUID(int=_bits(128), version=4).hex


def new_request_id() -> str:
    return "req-" + new_uuid()


def random_int(bits: int) -> int:
    return _bits(bits)
