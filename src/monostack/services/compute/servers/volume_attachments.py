"""/servers/{id}/os-volume_attachments: the volumes of a server, each known by the volume's id."""

from collections.abc import Mapping
from typing import Any

from monostack.core import clock, ids
from monostack.core.errors import BadRequest, Conflict, Fault, NotBuilt, NotFound
from monostack.db import Row, Transaction
from monostack.events import record
from monostack.http import Request, Routes
from monostack.http.answers import NOTHING, Answers, envelope, many
from monostack.services.compute.dialect import bare
from monostack.services.compute.guests.disks import local_disks
from monostack.services.compute.paging import slice_of
from monostack.services.compute.parameters import BOOLEAN, NON_NEGATIVE, TAG, UUID, Json, fields, is_true, one, queries
from monostack.services.compute.servers import answers, history
from monostack.services.compute.servers import volumes as server_volumes
from monostack.services.compute.servers.lookup import check_state, visible
from monostack.services.compute.workflows.release import let_go, mark_attached
from monostack.services.volume import facade as volume

_DEVICE: Json = {"type": ["string", "null"], "pattern": "(^/dev/x{0,1}[a-z]{0,1}d{0,1})([a-z]+)[0-9]*$", "maxLength": 255}
_UPDATE_FIELDS = {"volumeId": UUID, "device": _DEVICE, "tag": TAG, "delete_on_termination": BOOLEAN, "serverId": UUID, "id": UUID}
MIGRATING = ("starting", "migrating", "completing")  # what Cinder says of a volume that is on its way
MAX_VOLUMES = 25  # of one server, beside its root disk: as many letters as there are


def _create(**more: Json) -> Json:
    return one("volumeAttachment", fields({"volumeId": UUID, "device": _DEVICE, **more}, ("volumeId",)))


_CREATE = [((0, 0), _create()), ((2, 49), _create(tag=TAG)), ((2, 79), _create(tag=TAG, delete_on_termination=BOOLEAN))]
_UPDATE = [
    ((0, 0), one("volumeAttachment", fields({"volumeId": UUID}, ("volumeId",)))),
    ((2, 85), one("volumeAttachment", fields(_UPDATE_FIELDS, ("volumeId",)))),
]

routes = Routes("/v2.1/servers/{id}/os-volume_attachments")


def _server(request: Request, tx: Transaction, action: str) -> Row:
    server = visible(request, tx)
    request.authorize(f"os_compute_api:os-volumes-attachments:{action}", {"project_id": server.project_id})
    return server


def _view(request: Request, held: Row) -> dict[str, Any]:
    shown: dict[str, Any] = {"serverId": held.server_id, "volumeId": held.volume_id, "device": held.device}
    if not request.at_least(2, 89):
        shown["id"] = held.volume_id
    if request.at_least(2, 70):
        shown["tag"] = held.tag
    if request.at_least(2, 79):
        shown["delete_on_termination"] = held.delete_on_termination
    if request.at_least(2, 89):
        shown.update(attachment_id=held.attachment_id, bdm_uuid=held.id)
    return shown


def _held(request: Request, tx: Transaction, server: Row) -> Row:
    volume_id = request.params["key"]
    held = server_volumes.find(tx, server.id, volume_id)
    if held is None:
        raise NotFound(f"Instance {server.id} is not attached to volume {volume_id}")
    return held


@routes.get(
    "",
    policy="os_compute_api:os-volumes-attachments:index",
    query=queries({"limit": NON_NEGATIVE, "offset": NON_NEGATIVE}),
    answer=envelope("volumeAttachments", many(answers.ATTACHMENT)),
)
def list_attachments(request: Request, tx: Transaction) -> Any:
    """List a server's volumes."""
    server = _server(request, tx, "index")
    offset, limit = slice_of(request)
    rows = server_volumes.attached_to(tx, [server.id]).get(server.id, [])[offset : offset + limit]
    return {"volumeAttachments": [_view(request, row) for row in rows]}


@routes.get("/{key}", policy="os_compute_api:os-volumes-attachments:show", answer=envelope("volumeAttachment", answers.ATTACHMENT))
def show_attachment(request: Request, tx: Transaction) -> Any:
    """Show one of a server's volumes."""
    return {"volumeAttachment": _view(request, _held(request, tx, _server(request, tx, "show")))}


