"""What other services may call of the volume service."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monostack.core.errors import NotFound
from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.protocol.guests import VolumeConnection
from monostack.services.volume import keys, proxied
from monostack.services.volume.attachments import rules
from monostack.services.volume.attachments.table import OF_SERVERS, ONE, of_volume, set_attachment
from monostack.services.volume.keys import seal, unseal
from monostack.services.volume.snapshots import api as snapshots
from monostack.services.volume.snapshots.lookup import snapshot as find_snapshot
from monostack.services.volume.snapshots.table import ONE as ONE_SNAPSHOT
from monostack.services.volume.snapshots.table import of_volume as snapshots_of
from monostack.services.volume.snapshots.table import set_snapshot
from monostack.services.volume.types import table as types
from monostack.services.volume.volumes import contents, creation, deletion, lookup
from monostack.services.volume.volumes.creation import image_metadata
from monostack.services.volume.volumes.table import BY_ID, VOLUMES, disk_format, set_volume
from monostack.services.volume.words import invalid_volume, missing

__all__ = [
    "Attachment", "Snapshot", "Volume", "attachments_of", "authorize_reimage", "begin_detach", "complete_attach", "connection",
    "create", "create_snapshot", "delete", "fail_snapshot", "get", "get_snapshot", "has_type", "image_metadata", "proxied", "reachable",
    "reimage", "release", "reserve", "roll_back_detach", "seal", "state", "unseal",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume as compute needs it. `host` keeps its file; size in GiB."""

    id: str
    name: str | None
    size: int
    status: str
    bootable: bool
    multiattach: bool
    availability_zone: str
    host: str | None
    project_id: str
    image_metadata: Mapping[str, Any] | None
    fault: str | None
    migration_status: str | None


@dataclass(frozen=True, slots=True)
class Attachment:
    """A server's hold on a volume: reserved, attached or detaching."""

    id: str
    volume_id: str
    server_id: str
    device: str | None  # /dev/vdb
    status: str
    read_only: bool


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot as compute needs it. Size in GiB."""

    id: str
    volume_id: str
    size: int
    status: str
    host: str | None  # that keeps its file


def _volume(row: Row) -> Volume:
    return Volume(
        row.id, row.name, row.size, row.status, row.bootable, row.multiattach, row.availability_zone, row.host, row.project_id,
        row.image_meta, row.fault, row.migration_status,
    )  # fmt: skip


def get(tx: Transaction, request: Request, volume_id: str) -> Volume:
    """A volume of the caller's project (any for administrators). Raises NotFound in Cinder's words."""
    row = tx.row(BY_ID, {"the_id": volume_id})
    if row is None or not (row.project_id == request.caller.project_id or request.caller.is_admin):
        raise missing("Volume", volume_id)
    return _volume(row)


def state(tx: Transaction, volume_id: str) -> Volume | None:
    """A volume whoever owns it, for workflows; None once it is gone."""
    row = tx.row(BY_ID, {"the_id": volume_id})
    return None if row is None else _volume(row)


def create(tx: Transaction, request: Request, body: Mapping[str, Any], near: str | None = None) -> Volume:
    """Write a volume and start its making; `body` as the create call takes it (size, name, imageRef, snapshot_id ...).

    `near` is the host of the server it is for.
    """
    return _volume(creation.create(request.to("block-storage"), tx, body, near=near))


def create_snapshot(tx: Transaction, request: Request, volume_id: str, name: str) -> Snapshot:
    """Write a snapshot of a volume, with the volume's description, and start its making, also while a server has the volume."""
    ours = request.to("block-storage")
    row = lookup.volume(tx, ours, volume_id)
    ours.authorize("volume:create_snapshot", VOLUMES.target(row))
    made = snapshots.begin(ours, tx, row, {"name": name, "description": row.description}, in_use=True)
    return Snapshot(made.id, made.volume_id, made.size, made.status, made.host)


def get_snapshot(tx: Transaction, request: Request, snapshot_id: str) -> Snapshot:
    """A snapshot the caller may know of. Raises NotFound."""
    row = find_snapshot(tx, request.to("block-storage"), snapshot_id)
    return Snapshot(row.id, row.volume_id, row.size, row.status, row.host)


def fail_snapshot(tx: Transaction, volume_id: str, snapshot_id: str) -> None:
    """Whoever was to make or delete a snapshot of the volume from outside could not. Nothing happens to any other snapshot."""
    row = tx.row(ONE_SNAPSHOT, {"the_id": snapshot_id})
    if row is not None and row.volume_id == volume_id:
        set_snapshot(tx, snapshot_id, expected="creating", status="error")
        set_snapshot(tx, snapshot_id, expected="deleting", status="error_deleting")


