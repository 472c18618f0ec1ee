"""What subports share with their parent: the host, and so the state of their trunk."""

from collections.abc import Collection, Iterable
from typing import Any

import sqlalchemy as sa

from monostack.core import clock
from monostack.db import Transaction
from monostack.services.network.changes import changed
from monostack.services.network.lookup import among, read
from monostack.services.network.ports.table import PORTS, find_many
from monostack.services.network.trunks.table import SUBPORT, TRUNKS, legs, of_trunks, trunks_of

_p, _t = PORTS.table.c, TRUNKS.table.c
_host: Any = sa.bindparam("the_host", type_=sa.String)
_MOVE = (
    sa.update(PORTS.table)
    .where(among(_p.id))
    .values(
        host=_host,
        vif_type=sa.bindparam("the_vif", type_=sa.String),
        device_owner=sa.bindparam("the_owner", type_=sa.String),
        status="DOWN",
        revision_number=_p.revision_number + 1,
        updated_at=sa.bindparam("at"),
    )
)
_TRUNKS = sa.select(_t.id, _t.port_id).where(among(_t.id))
_STATUS = sa.update(TRUNKS.table).where(_t.id == sa.bindparam("the_id"), _t.status != sa.bindparam("the_status"))
_SET_STATUS = _STATUS.values(status=sa.bindparam("the_status"))


def follow(tx: Transaction, cloud: Any, parent_ids: Collection[str]) -> None:
    """The subports of these parents are where their parent is now."""
    trunks = trunks_of(tx, parent_ids)
    if not trunks:
        return
    inside, parents = of_trunks(tx, trunks.values()), find_many(tx, trunks)
    for parent_id, trunk_id in trunks.items():
        parent = parents[parent_id]
        _place(tx, cloud, [row.port_id for row in inside.get(trunk_id, ())], parent.host, parent.vif_type, SUBPORT)
    refresh(tx, trunks)


def leave(tx: Transaction, cloud: Any, port_ids: Collection[str]) -> None:
    """These ports are in no trunk any more."""
    _place(tx, cloud, port_ids, "", "unbound", "")


def _place(tx: Transaction, cloud: Any, port_ids: Collection[str], host: str, vif_type: str, owner: str) -> None:
    if port_ids:
        at = clock.now().isoformat(timespec="microseconds")
        tx.execute(_MOVE, {"ids": list(port_ids), "the_host": host, "the_vif": vif_type, "the_owner": owner, "at": at})
        changed(tx, cloud, "port", port_ids)


def refresh(tx: Transaction, port_ids: Iterable[str]) -> None:
    """Say of the trunks of these ports, parents or subports, what their ports' states come to.

    ACTIVE: all of them work; DEGRADED: some subports do not; ERROR: none of them does; DOWN: the parent does not.
    """
    ids = list(port_ids)
    trunk_ids = {*trunks_of(tx, ids).values(), *(leg.trunk_id for leg in legs(tx, ids).values())}
    if not trunk_ids:
        return
    inside = of_trunks(tx, trunk_ids)
    for trunk_id, parent_id in read(tx, _TRUNKS, trunk_ids):
        members = [row.port_id for row in inside.get(trunk_id, ())]
        ports = find_many(tx, [parent_id, *members])
        states = [ports[id].status for id in members if id in ports]
        tx.execute(_SET_STATUS, {"the_id": trunk_id, "the_status": _state(ports[parent_id].status, states)})


def _state(parent: str, members: list[str]) -> str:
    if parent != "ACTIVE":
        return "DOWN"
    if all(state == "ACTIVE" for state in members):
        return "ACTIVE"
    if "ERROR" in members:
        return "DEGRADED" if "ACTIVE" in members else "ERROR"
    return "DOWN"


