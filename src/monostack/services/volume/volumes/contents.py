"""Actions that replace what is in a volume: by its latest snapshot, or by an image."""

from collections.abc import Mapping
from typing import Any

from monostack.core.errors import BadRequest, Conflict, NotFound
from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.services.image import facade as images
from monostack.services.volume import image_keys
from monostack.services.volume.attachments.table import of_volume
from monostack.services.volume.parameters import FLAG, UUID, as_flag, enveloped, fields
from monostack.services.volume.snapshots.table import of_volume as snapshots_of
from monostack.services.volume.snapshots.table import set_snapshot
from monostack.services.volume.volumes.actions import actions
from monostack.services.volume.volumes.creation import check_image, image_metadata
from monostack.services.volume.volumes.lookup import named, volume
from monostack.services.volume.volumes.table import VOLUMES, set_volume
from monostack.services.volume.words import either, invalid_volume, missing

_REVERT = enveloped("revert", fields(open=True, snapshot_id={"type": ["string", "null"]}))


@actions.action("revert", since=(3, 40), body=_REVERT, policy="volume:revert_to_snapshot")
def revert(request: Request, tx: Transaction) -> None:
    """Return the volume to what its latest snapshot holds."""
    row, wanted = volume(tx, request, request.params["id"], hidden=False), request.body["revert"].get("snapshot_id")
    latest = next(iter(snapshots_of(tx, row.id)), None)
    if latest is None:
        raise BadRequest(f"Volume {row.id} doesn't have any snapshots.")
    if wanted != latest.id:
        raise BadRequest(f"Specified snapshot {wanted} is None or not the latest one of volume {row.id}.")
    cannot = f"Can't revert volume {row.id} to its latest snapshot {latest.id}."
    if row.size != latest.size:
        raise BadRequest(f"{cannot} The volume size must be equal to the snapshot size.")
    request.authorize("volume:revert_to_snapshot", VOLUMES.target(row))
    if row.status != "available":
        raise Conflict(f"Invalid volume: {cannot} Volume's status must be 'available'.")
    if latest.status != "available":
        raise Conflict(f"Invalid snapshot: {cannot} Snapshot's status must be 'available'.")
    set_volume(tx, row.id, status="reverting", previous_status=row.status)
    set_snapshot(tx, latest.id, status="restoring")
    _refill(request, tx, row, {"snapshot_id": latest.id})


_REIMAGE = enveloped("os-reimage", fields(("image_id",), image_id=UUID, reimage_reserved=FLAG))


@actions.action("os-reimage", since=(3, 68), body=_REIMAGE, policy="volume:reimage")
def reimage(request: Request, tx: Transaction) -> None:
    """Replace what the volume holds by an image."""
    row, body = named(tx, request), request.body["os-reimage"]
    request.authorize("volume:reimage_reserved" if row.status == "reserved" else "volume:reimage", VOLUMES.target(row))
    if len(of_volume(tx, row.id)) > 1:
        raise Conflict("Cannot re-image a volume which is attached to more than one server.")
    expected = ("available", "error", "reserved") if as_flag(body.get("reimage_reserved", False)) else ("available", "error")
    if row.status not in expected:
        raise invalid_volume(f"Volume {row.id} status must be {either(expected)}, but current status is {row.status}.")
    try:
        image = images.get(tx, request, body["image_id"])
    except NotFound:
        raise missing("Image", body["image_id"]) from None
    check_image(image_keys.content(tx, image, encrypted=row.encryption_key_id is not None), row.size)
    set_volume(tx, row.id, status="downloading", previous_status=row.status)
    _refill(request, tx, row, {"image_id": image.id, "image_meta": image_metadata(image)})


def begin_reimage(tx: Transaction, cloud: Any, row: Row, image_id: str, image_meta: Mapping[str, str]) -> None:
    """Replace what a volume holds by an image, for a workflow that has taken it out of use; it is as it was afterwards."""
    set_volume(tx, row.id, status="downloading", previous_status=row.status)
    source = {"image_id": image_id, "image_meta": dict(image_meta)}
    cloud.start(tx, "refill_volume", row.id, {**source, "host": row.host, "size": row.size}, None, row.project_id)


def _refill(request: Request, tx: Transaction, row: Row, source: dict[str, Any]) -> None:
    request.cloud.start(tx, "refill_volume", row.id, {**source, "host": row.host, "size": row.size}, request, row.project_id)