def has_type(tx: Transaction, request: Request, named: str) -> bool:
    """Is there a volume type of this name or id that the caller may use?"""
    try:
        types.find(tx, request.to("block-storage"), named)
    except NotFound:
        return False
    return True


def authorize_reimage(tx: Transaction, request: Request, volume_id: str) -> None:
    """May the caller replace what a volume of a server holds? Raises NotFound, Forbidden."""
    ours = request.to("block-storage")
    ours.authorize("volume:reimage_reserved", VOLUMES.target(lookup.volume(tx, ours, volume_id)))


def reimage(tx: Transaction, cloud: Any, volume_id: str, image_id: str, image_meta: Mapping[str, str]) -> None:
    """Begin to replace what a volume holds by an image; until it is done the volume is "downloading". For workflows of its server.

    `image_meta` is what the volume then remembers of the image (`image_metadata`). Nothing happens to a volume that is gone.
    """
    row = tx.row(BY_ID, {"the_id": volume_id})
    if row is not None:
        contents.begin_reimage(tx, cloud, row, image_id, image_meta)


def delete(tx: Transaction, cloud: Any, volume_id: str) -> None:
    """Begin to delete a volume that no server has any more. For workflows: no caller is asked.

    Nothing to do when it is gone or going. One with snapshots stays: they may be all that its owner has kept.
    """
    row = tx.row(BY_ID, {"the_id": volume_id})
    if row is not None and row.status != "deleting" and not snapshots_of(tx, volume_id):
        deletion.start(tx, cloud, row, [])


def reachable(kept: Volume | Snapshot, cloud: Any, host: str) -> bool:
    """Can a guest on `host` use the volume, or one made of the snapshot? Its file is on one host; simulated hosts share theirs."""
    if kept.host == host:
        return True
    hello = cloud.hosts.hello(host)
    return hello is not None and hello.inventory.accelerator == "simulated"


def reserve(tx: Transaction, request: Request | None, volume_id: str, server_id: str, device: str | None = None) -> str:
    """Keep a volume for a server, which makes it "reserved". Returns the attachment's id. Raises NotFound, BadRequest."""
    row = tx.row(BY_ID, {"the_id": volume_id})
    if row is None:
        raise missing("Volume", volume_id)
    if any(attachment.server_id == server_id for attachment in of_volume(tx, volume_id)):
        raise invalid_volume(f"volume {volume_id} already attached to instance {server_id}")
    return rules.reserve(tx, request, row, server_id, device=device)


def complete_attach(tx: Transaction, attachment_id: str, host: str, device: str | None = None) -> None:
    """The guest has the volume: "in-use". `device` as /dev/vdb."""
    rules.complete(tx, attachment_id, host=host, device=device)


def begin_detach(tx: Transaction, attachment_id: str) -> None:
    """The volume is about to be taken from its server: "detaching"."""
    row = tx.row(ONE, {"the_id": attachment_id})
    if row is not None:
        set_attachment(tx, attachment_id, status="detaching")
        set_volume(tx, row.volume_id, status="detaching")


def roll_back_detach(tx: Transaction, attachment_id: str) -> None:
    """Detaching failed: the server still has the volume."""
    row = tx.row(ONE, {"the_id": attachment_id})
    if row is not None and row.status == "detaching":
        set_attachment(tx, attachment_id, status="attached")
        set_volume(tx, row.volume_id, status="in-use")


def release(tx: Transaction, attachment_id: str) -> None:
    """The server does not have the volume any more: "available", unless another has it. Safe to repeat."""
    rules.release(tx, attachment_id)


def connection(tx: Transaction, cloud: Any, volume_id: str) -> VolumeConnection | None:
    """How the agent finds the volume, by id below its own volume directory, and opens it: for no other eyes. None once it is gone."""
    row = tx.row(BY_ID, {"the_id": volume_id})
    if row is None:
        return None
    return VolumeConnection("file", f"{row.id}.{disk_format(row)}", disk_format(row), keys.opened(cloud, row))


def attachments_of(tx: Transaction, server_ids: Sequence[str]) -> dict[str, list[Attachment]]:
    """The attachments of servers, in the order they were made."""
    found: dict[str, list[Attachment]] = {}
    for row in tx.rows(OF_SERVERS, {"servers": list(server_ids)}):
        attachment = Attachment(row.id, row.volume_id, row.server_id, row.device, row.status, row.mode == "ro")
        found.setdefault(row.server_id, []).append(attachment)
    return found
