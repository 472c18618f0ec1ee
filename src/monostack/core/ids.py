"""Every identifier Monostack makes comes from here, so that simulation can make them repeatable."""

import random
import secrets
from collections.abc import Callable

_FIXED = 0xF000 << 64 | 0xC000 << 48  # the bits of a UUID that are not random: RFC 9562
_VERSION_4 = 0x4000 << 64 | 0x8000 << 48


def _system_bits(bits: int) -> int:
    return secrets.randbits(bits)


_bits: Callable[[int], int] = _system_bits


def seed(value: int | None) -> None:
    """Make ids repeatable (simulation and tests), or random again with None."""
    global _bits
    _bits = random.Random(value).getrandbits if value is not None else _system_bits


def new_uuid() -> str:
    """A random UUID with dashes: servers, ports, volumes, images."""
    digits = new_hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def new_hex() -> str:
    """A random UUID without dashes: projects, users, roles, as Keystone writes them."""
    return f"{_bits(128) & ~_FIXED | _VERSION_4:032x}"


def new_request_id() -> str:
    return "req-" + new_uuid()


def random_int(bits: int) -> int:
    return _bits(bits)
