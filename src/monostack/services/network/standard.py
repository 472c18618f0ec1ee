"""What every network resource has: description, tags, times and a revision number.

Source: Neutron's "standard attributes".
"""

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from monostack.core import clock
from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.resources import Field, Resource, time
from monostack.services.network import values
from monostack.services.network.lookup import among
from monostack.services.network.tags.table import drop_tags

STANDARD = (
    Field("description", values.text(255), default="", create=True, update=True, nullable=True, sort=False),
    Field("created_at", time(), filter=False, sort=False),
    Field("updated_at", time(), filter=False, sort=False),
    Field("revision_number", values.number(), default=0, sort=False),
)
"""The columns. `tags` are a field of their own, since only ports take them on creation."""

_POLICY: dict[str, Any] = {"nullable": True, "filter": False, "sort": False, "index": True}
QOS_POLICY = Field("qos_policy_id", values.nullable(values.uuid()), create=True, update=True, **_POLICY)
"""The QoS policy of ports, networks and floating IPs."""

TAGS = Field("tags", values.tags(), column=None)


def insert(resource: Resource, tx: Transaction, request: Request | None, row: Mapping[str, Any], revision: int = 0) -> Row:
    """Write a new row. `revision` is the number Neutron shows after creation."""
    return resource.insert(tx, request, {"revision_number": revision, "description": "", **row})


def remove(resource: Resource, tx: Transaction, request: Request | None, row: Row) -> None:
    """Delete a row and its tags."""
    drop_tags(tx, row._mapping["id"])
    resource.remove(tx, request, row)


_bumps: dict[str, sa.Update] = {}


def bump(resource: Resource, tx: Transaction, ids: Iterable[str]) -> None:
    """A part of these resources changed: count it as a revision."""
    if resource.table_name not in _bumps:
        t = resource.table
        bumped = sa.update(t).where(among(t.c.id)).values(revision_number=t.c.revision_number + 1, updated_at=sa.bindparam("at"))
        _bumps[resource.table_name] = bumped
    wanted = list(ids)
    if wanted:
        tx.execute(_bumps[resource.table_name], {"ids": wanted, "at": clock.now().isoformat(timespec="microseconds")})