@routes.post(
    "",
    policy="os_compute_api:os-volumes-attachments:create",
    body=_CREATE,
    answer=Answers({200: envelope("volumeAttachment", answers.NEW_ATTACHMENT), 202: NOTHING}),
)
def attach_volume(request: Request, tx: Transaction) -> Any:
    """Attach a volume to a server."""
    server = _server(request, tx, "create")
    given = request.body["volumeAttachment"]
    found = volume.get(tx, request, given["volumeId"])
    check_state(request, server, "attach_volume")
    attached = server_volumes.attached_to(tx, [server.id]).get(server.id, [])
    _check_volume(request, tx, server, found, given)
    names = [*(row.device for row in attached), *(disk.device for disk in local_disks(server))]
    device = _device(given.get("device"), names)
    if len(attached) >= MAX_VOLUMES:
        raise BadRequest(f"The maximum allowed number of disk devices ({MAX_VOLUMES}) to attach to a single instance has been exceeded.")
    try:
        attachment_id = volume.reserve(tx, request, found.id, server.id, device)
    except Fault as fault:
        raise BadRequest(fault.message) from None
    keep = not is_true(given.get("delete_on_termination", False))
    server_volumes.add(
        tx,
        {
            "id": ids.new_uuid(), "number": max((row.number for row in attached), default=0) + 1, "server_id": server.id,
            "volume_id": found.id, "attachment_id": attachment_id, "device": device, "boot_index": None,
            "delete_on_termination": not keep, "tag": given.get("tag"), "bus": "virtio", "attached": False, "created_at": clock.now(),
        },
    )  # fmt: skip
    _start(request, tx, server, "attach_volume", found.id)
    if request.at_least(2, 101):
        return bare(202)
    shown: dict[str, Any] = {"id": found.id, "serverId": server.id, "volumeId": found.id, "device": device}
    if request.at_least(2, 70):
        shown["tag"] = given.get("tag")
    if request.at_least(2, 79):
        shown["delete_on_termination"] = not keep
    return {"volumeAttachment": shown}


def _check_volume(request: Request, tx: Transaction, server: Row, found: volume.Volume, given: Mapping[str, Any]) -> None:
    """Can the server have the volume? Raises BadRequest."""
    holders = [held.server_id for held in server_volumes.of_volume(tx, found.id)]
    if holders and not found.multiattach:
        raise BadRequest(f"Invalid volume: volume {found.id} is already attached to instances: {' '.join(holders)}")
    if server.id in holders:
        raise BadRequest(f"Invalid volume: volume {found.id} already attached")
    if server.host is None and given.get("tag"):
        raise BadRequest("Tagged volume attachment is not supported for shelved-offloaded instances.")
    if server.host is None and found.multiattach:
        raise BadRequest("Attaching multiattach volumes is not supported for shelved-offloaded instances.")
    if found.multiattach and not request.at_least(2, 60):
        raise BadRequest("Multiattach volumes are only supported starting with compute API version 2.60.")
    if found.status != "available" and not (found.multiattach and found.status == "in-use"):
        message = f"volume '{found.id}' status must be 'available'. Currently in '{found.status}' status"
        raise BadRequest(f"Invalid volume: Invalid input received: Invalid volume: {message}")
    if server.host is not None and not volume.reachable(found, request.cloud, server.host):
        raise BadRequest(f"Invalid volume: the host of server {server.id} cannot reach volume {found.id}")


def _device(asked: str | None, used: list[str]) -> str:
    """The device asked for, if it is one of ours and free; else the next one. Raises Conflict."""
    if asked is None or not asked.startswith("/dev/vd"):
        return server_volumes.next_device(used)
    if asked in used or asked == "/dev/vda":
        raise Conflict(f"The supplied device path ({asked}) is in use.")
    return asked


