"""What other services may call of the volume service."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Row

from monostack.core.errors import NotFound
from monostack.db import Transaction
from monostack.http import Request
from monostack.protocol.guests import VolumeConnection
from monostack.services.volume import attachments as attaching
from monostack.services.volume.volumes import api
from monostack.services.volume.volumes.table import ATTACHMENT, BY_ID, OF_SERVERS, set_attachment, set_volume

__all__ = [
    "Attachment", "Volume", "attachments_of", "begin_detach", "complete_attach", "connection", "create", "delete", "get", "reachable",
    "release", "reserve", "roll_back_detach", "state",
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


@dataclass(frozen=True, slots=True)
class Attachment:
    """A server's hold on a volume: reserved, attached or detaching."""

    id: str
    volume_id: str
    server_id: str
    device: str | None  # /dev/vdb
    status: str
    read_only: bool


def _volume(row: Row[Any]) -> Volume:
    return Volume(
        row.id, row.name, row.size, row.status, row.bootable, row.multiattach, row.availability_zone, row.host, row.project_id,
        row.volume_image_metadata, row.fault,
    )  # fmt: skip


def get(tx: Transaction, request: Request, volume_id: str) -> Volume:
    """A volume of the caller's project (any for admins). Raises NotFound in Cinder's words."""
    row = tx.row(BY_ID, {"the_id": volume_id})
    if row is None or not (row.project_id == request.caller.project_id or request.caller.is_admin):
        raise NotFound(f"Volume {volume_id} could not be found.")
    return _volume(row)


def state(tx: Transaction, volume_id: str) -> Volume | None:
    """A volume whoever owns it, for workflows; None once it is gone."""
    row = tx.row(BY_ID, {"the_id": volume_id})
    return None if row is None else _volume(row)


def create(tx: Transaction, request: Request, body: Mapping[str, Any]) -> Volume:
    """Write a volume and start its making; `body` as the create call takes it (size, name, imageRef, snapshot_id ...)."""
    return _volume(api.create(request, tx, dict(body)))


def delete(tx: Transaction, cloud: Any, volume_id: str) -> None:
    """Begin to delete a volume that no server has any more; nothing to do when it is gone. For workflows: no caller is asked."""
    row = tx.row(BY_ID, {"the_id": volume_id})
    if row is None or row.status == "deleting":
        return
    set_volume(tx, volume_id, status="deleting", previous_status=row.status)
    cloud.cancel(tx, volume_id)
    cloud.start(tx, "delete_volume", volume_id, {"host": row.host}, None, row.project_id)


def reachable(volume: Volume, cloud: Any, host: str) -> bool:
    """Can a guest on `host` use the volume? Its file is on one host; simulated hosts share theirs."""
    if volume.host == host:
        return True
    hello = cloud.hosts.hello(host)
    return hello is not None and hello.inventory.accelerator == "simulated"


def reserve(tx: Transaction, request: Request | None, volume_id: str, server_id: str, device: str | None = None) -> str:
    """Keep a volume for a server, which makes it "reserved". Returns the attachment's id. Raises NotFound, BadRequest."""
    row = tx.row(BY_ID, {"the_id": volume_id})
    if row is None:
        raise NotFound(f"Volume {volume_id} could not be found.")
    return attaching.reserve(tx, request, row, server_id, device=device)


def complete_attach(tx: Transaction, attachment_id: str, host: str, device: str | None = None) -> None:
    """The guest has the volume: "in-use". `device` as /dev/vdb."""
    attaching.complete(tx, attachment_id, host=host, device=device)


def begin_detach(tx: Transaction, attachment_id: str) -> None:
    """The volume is about to be taken from its server: "detaching"."""
    row = tx.row(ATTACHMENT, {"the_id": attachment_id})
    if row is not None:
        set_attachment(tx, attachment_id, status="detaching")
        set_volume(tx, row.volume_id, status="detaching")


def roll_back_detach(tx: Transaction, attachment_id: str) -> None:
    """Detaching failed: the server still has the volume."""
    row = tx.row(ATTACHMENT, {"the_id": attachment_id})
    if row is not None and row.status == "detaching":
        set_attachment(tx, attachment_id, status="attached")
        set_volume(tx, row.volume_id, status="in-use")


def release(tx: Transaction, attachment_id: str) -> None:
    """The server does not have the volume any more: "available", unless another has it. Safe to repeat."""
    attaching.release(tx, attachment_id)


def connection(volume: Volume) -> VolumeConnection:
    """How the agent finds the volume: by id below its own volume directory."""
    return VolumeConnection(driver="file", path=f"{volume.id}.qcow2")


def attachments_of(tx: Transaction, server_ids: Sequence[str]) -> dict[str, list[Attachment]]:
    """The attachments of servers, in the order they were made."""
    found: dict[str, list[Attachment]] = {}
    for row in tx.rows(OF_SERVERS, {"servers": list(server_ids)}):
        attachment = Attachment(row.id, row.volume_id, row.server_id, row.device, row.status, row.mode == "ro")
        found.setdefault(row.server_id, []).append(attachment)
    return found
