"""Which ports are in which security groups."""

from collections.abc import Callable, Iterable, Sequence

import sqlalchemy as sa

from monostack.db import Id, Transaction, table
from monostack.services.network.lookup import among, values_of

bindings = table(
    "port_security_groups",
    sa.Column("port_id", Id(), sa.ForeignKey("ports.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("security_group_id", Id(), sa.ForeignKey("security_groups.id"), primary_key=True, index=True),
)
_b = bindings.c
_ADD = sa.insert(bindings)
_CLEAR = sa.delete(bindings).where(_b.port_id == sa.bindparam("port"))
_OF_PORTS = sa.select(_b.port_id, _b.security_group_id).where(among(_b.port_id)).order_by(_b.security_group_id)
_USED = sa.select(_b.port_id).where(_b.security_group_id == sa.bindparam("group_id")).limit(1)


def groups_of(tx: Transaction, port_ids: Iterable[str]) -> Callable[[str], list[str]]:
    """A function that gives the groups of one of these ports."""
    return values_of(tx, _OF_PORTS, port_ids)


def put_in(tx: Transaction, port_id: str, group_ids: Sequence[str]) -> None:
    """The port is in these groups and no others."""
    tx.execute(_CLEAR, {"port": port_id})
    for group_id in dict.fromkeys(group_ids):
        tx.execute(_ADD, {"port_id": port_id, "security_group_id": group_id})


def is_used(tx: Transaction, group_id: str) -> bool:
    return tx.scalar(_USED, {"group_id": group_id}) is not None
