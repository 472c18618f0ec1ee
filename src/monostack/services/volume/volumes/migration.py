"""Bringing a volume to another host: since an administrator says so, or since its new type asks for another back end."""

from typing import Any

from monostack.core import ids
from monostack.core.errors import BadRequest
from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.http.answers import ID, Record
from monostack.services.volume.attachments.table import of_volume
from monostack.services.volume.hosts import choice
from monostack.services.volume.hosts.serving import chosen
from monostack.services.volume.hosts.table import find, pool_in, same_storage
from monostack.services.volume.parameters import FLAG, TEXT_OR_NULL, UUID, as_flag, enveloped, fields
from monostack.services.volume.snapshots.table import of_volume as snapshots_of
from monostack.services.volume.types import table as types
from monostack.services.volume.volumes.actions import actions
from monostack.services.volume.volumes.deletion import NOT_MIGRATING
from monostack.services.volume.volumes.lookup import named, volume
from monostack.services.volume.volumes.table import BY_ID, VOLUMES, place_name, set_volume
from monostack.services.volume.words import invalid_volume

RULES = "volume_extension:volume_admin_actions"
CLUSTERS = (3, 16)
_FLAGS: dict[str, Any] = {"force_host_copy": FLAG, "lock_volume": FLAG}
MIGRATE = [
    ((0, 0), enveloped("os-migrate_volume", fields(("host",), host={"type": "string", "maxLength": 255}, **_FLAGS))),
    (
        CLUSTERS,
        enveloped("os-migrate_volume", fields(host={"type": ["string", "null"], "maxLength": 255}, cluster=TEXT_OR_NULL, **_FLAGS)),
    ),
]


def begin(request: Request, tx: Transaction, row: Row, place: choice.Place, status: str, values: dict[str, Any] | None = None) -> None:
    """Start the move of a volume, whose status is `status` meanwhile; `values` of the row are written at its end."""
    new = values or {}
    copy = not same_storage(request.cloud, row.host, place.host)
    set_volume(tx, row.id, status=status, previous_status=row.status, migration_status="migrating")
    given = {
        "host": place.host,
        "pool": place.pool,
        "service_uuid": place.service_uuid,
        "left": row.host,
        "left_uuid": row.service_uuid,
        "left_pool": row.pool,
        "relocate": not copy and place.pool != row.pool,
        "size": row.size,
        "copy": copy,
        "attached": bool(of_volume(tx, row.id)),
        "carrier": ids.new_uuid(),  # what the old host calls the copy that it makes
        "status": status,
        "previous_status": row.status,
        "unchanged_since": str(tx.execute(BY_ID, {"the_id": row.id}).one().updated_at),
        "values": new,
        "convert": "sealed_key" in new or new.get("multiattach", row.multiattach) != row.multiattach,
    }
    request.cloud.start(tx, "migrate_volume", row.id, given, request, row.project_id)


def _service(request: Request, tx: Transaction, name: str) -> Row:
    """The row of the back end that is to have the volume. Raises BadRequest when it is not there or does not take volumes."""
    row = find(tx, name)
    if row is None or row.disabled or request.cloud.hosts.hello(row.host) is None:
        raise BadRequest(f"Invalid host: No available service named '{name}'", kind="InvalidHost")
    return row


@actions.action("os-migrate_volume", body=MIGRATE, policy=f"{RULES}:migrate_volume")
def migrate(request: Request, tx: Transaction) -> None:
    """Bring a volume to another back end. One that cannot take it leaves its migration in error."""
    row, body = named(tx, request), request.body["os-migrate_volume"]
    request.authorize(f"{RULES}:migrate_volume", VOLUMES.target(row))
    wanted = chosen(request, body, CLUSTERS) or body["cluster"]
    service = _service(request, tx, wanted)
    movable = row.status in ("available", "in-use") and row.migration_status in NOT_MIGRATING and row.group_id is None
    if not movable or wanted == place_name(row) or snapshots_of(tx, row.id):
        raise invalid_volume(
            f"Volume {row.id} status must be available or in-use, must not be migrating, have snapshots, be replicated, be part of a group "
            "and destination host/cluster must be different than the current one"
        )
    kind = tx.execute(types.BY_ID, {"the_id": row.volume_type_id}).one()
    here = (service.host, service.pool) == (row.host, row.pool)  # the service without its pool: there it is already
    there = pool_in(wanted) in (None, service.pool)
    place = choice.place(tx, request.cloud, row.size, kind.extra_specs, service.host, service.pool) if there else None
    if place is None or here:
        set_volume(tx, row.id, migration_status="error" if place is None else "success")
        return
    locked = as_flag(body.get("lock_volume", False)) and row.status == "available"
    begin(request, tx, row, place, "maintenance" if locked else row.status)


_COMPLETE = fields(("new_volume",), new_volume=UUID, error={"type": ["string", "null", "boolean"]})


@actions.action(
    "os-migrate_volume_completion",
    status=200,
    body=enveloped("os-migrate_volume_completion", _COMPLETE),
    policy=f"{RULES}:migrate_volume_completion",
    answer=Record("", {"save_volume_id": ID}),
)
def complete(request: Request, tx: Transaction) -> dict[str, Any]:
    """What Nova tells Cinder when it has copied a volume into another. Nothing migrates in that way here."""
    row, body = named(tx, request), request.body["os-migrate_volume_completion"]
    request.authorize(f"{RULES}:migrate_volume_completion", VOLUMES.target(row))
    other = volume(tx, request, body["new_volume"])
    if not (row.migration_status or other.migration_status):
        return {"save_volume_id": other.id}
    for one, what in ((row, "Source"), (other, "Destination")):
        if not one.migration_status:
            raise invalid_volume(f"{what} volume not mid-migration.")
    raise invalid_volume(f"Destination has migration_status {other.migration_status}, expected target:{row.id}.")


def elsewhere(request: Request, tx: Transaction, row: Row, kind: Row) -> choice.Place | None:
    """Another pool that has what a type asks for, of the volume's own host if that has one; None when there is none."""
    for host in (row.host, None):
        place = choice.place(tx, request.cloud, row.size, kind.extra_specs, host)
        if place is not None and (place.host, place.pool) != (row.host, row.pool):
            return place
    return None
