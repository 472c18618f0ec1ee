"""Shelving: a server leaves its host for an image of its disk, and comes back, perhaps to another host."""

from collections.abc import Mapping
from typing import Any

from monostack.core.errors import BadRequest, Conflict
from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.services.compute import quotas
from monostack.services.compute.hosts.known import known_hosts
from monostack.services.compute.hosts.life import is_up, signs_of_life
from monostack.services.compute.parameters import ANYTHING, NAME, TEXT, fields, one
from monostack.services.compute.scheduler import NoValidHost, Place, pick, resources_for
from monostack.services.compute.servers import history, placing, table
from monostack.services.compute.servers import volumes as server_volumes
from monostack.services.compute.servers.actions import ACTIONS
from monostack.services.compute.servers.create_image import new_image
from monostack.services.compute.servers.lookup import authorize, check_state, for_action, visible
from monostack.services.compute.servers.power import begin
from monostack.services.compute.servers.states import ACTIVE, PAUSED, SHELVED_OFFLOADED, SHELVING, SHELVING_OFFLOADING, UNSHELVING
from monostack.services.network import facade as network
from monostack.services.placement import facade as placement

_ZONE = {**fields({"availability_zone": NAME}, ("availability_zone",)), "type": ["object", "null"]}
_ZONE_OR_HOST = {**fields({"availability_zone": {"type": ["string", "null"]}, "host": TEXT}), "type": ["object", "null"]}
_UNSHELVE = [((0, 0), one("unshelve", ANYTHING)), ((2, 77), one("unshelve", _ZONE)), ((2, 91), one("unshelve", _ZONE_OR_HOST))]


@ACTIONS.action("shelve", body=one("shelve", ANYTHING), policy="os_compute_api:os-shelve:shelve")
def shelve_server(request: Request, tx: Transaction) -> None:
    """Turn a server off and make an image of its disk. Unless the configuration keeps it on its host for a while, it leaves at once."""
    server = for_action(request, tx, "os_compute_api:os-shelve:shelve", "shelve", with_tpm=False)
    image_id = None
    if not server_volumes.is_volume_backed(tx, server):
        image_id = new_image(request, tx, server, f"{server.name}-shelved", "snapshot").id
    more = {"image_id": image_id, "running": server.vm_state in (ACTIVE, PAUSED)}
    begin(request, tx, server, "shelve", "shelve_server", SHELVING, **more)


@ACTIONS.action("shelveOffload", body=one("shelveOffload", ANYTHING), policy="os_compute_api:os-shelve:shelve_offload")
def offload_server(request: Request, tx: Transaction) -> None:
    """Let a shelved server leave its host."""
    server = for_action(request, tx, "os_compute_api:os-shelve:shelve_offload", "shelveOffload")
    begin(request, tx, server, "shelveOffload", "offload_server", SHELVING_OFFLOADING)


@ACTIONS.action("unshelve", body=_UNSHELVE, policy="os_compute_api:os-shelve:unshelve")
def unshelve_server(request: Request, tx: Transaction) -> None:
    """Bring a shelved server back, from 2.77 on to a zone, from 2.91 on to a host."""
    server = visible(request, tx)
    authorize(request, "os_compute_api:os-shelve:unshelve", server)
    check_state(request, server, "unshelve")
    asked = request.body["unshelve"] or {}
    wanted: dict[str, Any] = {name: asked[name] for name in ("availability_zone",) if request.at_least(2, 77) and name in asked}
    host = asked.get("host") if request.at_least(2, 91) else None
    zone = _check_wanted(request, tx, server, wanted, host)
    if server.vm_state != SHELVED_OFFLOADED:
        begin(request, tx, server, "unshelve", "unshelve_server", UNSHELVING, offloaded=False)
        return
    claimed = resources_for(server.flavor, local_root=not server_volumes.is_volume_backed(tx, server))
    quotas.Budget(tx, request.cloud, server.project_id).require_held(claimed)
    table.update(tx, server.id, availability_zone=zone)
    _unshelve(request, tx, server, zone, host)


def _check_wanted(request: Request, tx: Transaction, server: Row, wanted: Mapping[str, Any], host: str | None) -> str | None:
    """The zone the server is to be in. Raises Conflict, BadRequest and PolicyNotAuthorized in Nova's words."""
    if (wanted or host) and server.vm_state != SHELVED_OFFLOADED:
        raise Conflict(
            f'Specifying an availability zone or a host when unshelving server "{server.id}" with status "{server.vm_state}" is not '
            "supported. The server status must be SHELVED_OFFLOADED."
        )
    known = known_hosts(tx)
    new = wanted.get("availability_zone")
    if new:
        living = signs_of_life(tx)
        if not any(each.zone == new and each.enabled and is_up(each, living) for each in known.by_id.values()):
            raise BadRequest("The requested availability zone is not available")
    zone = new if wanted else server.availability_zone
    if host:
        authorize(request, "os_compute_api:os-shelve:unshelve_to_host", server)
        if host not in known.by_name:
            raise BadRequest(f"Compute host {host} could not be found.")
        if zone is not None and known.by_name[host].zone != zone:
            raise Conflict(f'Host "{host}" is not in the availability zone "{zone}".')
    return zone


def _unshelve(request: Request, tx: Transaction, server: Row, zone: str | None, host: str | None) -> None:
    """Claim a host for a server that has none. That none is fit is told by the action: the server stays shelved."""
    flavor = {**server.flavor, "id": server.flavor_id}
    hosts = [host] if host else None
    wish = placing.wish_of(tx, request.cloud, server, flavor, hosts=hosts, zone=zone, from_disks=False)
    try:
        found: Place = pick(tx, wish)
    except NoValidHost as none:
        started = history.input_of(server)["started"]
        failure = history.event("schedule_instances", started, None, f"No valid host was found. {none.details}")
        history.start(tx, request, server.id, "unshelve", [failure], message="Error")
        return
    placement.claim(tx, server.id, found.amounts, server.project_id, server.user_id)
    network.bind(tx, request.cloud, [port.id for port in network.ports_of(tx, [server.id]).get(server.id, ())], found.host.name, server.id)
    table.update(tx, server.id, host=found.host.name)
    begin(request, tx, server, "unshelve", "unshelve_server", UNSHELVING, offloaded=True, host=found.host.name)
