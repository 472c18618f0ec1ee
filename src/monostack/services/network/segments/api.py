"""Creating, changing and deleting segments of networks that are there."""


import sqlalchemy as sa

from monostack.core.errors import Fault
from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.services.network import standard
from monostack.services.network.attributes import Values
from monostack.services.network.changes import changed
from monostack.services.network.networks import table as networks
from monostack.services.network.ports.table import BOUND, PORTS
from monostack.services.network.segments import types
from monostack.services.network.segments.table import SEGMENTS, connected, of_networks
from monostack.services.network.subnets.table import SUBNETS
from monostack.services.network.verbs import Verbs
from monostack.services.network.words import conflict

_p, _u = PORTS.table.c, SUBNETS.table.c
_SUBNETS = sa.select(_u.id).where(_u.segment_id == sa.bindparam("segment")).order_by(_u.id)
_BOUND = sa.select(_p.id, _p.device_owner).where(_p.network_id == sa.bindparam("network"), _p.vif_type == BOUND)
_AUTOMATIC = "network:dhcp"  # the cloud plugs it in again elsewhere


def create_segment(tx: Transaction, request: Request, values: Values) -> Row:
    network = networks.get(tx, values["network_id"])
    present = of_networks(tx, [network.id]).get(network.id, [])
    wanted = {name: values.get(name) for name in ("network_type", "physical_network", "segmentation_id")}
    types.check(request.cloud, wanted)
    made = types.reserve(tx, wanted, None)
    types.checked_mtu([*(row.network_type for row in present), made["network_type"]], network.mtu)
    position = present[-1].position + 1 if present else 0
    row = standard.insert(SEGMENTS, tx, request, {**values, **made, "position": position})
    changed(tx, request.cloud, "network", [network.id])
    return row


def update_segment(tx: Transaction, request: Request, row: Row, changes: Values) -> Row:
    return SEGMENTS.change(tx, request, row, changes)


def delete_segment(tx: Transaction, request: Request, row: Row) -> None:
    subnets = [subnet.id for subnet in tx.rows(_SUBNETS, {"segment": row.id})]
    if subnets:
        raise _in_use(row.id, f"The segment is still associated with subnet(s) {', '.join(subnets)}")
    plugged = connected(tx, [row.network_id]).get(row.network_id)
    if plugged is not None and plugged.id == row.id:
        bound = tx.rows(_BOUND, {"network": row.network_id})
        if any(port.device_owner != _AUTOMATIC for port in bound):
            raise _in_use(row.id, f"The segment is still bound with {len(bound)} port(s)")
    standard.remove(SEGMENTS, tx, request, row)
    changed(tx, request.cloud, "network", [row.network_id])


def _in_use(id: str, reason: str) -> Fault:
    return conflict(f"Segment '{id}' cannot be deleted: {reason}.", "SegmentInUse")


VERBS = Verbs(SEGMENTS, create=create_segment, update=update_segment, delete=delete_segment, counted=False)
routes = [VERBS.routes()]
