"""The next free address of a subnet, without looking at all that are taken.

Addresses are handed out upwards from the last one, around each pool: what was given back rests as long as possible, and the search
begins where it most likely succeeds at once. Where that is, is remembered in memory; a wrong memory only costs time.
"""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from netaddr import IPAddress

from monostack.db import Transaction
from monostack.services.network.addresses.table import allocations, position

_REMEMBERED = 10_000  # pools
_AT_ONCE = 4096

_a = allocations.c
_IN_POOL = (_a.subnet_id == sa.bindparam("subnet"), _a.position >= sa.bindparam("first"), _a.position <= sa.bindparam("last"))
_NEXT_TAKEN = sa.select(_a.position).where(*_IN_POOL).order_by(_a.position).limit(sa.bindparam("many"))
_HIGHEST = sa.select(sa.func.max(_a.position)).where(*_IN_POOL)
_places: dict[tuple[str, str], int] = {}


def next_free(tx: Transaction, subnet_id: str, pools: Sequence[Mapping[str, str]], *, first: bool = False) -> str | None:
    """A free address, or None when all pools are used up. With `first` the lowest one."""
    for pool in pools:
        low, high = IPAddress(pool["start"]), IPAddress(pool["end"])
        place = (subnet_id, pool["start"])
        start = int(low) if first else _start(tx, place, low, high)
        found = _search(tx, subnet_id, start, int(high), low.version)
        if found is None and start > int(low):
            found = _search(tx, subnet_id, int(low), start - 1, low.version)
        if found is not None:
            if not first:
                _remember(place, found + 1)
            return str(IPAddress(found, low.version))
    return None


def _start(tx: Transaction, place: tuple[str, str], low: IPAddress, high: IPAddress) -> int:
    known = _places.get(place)
    if known is None:
        bounds = {"subnet": place[0], "first": position(str(low)), "last": position(str(high))}
        highest = tx.scalar(_HIGHEST, bounds)
        known = int(low) if highest is None else int(highest, 16) + 1
    return known if int(low) <= known <= int(high) else int(low)


def _remember(place: tuple[str, str], number: int) -> None:
    if place not in _places and len(_places) >= _REMEMBERED:
        _places.pop(next(iter(_places)))
    _places[place] = number


def _search(tx: Transaction, subnet_id: str, start: int, end: int, version: int) -> int | None:
    """The first number from start to end that is not taken."""
    width = 8 if version == 4 else 32
    many = 1
    while start <= end:
        bounds = {"subnet": subnet_id, "first": f"{start:0{width}x}", "last": f"{end:0{width}x}", "many": many}
        taken = tx.rows(_NEXT_TAKEN, bounds)
        for row in taken:
            if int(row[0], 16) != start:
                return start
            start += 1
        if len(taken) < many:
            return start if start <= end else None
        many = min(many * 16, _AT_ONCE)
    return None
