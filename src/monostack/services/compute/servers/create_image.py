"""createImage and createBackup: a server's root disk as an image, or its volumes as snapshots that an image names."""

from collections.abc import Mapping
from typing import Any

import msgspec

from monostack.core.errors import BadRequest, Fault, Forbidden
from monostack.db import Row, Transaction
from monostack.events import record
from monostack.http import Request, Response
from monostack.http.answers import NOTHING
from monostack.services.compute import quotas
from monostack.services.compute.guests.disks import LocalDisk, local_disks
from monostack.services.compute.parameters import METADATA, NAME, NON_NEGATIVE, TEXT, fields, one
from monostack.services.compute.servers import answers, history
from monostack.services.compute.servers import volumes as server_volumes
from monostack.services.compute.servers.actions import ACTIONS
from monostack.services.compute.servers.lookup import check_state, visible
from monostack.services.compute.servers.power import begin
from monostack.services.compute.servers.states import IMAGE_BACKUP, IMAGE_SNAPSHOT_PENDING
from monostack.services.image import facade as image
from monostack.services.volume import facade as volume

# Properties that are of one image by design: a snapshot does not have them.
_NOT_INHERITED = {
    "cache_in_nova", "bittorrent", "cinder_encryption_key_id", "cinder_encryption_key_deletion_policy", "img_signature",
    "img_signature_hash_method", "img_signature_key_type", "img_signature_certificate_uuid", "block_device_mapping", "bdm_v2",
    "root_device_name",
}  # fmt: skip
_RESERVED = "os_glance"
_CREATE = one("createImage", fields({"name": NAME, "metadata": METADATA}, ("name",)))
_BACKUP = one(
    "createBackup",
    fields(
        {"name": NAME, "backup_type": TEXT, "rotation": NON_NEGATIVE, "metadata": METADATA}, ("name", "backup_type", "rotation")
    ),
)  # fmt: skip
# What an image says of each disk, beside what is known of it.
_MAPPING: dict[str, Any] = dict.fromkeys(
    ("source_type", "destination_type", "guest_format", "device_type", "disk_bus", "boot_index", "device_name", "delete_on_termination",
     "snapshot_id", "volume_id", "volume_size", "image_id", "no_device", "tag", "volume_type", "encrypted", "encryption_secret_uuid",
     "encryption_format", "encryption_options")
)  # fmt: skip


@ACTIONS.action("createImage", body=_CREATE, policy="os_compute_api:servers:create_image", answer=(answers.IMAGE_ID, NOTHING))
def create_image(request: Request, tx: Transaction) -> Response:
    """Make an image of a server."""
    server = visible(request, tx)
    target = {"project_id": server.project_id}
    request.authorize("os_compute_api:servers:create_image", target)
    body = request.body["createImage"]
    metadata = body.get("metadata") or {}
    _check_metadata(request, tx, metadata)
    if server_volumes.is_volume_backed(tx, server):
        request.authorize("os_compute_api:servers:create_image:allow_volume_backed", target)
        check_state(request, server, "createImage")
        made = _of_volumes(request, tx, server, body["name"].strip(), metadata)
    else:
        check_state(request, server, "createImage")
        made = new_image(request, tx, server, body["name"].strip(), "snapshot", metadata)
        begin(request, tx, server, "createImage", "snapshot_server", IMAGE_SNAPSHOT_PENDING, image_id=made.id)
    return _answer(request, made, f"{request.app_url}/image/images/{made.id}")


@ACTIONS.action("createBackup", body=_BACKUP, policy="os_compute_api:os-create-backup", answer=(answers.IMAGE_ID, NOTHING))
def create_backup(request: Request, tx: Transaction) -> Response:
    """Make a backup of a server, and delete the oldest of its type that are too many."""
    server = visible(request, tx)
    request.authorize("os_compute_api:os-create-backup", {"project_id": server.project_id})
    body = request.body["createBackup"]
    metadata = body.get("metadata") or {}
    _check_metadata(request, tx, metadata)
    check_state(request, server, "createBackup")
    if server_volumes.is_volume_backed(tx, server):
        raise BadRequest("Backup is not supported for volume-backed instances.")
    kept, kind = int(body["rotation"]), body["backup_type"]
    made = new_image(request, tx, server, body["name"].strip(), "backup", {**metadata, "backup_type": kind})
    more = {"image_id": made.id, "owner": made.owner, "backup_type": kind, "rotation": kept}
    begin(request, tx, server, "createBackup", "backup_server", IMAGE_BACKUP, **more)
    return _answer(request, made, f"{request.service_url}/images/{made.id}" if kept else None)


def _answer(request: Request, made: image.ImageInfo, location: str | None) -> Response:
    """From 2.45 on the image's id; before, where it is."""
    if request.at_least(2, 45):
        return Response({"image_id": made.id}, 202)
    return Response(None, 202, {"location": location} if location else {})


