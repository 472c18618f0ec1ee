"""GET, PUT and DELETE of one server."""

from typing import Any

from monostack.core.errors import Conflict
from monostack.db import Row, Transaction
from monostack.events import record
from monostack.http import Request, Routes
from monostack.services.compute.hosts.known import known_hosts
from monostack.services.compute.parameters import (
    DESCRIPTION,
    DISK_CONFIG,
    FQDN,
    HOSTNAME,
    IPV4,
    IPV6,
    NAME,
    NAME_OR_NONE,
    Json,
    fields,
    one,
    query,
)
from monostack.services.compute.servers import answers, table
from monostack.services.compute.servers.create.images import check_disk_config
from monostack.services.compute.servers.create.order import access_ip
from monostack.services.compute.servers.lookup import authorize, visible
from monostack.services.compute.servers.view import show
from monostack.services.network import facade as network

routes = Routes("/v2.1/servers")


def _update(version: tuple[int, int]) -> Json:
    properties: Json = {"name": NAME, "OS-DCF:diskConfig": DISK_CONFIG, "accessIPv4": IPV4, "accessIPv6": IPV6}
    if version >= (2, 19):
        properties["description"] = DESCRIPTION
    if version >= (2, 90):
        properties["hostname"] = FQDN if version >= (2, 94) else HOSTNAME
    if version >= (2, 104):
        properties["pinned_availability_zone"] = NAME_OR_NONE
    return one("server", fields(properties))


_UPDATE = [(version, _update(version)) for version in ((0, 0), (2, 19), (2, 90), (2, 94), (2, 104))]
_COLUMNS = {
    "description": "description", "hostname": "hostname", "OS-DCF:diskConfig": "disk_config", "accessIPv4": "access_ip_v4",
    "accessIPv6": "access_ip_v6",
}  # fmt: skip


@routes.get("/{id}", policy="os_compute_api:servers:show", query=query({}), answer=answers.ONE)
def show_server(request: Request, tx: Transaction) -> Any:
    """Show a server."""
    server = visible(request, tx)
    request.authorize("os_compute_api:servers:show", {"project_id": server.project_id})
    return show(request, tx, server.id)


@routes.put("/{id}", policy="os_compute_api:servers:update", body=_UPDATE, answer=answers.UPDATED)
def update_server(request: Request, tx: Transaction) -> Any:
    """Update a server's name, description, host name, access addresses and disk configuration."""
    server = visible(request, tx)
    authorize(request, "os_compute_api:servers:update", server)
    given = request.body["server"]
    values = {column: given[name] for name, column in _COLUMNS.items() if name in given}
    for column in ("access_ip_v4", "access_ip_v6"):
        if column in values:
            values[column] = access_ip(values[column])
    if "name" in given:
        values["name"] = given["name"].strip()
    check_disk_config(server, values.get("disk_config"))
    if "pinned_availability_zone" in given:
        values["availability_zone"] = _pinned(tx, server, given["pinned_availability_zone"])
    if values:
        table.update(tx, server.id, **values)
        record(tx, request, "server.update", server.id, server.project_id, {"changed": sorted(values)})
    if "name" in values or "hostname" in values:
        network.items_changed(tx, request.cloud, "metadata", [server.id])
    return show(request, tx, server.id, everything=request.at_least(2, 75))


def _pinned(tx: Transaction, server: Row, asked: str | None) -> str | None:
    """The zone the server stays in when it moves: none, or the one it is in. Raises Conflict."""
    current = known_hosts(tx).zone_of(server.host) if server.host else None
    if asked is None or asked == server.availability_zone:
        return asked
    if server.availability_zone is not None:
        raise Conflict("Cannot change pinned availability zone directly. Unpin first by setting pinned_availability_zone to null.")
    if asked != current:
        raise Conflict(f"Server can only be pinned to its current availability zone '{current}', but '{asked}' was requested.")
    return asked
