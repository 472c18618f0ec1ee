"""What happens to a volume as servers get it and let it go."""

from typing import Any

from monostack.core import clock, ids
from monostack.core.errors import Conflict
from monostack.db import Row, Transaction
from monostack.events import record
from monostack.http import Request
from monostack.services.volume.attachments.table import HAVE, INSERT, ONE, REMOVE, not_found, of_volume, set_attachment
from monostack.services.volume.volumes.table import BY_ID, set_volume
from monostack.services.volume.words import either, invalid_volume

# The status of a volume by that of its attachments: the first that one of them has.
_STATUSES = (("attached", "in-use"), ("attaching", "attaching"), ("detaching", "detaching"), ("reserved", "reserved"))


def _insert(tx: Transaction, volume: Row, server_id: str | None, **values: Any) -> str:
    attachment_id = ids.new_uuid()
    row = {"id": attachment_id, "volume_id": volume.id, "project_id": volume.project_id, "server_id": server_id, "created_at": clock.now()}
    tx.execute(INSERT, {**row, **values})
    return attachment_id


def reserve(
    tx: Transaction, request: Request | None, volume: Row, server_id: str | None, mode: str | None = None, device: str | None = None
) -> str:
    """Keep a volume for a server. Returns the attachment's id. Raises BadRequest when the volume cannot be attached.

    A server that has it already may reserve it again: so it keeps the volume while it moves to another host.
    """
    expected = ("available", "in-use", "downloading") if volume.multiattach else ("available", "downloading")
    if volume.status not in expected:
        again = server_id and volume.status in ("in-use", "reserved") and any(a.server_id == server_id for a in of_volume(tx, volume.id))
        if not again:
            raise invalid_volume(
                f"Volume {volume.id} status must be {either(expected)} to reserve, but the current status is {volume.status}."
            )
    else:
        set_volume(tx, volume.id, status="reserved")
    read_only = volume.admin_meta.get("readonly")
    attachment_id = _insert(tx, volume, server_id, mode="ro" if read_only else mode, status="reserved", device=device)
    record(tx, request, "volume.reserve", volume.id, volume.project_id, {"server_id": server_id})
    return attachment_id


def connect(tx: Transaction, row: Row, connector: dict[str, Any]) -> None:
    """A host is about to open the volume."""
    mode = row.mode or connector.get("mode") or "rw"
    set_attachment(
        tx,
        row.id,
        status="attaching",
        connector={**connector, **({"mode": row.mode} if row.mode else {})},
        host=connector.get("host", ""),
        device=connector.get("mountpoint") or row.device or "na",
        mode=mode,
        attached_at=clock.now(),
        updated_at=clock.now(),
    )
    set_volume(tx, row.volume_id, status="attaching", attach_status="attaching")


def complete(tx: Transaction, attachment_id: str, *, host: str | None, device: str | None) -> None:
    """The server has the volume now. Raises NotFound."""
    row = tx.row(ONE, {"the_id": attachment_id})
    if row is None:
        raise not_found(attachment_id)
    now = clock.now()
    set_attachment(
        tx, attachment_id, status="attached", host=host, device=device or row.device, mode=row.mode or "rw", attached_at=now, updated_at=now
    )
    set_volume(tx, row.volume_id, status="in-use", attach_status="attached")


def record_attached(
    tx: Transaction, request: Request, volume: Row, server_id: str | None, host: str | None, device: str, mode: str
) -> None:
    """Somebody else has attached the volume. Raises BadRequest when it is attached already, or otherwise than reserved."""
    admin_meta = {"readonly": "False", **volume.admin_meta}
    if any(a.server_id == server_id if server_id else a.host == host for a in of_volume(tx, volume.id)):
        set_volume(tx, volume.id, status="in-use", admin_meta=admin_meta)
        return
    if volume.status == "attaching" and volume.admin_meta.get("attached_mode", mode) != mode:
        raise invalid_volume("being attached by different mode")
    if volume.status == "in-use" and not volume.multiattach:
        raise invalid_volume("volume is already attached and multiple attachments are not enabled")
    now = clock.now()
    _insert(tx, volume, server_id, mode=mode, status="attached", device=device, host=host, attached_at=now)
    set_volume(tx, volume.id, status="in-use", attach_status="attached", admin_meta={**admin_meta, "attached_mode": mode})
    record(tx, request, "volume.attach", volume.id, volume.project_id, {"server_id": server_id})


def release(tx: Transaction, attachment_id: str) -> None:
    """The server does not have the volume (any more). Nothing to do when that is known already."""
    row = tx.row(ONE, {"the_id": attachment_id})
    if row is None:
        return
    tx.execute(REMOVE, {"the_id": attachment_id})
    settle(tx, row.volume_id)


def settle(tx: Transaction, volume_id: str) -> None:
    """Give a volume the status that follows from its attachments."""
    volume = tx.row(BY_ID, {"the_id": volume_id})
    if volume is None or volume.status in ("deleting", "error_deleting"):
        return
    left = {attachment.status for attachment in of_volume(tx, volume_id)}
    attach_status, status = next(((one, status) for one, status in _STATUSES if one in left), ("detached", "available"))
    if attach_status == "detached" and (volume.status == "uploading" or volume.migration_status not in (None, "success", "error")):
        status = volume.status
    admin_meta = {name: value for name, value in volume.admin_meta.items() if name != "attached_mode"}
    set_volume(tx, volume_id, status=status, attach_status=attach_status, admin_meta=admin_meta)


def in_use(server_id: str) -> Conflict:
    kind = "ConflictNovaUsingAttachment"
    return Conflict(f"{kind}: Detach volume from instance {server_id} using the Compute API", kind=kind)


def require_unused(tx: Transaction, row: Row) -> None:
    """Only compute may take a volume from a server that uses it: taking it away behind its back loses data. Raises Conflict."""
    from monostack.services.compute import facade as compute

    if row.server_id and row.status in HAVE and compute.holds(tx, row.server_id, row.volume_id, row.id):
        raise in_use(row.server_id)