def _start(request: Request, tx: Transaction, server: Row, verb: str, volume_id: str) -> None:
    """Have the server's guest get the volume or let it go. A server that is on no host, since it is shelved, has no guest: it is done."""
    record(tx, request, f"server.{verb}", server.id, server.project_id, {"volume_id": volume_id})
    given = history.input_of(server, volume_id=volume_id)
    if server.host is not None:
        history.start(tx, request, server.id, verb)
        request.cloud.start(tx, verb, server.id, given, request, server.project_id)
        return
    history.start(tx, request, server.id, verb, [history.event(f"api_{verb}", given["started"], None)])
    if verb == "attach_volume":
        mark_attached(tx, server.id, volume_id, "")
    else:
        held = _held(request, tx, server)
        let_go(tx, server.id, volume_id)
        if held.delete_on_termination:  # as Nova does it, which lets volumes of running servers stay
            volume.delete(tx, request.cloud, volume_id)


@routes.put("/{key}", policy="os_compute_api:os-volumes-attachments:update", status=202, body=_UPDATE, answer=NOTHING)
def update_attachment(request: Request, tx: Transaction) -> None:
    """Say whether a volume goes when its server goes, from 2.85 on. Swapping volumes is for the volume service alone."""
    server = visible(request, tx)
    given, volume_id = request.body["volumeAttachment"], request.params["key"]
    swaps = not request.at_least(2, 85) or given["volumeId"] != volume_id
    rule, target = ("swap", {}) if swaps else ("update", {"project_id": server.project_id})
    request.authorize(f"os_compute_api:os-volumes-attachments:{rule}", target)
    if request.at_least(2, 85):
        _update(tx, server, volume_id, given)
    if swaps:
        _swap(request, tx, server, volume.get(tx, request, volume_id), given["volumeId"])


def _update(tx: Transaction, server: Row, volume_id: str, given: Mapping[str, Any]) -> None:
    held = server_volumes.find(tx, server.id, volume_id)
    if held is None:
        raise NotFound(f"No volume Block Device Mapping with id {volume_id}.")
    kept = {"id": held.volume_id, "serverId": server.id, "device": held.device, "tag": held.tag}
    for name, value in kept.items():
        if name in given and given[name] != value:
            raise BadRequest(f"The {name} property is not mutable")
    if "delete_on_termination" in given:
        server_volumes.set_delete_on_termination(tx, server.id, volume_id, is_true(given["delete_on_termination"]))


def _swap(request: Request, tx: Transaction, server: Row, old: volume.Volume, new_id: str) -> None:
    """What Cinder asks for in the middle of a migration. Volumes here migrate in another way, so it ends where Nova would begin."""
    if not old.migration_status:
        raise Conflict(f"volume {old.id} is not migrating; this API should only be called by Cinder")
    try:
        new = volume.get(tx, request, new_id)
    except NotFound as fault:
        raise BadRequest(fault.message) from None
    check_state(request, server, "swap_volume")
    holders = [held.server_id for held in server_volumes.of_volume(tx, old.id)]
    if server.id not in holders:
        raise BadRequest("Invalid volume: Old volume is attached to a different instance.")
    if server_volumes.of_volume(tx, new.id):
        raise BadRequest("Invalid volume: New volume must be detached in order to swap.")
    if new.size < old.size:
        raise BadRequest("Invalid volume: New volume must be the same size or larger.")
    held = [one for attached in volume.attachments_of(tx, holders).values() for one in attached if one.volume_id == old.id]
    if len(held) > 1 and sum(not one.read_only for one in held) > 1:
        raise BadRequest("Swapping multi-attach volumes with more than one read/write attachment is not supported.")
    raise NotBuilt(f"Swapping volume {old.id} of server {server.id} for another is not implemented.")


@routes.delete("/{key}", policy="os_compute_api:os-volumes-attachments:delete", status=202, answer=NOTHING)
def detach_volume(request: Request, tx: Transaction) -> None:
    """Detach a volume from a server."""
    server = _server(request, tx, "delete")
    found = volume.get(tx, request, request.params["key"])
    held = _held(request, tx, server)
    if held.boot_index == 0:
        raise BadRequest("Cannot detach a root device volume")
    check_state(request, server, "detach_volume")
    if not held.attached or found.status != "in-use" or found.migration_status in MIGRATING:
        wanted = "Volume status must be 'in-use' and attach_status must be 'attached' to detach."
        told = f"Invalid volume: Unable to detach volume. {wanted} (HTTP 400) (Request-ID: {request.request_id})"
        raise BadRequest(f"Invalid volume: Invalid input received: {told}")
    volume.begin_detach(tx, held.attachment_id)
    _start(request, tx, server, "detach_volume", found.id)
