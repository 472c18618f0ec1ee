"""Making, adopting, binding and giving back the ports of servers."""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from monostack.core import clock
from monostack.core.errors import BadRequest, Conflict
from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.services.network import quotas
from monostack.services.network.changes import changed
from monostack.services.network.local_ips.table import keeping
from monostack.services.network.lookup import among
from monostack.services.network.ports import reservations
from monostack.services.network.ports.create import create_port
from monostack.services.network.ports.delete import delete_port
from monostack.services.network.ports.table import BOUND, PORTS, UNBOUND, asked_of_hosts, find_many, of_devices
from monostack.services.network.ports.update import arrive, update_port
from monostack.services.network.servers.info import PortInfo
from monostack.services.network.servers.read import ports
from monostack.services.network.trunks.following import follow

RESERVED = "NetworksWithQoSPolicyNotSupported"

_p = PORTS.table.c
_host: Any = sa.bindparam("the_host", type_=sa.String)
_BIND = (
    sa.update(PORTS.table)
    .where(among(_p.id), _p.host != _host)
    .values(
        host=_host,
        vif_type=sa.bindparam("the_vif", type_=sa.String),
        status="DOWN",
        revision_number=_p.revision_number + 1,
        updated_at=sa.bindparam("at"),
    )
)
_HOSTED = sa.update(PORTS.table).where(_p.id == sa.bindparam("the_id")).values(vif_type=BOUND)


def allocate_port(
    tx: Transaction,
    request: Request,
    network_id: str,
    *,
    device_id: str,
    device_owner: str,
    fixed_ip: str | None = None,
    security_groups: Sequence[str] = (),
    host: str = "",
    hostname: str = "",
) -> PortInfo:
    """Make a port of the caller's project for a server.

    Raises BadRequest of the kind RESERVED where ports of the network ask for a share of their host: hosts are chosen before.
    """
    project_id = request.project_id
    quotas.reserve(tx, request.cloud, "port", [{"project_id": project_id}])
    values: dict[str, Any] = {"network_id": network_id, "project_id": project_id, "device_id": device_id, "device_owner": device_owner}
    values |= {"binding:host_id": host, "dns_name": hostname, "allocated_for": device_id}
    if fixed_ip is not None:
        values["fixed_ips"] = [{"ip_address": fixed_ip}]
    if security_groups:
        values["security_groups"] = list(security_groups)
    row = create_port(tx, request.cloud, request, values)
    if asked_of_hosts(tx, [row]):
        text = f"Using networks with QoS policy is not supported for instance {device_id}. (Network ID is {network_id})"
        raise BadRequest(text, kind=RESERVED)
    if host:
        tx.execute(_HOSTED, {"the_id": row.id})
    return ports(tx, [row.id])[row.id]


def adopt_port(tx: Transaction, request: Request, port_id: str, *, device_id: str, device_owner: str, host: str = "") -> PortInfo:
    """Give the caller's existing port to a server."""
    row = PORTS.get(request, tx, port_id)
    if row.device_id and row.device_id != device_id:
        raise Conflict(f"Port {port_id} is still in use.")
    update_port(tx, request.cloud, request, row, {"device_id": device_id, "device_owner": device_owner})
    if host:
        bind(tx, request.cloud, [port_id], host, device_id)
    return ports(tx, [port_id])[port_id]


def bind(tx: Transaction, cloud: Any, port_ids: Iterable[str], host: str, holder: str) -> None:
    """These ports live on `host` from now on, where `holder` (a server, or its migration) has in placement what they ask for."""
    ids = list(port_ids)
    _move(tx, cloud, ids, host, BOUND)
    reservations.write_down(tx, list(find_many(tx, ids).values()), holder)


def unbind(tx: Transaction, cloud: Any, port_ids: Iterable[str]) -> None:
    """These ports live nowhere, and hold nothing there."""
    ids = list(port_ids)
    _move(tx, cloud, ids, "", UNBOUND)
    reservations.erase(tx, list(find_many(tx, ids).values()))


def _move(tx: Transaction, cloud: Any, port_ids: list[str], host: str, vif_type: str) -> None:
    if port_ids:
        if host:
            for row in find_many(tx, port_ids).values():
                arrive(tx, row, row.device_owner, host)
        at = clock.now().isoformat(timespec="microseconds")
        tx.execute(_BIND, {"ids": port_ids, "the_host": host, "the_vif": vif_type, "at": at})
        changed(tx, cloud, "port", port_ids)
        follow(tx, cloud, port_ids)


def release_ports(tx: Transaction, cloud: Any, device_id: str, port_ids: Iterable[str] | None = None) -> None:
    """The server gives back these ports, or all of them. Those made for it go, unless their address is that of a local IP."""
    if port_ids is None:
        rows: Sequence[Row] = of_devices(tx, [device_id]).get(device_id, [])
    else:
        rows = [row for row in find_many(tx, port_ids).values() if row.device_id == device_id]
    stays = keeping(tx, [row.id for row in rows])
    for row in rows:
        if row.allocated_for == device_id and row.id not in stays:
            delete_port(tx, cloud, None, row)
        else:
            reservations.give_back(tx, row)
            unbound: dict[str, Any] = {"binding:host_id": "", "binding:vif_type": UNBOUND, "status": "DOWN"}
            if reservations.ALLOCATION in (row.profile or {}):
                unbound["binding:profile"] = reservations.without(row.profile)
            update_port(tx, cloud, None, row, {"device_id": "", "device_owner": "", **unbound})
