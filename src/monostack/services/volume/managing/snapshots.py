"""/manageable_snapshots, and the action that gives a snapshot up."""

from typing import Any

import sqlalchemy as sa

from monostack.db import Row, Transaction
from monostack.http import Request, Response
from monostack.http.answers import envelope
from monostack.protocol.volumes import snapshot_name, volume_name
from monostack.services.volume.dialect import accepted
from monostack.services.volume.hosts.serving import serving
from monostack.services.volume.managing import lists
from monostack.services.volume.managing.volumes import reference
from monostack.services.volume.parameters import DESCRIPTION, METADATA_OR_NULL, TEXT_OR_NULL, UUID, enveloped, fields
from monostack.services.volume.snapshots import api as snapshots
from monostack.services.volume.snapshots.actions import actions
from monostack.services.volume.snapshots.lookup import named
from monostack.services.volume.snapshots.table import SNAPSHOTS
from monostack.services.volume.volumes import lookup as volumes
from monostack.services.volume.volumes.table import VOLUMES, place_name

RULES = "snapshot_extension"
_s = SNAPSHOTS.table.c
_v = VOLUMES.table.c
_HERE = (
    sa.select(_s.id, _s.size, _s.volume_id)
    .join_from(SNAPSHOTS.table, VOLUMES.table, _v.id == _s.volume_id)
    .where(_s.host == sa.bindparam("the_host"), _v.pool == sa.bindparam("the_pool"), _s.status != "creating")
)
_BODY = fields(
    ("ref", "volume_id"),
    description=DESCRIPTION,
    metadata=METADATA_OR_NULL,
    name=TEXT_OR_NULL,
    volume_id=UUID,
    ref={"type": ["object", "null", "string"]},
)


def _managed(tx: Transaction, backend: Row) -> list[dict[str, Any]]:
    return [
        {**lists.managed(snapshot_name(row.id), row.size, row.id), "source_reference": lists.name(volume_name(row.volume_id))}
        for row in tx.rows(_HERE, {"the_host": backend.host, "the_pool": backend.pool})
    ]


def manage_snapshot(request: Request, tx: Transaction) -> dict[str, Any]:
    """Make a snapshot of a volume from a file that the volume's host has."""
    body = request.body["snapshot"]
    volume = volumes.volume(tx, request, body["volume_id"])
    request.authorize(f"{RULES}:snapshot_manage", VOLUMES.target(volume))
    serving(request, tx, place_name(volume))
    given = body["ref"]
    name = given if isinstance(given, str) else reference(given)
    row = snapshots.begin(request, tx, volume, body, in_use=True, managing={"name": name})
    return {"snapshot": snapshots.summaries(request, tx, [row])[0]}


routes = lists.routes(
    "snapshot", _managed, manage_snapshot, body=enveloped("snapshot", _BODY), answer=envelope("snapshot", snapshots.LISTED)
)  # fmt: skip


@actions.action("os-unmanage", body=enveloped("os-unmanage", {}), policy=f"{RULES}:snapshot_unmanage")
def unmanage(request: Request, tx: Transaction) -> Response:
    """Give up a snapshot, whose file stays on its host."""
    row = named(tx, request)
    request.authorize(f"{RULES}:snapshot_unmanage", SNAPSHOTS.target(row))
    request.authorize("volume:delete_snapshot", SNAPSHOTS.target(row))
    snapshots.start_delete(request, tx, row, unmanage=True)
    return accepted()
