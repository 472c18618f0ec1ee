"""Rescue: a server boots from another image, with its own disks at hand. Source: Nova's rescue API, stable device rescue."""

from collections.abc import Mapping

from monostack.core.errors import BadRequest, Conflict, NotFound
from monostack.db import Row, Transaction
from monostack.http import Request, Response
from monostack.services.compute.parameters import ANYTHING, TEXT, UUID, fields, one
from monostack.services.compute.servers import answers, table
from monostack.services.compute.servers import volumes as server_volumes
from monostack.services.compute.servers.actions import ACTIONS
from monostack.services.compute.servers.create.order import new_password
from monostack.services.compute.servers.lookup import for_action
from monostack.services.compute.servers.power import begin
from monostack.services.compute.servers.states import RESCUING, UNRESCUING
from monostack.services.image import facade as image
from monostack.services.volume import facade as volume

_RESCUE = {**fields({"adminPass": TEXT, "rescue_image_ref": UUID}), "type": ["object", "null"]}
_DEVICE, _BUS = "hw_rescue_device", "hw_rescue_bus"


@ACTIONS.action("rescue", body=one("rescue", _RESCUE), policy="os_compute_api:os-rescue", status=200, answer=answers.ADMIN_PASSWORD)
def rescue_server(request: Request, tx: Transaction) -> Response:
    """Boot a server from a rescue image, by default its own."""
    asked = request.body["rescue"] or {}
    password = asked["adminPass"] if "adminPass" in asked else new_password()
    server = for_action(request, tx, "os_compute_api:os-rescue", "rescue", with_tpm=False)
    image_id, properties = _image(request, tx, server, asked.get("rescue_image_ref"))
    _check_volumes(tx, server)
    if server_volumes.is_volume_backed(tx, server) and not (request.at_least(2, 87) and _DEVICE in properties and _BUS in properties):
        raise BadRequest(f"Instance {server.id} cannot be rescued: Cannot rescue a volume-backed instance")
    table.update(tx, server.id, admin_pass=password[:255])
    begin(
        request, tx, server, "rescue", "rescue_server", RESCUING, vm_state=server.vm_state, image_id=image_id,
        stable=_DEVICE in properties or _BUS in properties, device=properties.get(_DEVICE, "disk"), bus=properties.get(_BUS),
    )  # fmt: skip
    return Response({"adminPass": password})


def _image(request: Request, tx: Transaction, server: Row, asked: str | None) -> tuple[str, Mapping[str, str]]:
    """The image to boot from, with its properties. Raises BadRequest in Nova's words."""
    if asked is None:
        return server.image_id, (server.image or {}).get("properties") or {}
    try:
        found = image.get(tx, request, asked)
    except NotFound:
        found = None
    if found is None or "img_block_device_mapping" in found.properties or "block_device_mapping" in found.properties:
        raise BadRequest(f"Requested rescue image '{asked}' is not supported")
    return found.id, found.properties


def _check_volumes(tx: Transaction, server: Row) -> None:
    for held in server_volumes.attached_to(tx, [server.id]).get(server.id, ()):
        found = volume.state(tx, held.volume_id)
        if found is not None and found.status != "in-use":
            reason = f"volume '{found.id}' status must be 'in-use'. Currently in '{found.status}' status"
            raise Conflict(f"Invalid volume: {reason}")


@ACTIONS.action("unrescue", body=one("unrescue", ANYTHING), policy="os_compute_api:os-unrescue")
def unrescue_server(request: Request, tx: Transaction) -> None:
    """Boot a rescued server from its own disks again."""
    server = for_action(request, tx, "os_compute_api:os-unrescue", "unrescue")
    begin(request, tx, server, "unrescue", "unrescue_server", UNRESCUING)
