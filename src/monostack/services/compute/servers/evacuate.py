"""Evacuation: a server whose host is down is made again on another one, from its image or its volumes."""

from typing import Any

from monostack.core.errors import BadRequest, NotFound
from monostack.db import Transaction
from monostack.http import Request, Response
from monostack.http.answers import NOTHING
from monostack.services.compute import tpm
from monostack.services.compute.hosts.known import known_hosts
from monostack.services.compute.hosts.life import is_up, signs_of_life
from monostack.services.compute.migrations import table as migrations
from monostack.services.compute.parameters import BOOLEAN, FQDN, TEXT, Json, fields, is_true, one
from monostack.services.compute.scheduler import NoValidHost, Place, pick
from monostack.services.compute.servers import answers, history, placing, table
from monostack.services.compute.servers.actions import ACTIONS
from monostack.services.compute.servers.create.order import new_password
from monostack.services.compute.servers.lookup import authorize, check_state, visible
from monostack.services.compute.servers.power import begin
from monostack.services.compute.servers.states import ACTIVE, REBUILDING
from monostack.services.placement import facade as placement

_COMMON: Json = {"host": FQDN, "adminPass": TEXT}
_BODY = [
    ((0, 0), one("evacuate", fields({**_COMMON, "onSharedStorage": BOOLEAN}, ("onSharedStorage",)))),
    ((2, 14), one("evacuate", fields(_COMMON))),
    ((2, 29), one("evacuate", fields({**_COMMON, "force": BOOLEAN}))),
    ((2, 68), one("evacuate", fields(_COMMON))),
]


@ACTIONS.action("evacuate", body=_BODY, status=200, policy="os_compute_api:os-evacuate", answer=(answers.ADMIN_PASSWORD, NOTHING))
def evacuate_server(request: Request, tx: Transaction) -> Response:
    """Make a server again on another host, since its own is down. From 2.95 on it is stopped there."""
    asked = request.body["evacuate"]
    server = visible(request, tx)
    authorize(request, "os_compute_api:os-evacuate", server)
    host, known = asked.get("host"), known_hosts(tx)
    if request.at_least(2, 29) and is_true(asked.get("force", False)) and not host:
        raise BadRequest("Can't force to a non-provided destination")
    password = _password(request, asked)
    if host is not None and host not in known.by_name:
        raise NotFound(f"Compute host {host} not found.")
    if server.host == host:
        raise BadRequest("The target host can't be the same one.")
    tpm.refuse(server, "evacuate")
    check_state(request, server, "evacuate")
    source = known.by_name.get(server.host)
    if source is not None and is_up(source, signs_of_life(tx)):
        raise BadRequest(f"Compute service of {server.host} is still in use.")
    table.update(tx, server.id, admin_pass=password[:255] if password else None)
    _place(request, tx, server, host)
    return Response(None if request.at_least(2, 14) else {"adminPass": password})


def _password(request: Request, asked: dict[str, Any]) -> str | None:
    """The one asked for, or a new one. Raises BadRequest where disks that exist would have to get it."""
    shared = not request.at_least(2, 14) and is_true(asked["onSharedStorage"])
    if shared and "adminPass" in asked:
        raise BadRequest("admin password can't be changed on existing disk")
    return asked["adminPass"] if "adminPass" in asked else None if shared else new_password()


def _place(request: Request, tx: Transaction, server: Any, host: str | None) -> None:
    """Claim another host. That none is fit is told by the action: the server stays where it is."""
    flavor = {**server.flavor, "id": server.flavor_id}
    hosts = [host] if host else None
    zone = server.availability_zone
    wish = placing.wish_of(tx, request.cloud, server, flavor, hosts=hosts, avoid=[server.host], zone=zone, from_disks=False)
    values = {
        "server_id": server.id, "project_id": request.caller.project_id, "user_id": request.caller.user_id,
        "kind": migrations.EVACUATION, "source": server.host, "old_flavor": flavor, "new_flavor": flavor,
    }  # fmt: skip
    try:
        found: Place = pick(tx, wish)
    except NoValidHost as none:
        migrations.add(tx, status=migrations.ERROR, **values)
        events = [history.event("rebuild_server", history.input_of(server)["started"], None, f"{none.message} {none.details}")]
        history.start(tx, request, server.id, "evacuate", events, message="Error")
        return
    address = request.cloud.hosts.address(found.host.name)
    uuid = migrations.add(tx, status=migrations.ACCEPTED, dest=found.host.name, dest_address=address, **values)
    placement.move(tx, server.id, uuid, found.amounts, server.project_id, server.user_id)
    running = server.vm_state == ACTIVE and not request.at_least(2, 95)
    more = {"source": server.host, "dest": found.host.name, "host": found.host.name, "migration": uuid, "running": running}
    begin(request, tx, server, "evacuate", "evacuate_server", REBUILDING, **more)