def _check_metadata(request: Request, tx: Transaction, metadata: Mapping[str, str]) -> None:
    if request.at_least(2, 39) or not metadata:
        return
    quotas.Budget(tx, request.cloud, request.project_id).require("metadata_items", len(metadata), "Image metadata limit exceeded")


def new_image(
    request: Request, tx: Transaction, server: Row, name: str, kind: str, more: Mapping[str, str] | None = None
) -> image.ImageInfo:
    """An image that waits for the bits of a server's root disk, with what it inherits of the server's own image.

    `kind` is its image_type: "snapshot" (also of a server that is shelved) or "backup". The steps of workflows.snapshot_server then give
    it its bits, on the host that the workflow's input names and with the image's id in `image_id`:

        made = new_image(request, tx, server, f"{server.name}-shelved", "snapshot")
        request.cloud.start(tx, "shelve_server", server.id, history.input_of(server, image_id=made.id), request, server.project_id)

        SHELVE = Workflow("shelve_server", (..., COPY, UPLOAD, ...), failed=...)    # and there: image.drop(tx, run.cloud, image_id)

    Raises Forbidden, TooLarge.
    """
    own = {"instance_uuid": server.id, "user_id": request.caller.user_id, "image_type": kind, **(more or {})}
    values, properties = _inherited(server, own)
    if kind == "snapshot":
        values.update(disk_format=None, container_format=None)  # those of the bits, once they are there
    return _create(request, tx, server, name, values, properties)


def _create(
    request: Request, tx: Transaction, server: Row, name: str, values: dict[str, Any], properties: Mapping[str, str], *,
    empty: bool = False,
) -> image.ImageInfo:
    """An image of the caller's project; who makes one of another project's server shares it with that project."""  # fmt: skip
    share_with = server.project_id if request.caller.project_id != server.project_id else None
    return image.create(tx, request, name, properties, values, share_with, empty=empty)


def _inherited(server: Row, more: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """The attributes and properties that a snapshot takes over from the image its server was made from."""
    kept: Mapping[str, Any] = server.image or {}
    inherited = {
        name: str(value) for name, value in (kept.get("properties") or {}).items()
        if name not in _NOT_INHERITED and not name.startswith(_RESERVED)
    }  # fmt: skip
    inherited.update(base_image_ref=server.image_id, **(kept.get("made_by") or {}))
    values = {
        "min_ram": kept.get("min_ram") or 0, "min_disk": kept.get("min_disk") or server.flavor["disk"],
        "disk_format": kept.get("declared_format"), "container_format": kept.get("container_format"),
    }  # fmt: skip
    return values, {**inherited, **more}


# --- of volume-backed servers --------------------------------------------------------------------------------------------


def _of_volumes(request: Request, tx: Transaction, server: Row, name: str, metadata: Mapping[str, str]) -> image.ImageInfo:
    """An image without bits: it names a snapshot of each volume, and its like boots from volumes made of them. It is there at once."""
    started = history.input_of(server)["started"]
    mapping = [_local(disk) for disk in local_disks(server)]
    try:
        for held in server_volumes.attached_to(tx, [server.id]).get(server.id, ()):
            made = volume.create_snapshot(tx, request, held.volume_id, f"snapshot for {name}")
            mapping.append(_snapshot(held, made))
    except Fault as fault:
        if fault.status == 413:
            raise Forbidden("Quota exceeded for resources: snapshots") from None
        raise
    values, properties = _inherited(server, {**metadata, "root_device_name": server.root_device or "/dev/vda"})
    properties.update(block_device_mapping=msgspec.json.encode(mapping).decode(), bdm_v2="True")
    values.update(disk_format="raw", container_format="bare")
    found = _create(request, tx, server, name, values, properties, empty=True)
    history.start(tx, request, server.id, "createImage", [history.event("api_snapshot_instance", started, server.host)])
    record(tx, request, "server.createImage", server.id, server.project_id, {"image_id": found.id})
    return found


def _snapshot(held: Row, made: volume.Snapshot) -> dict[str, Any]:
    return {
        **_MAPPING, "source_type": "snapshot", "destination_type": "volume", "snapshot_id": made.id, "boot_index": held.boot_index,
        "device_name": held.device, "delete_on_termination": held.delete_on_termination, "volume_size": made.size,
    }  # fmt: skip


def _local(disk: LocalDisk) -> dict[str, Any]:
    return {
        **_MAPPING, "source_type": "blank", "destination_type": "local", "guest_format": disk.guest_format, "device_type": "disk",
        "boot_index": -1, "device_name": disk.device, "delete_on_termination": True, "volume_size": disk.size, "no_device": False,
        "encrypted": False,
    }  # fmt: skip
