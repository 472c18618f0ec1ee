"""The operations on transfers: at /volume-transfers, and as they were first at /os-volume-transfer."""

import hmac
from typing import Any

import sqlalchemy as sa

from monostack.core.errors import BadRequest, TooLarge
from monostack.db import Row, Transaction
from monostack.http import Request, Response, Routes, answers
from monostack.http.answers import ID, NOTHING, NULL, TEXT, Record, envelope, maybe, since
from monostack.resources import ListQuery
from monostack.services.volume import keys
from monostack.services.volume.attachments.table import MOVE
from monostack.services.volume.dialect import accepted
from monostack.services.volume.links import LINKS, linked, linked_page, links
from monostack.services.volume.lists import PAGING, WORD, Listing, nothing, page, read
from monostack.services.volume.parameters import FLAG, UUID, as_flag, enveloped, fields
from monostack.services.volume.quotas import claims
from monostack.services.volume.snapshots.table import SNAPSHOTS, of_volume
from monostack.services.volume.transfers.table import ONE, TRANSFERS, hashed, new_key
from monostack.services.volume.types import table as types
from monostack.services.volume.volumes.lookup import volume as find_volume
from monostack.services.volume.volumes.table import BY_ID, VOLUMES
from monostack.services.volume.words import invalid_snapshot, invalid_volume, missing

WAITING = "awaiting-transfer"
_NAME = {"oneOf": [{"type": "string", "format": "volume-short-name"}, {"type": "null"}]}
CREATE = enveloped("transfer", fields(("volume_id",), volume_id=UUID, name=_NAME))
CREATE_WITHOUT = enveloped("transfer", fields(("volume_id",), volume_id=UUID, name=_NAME, no_snapshots=FLAG))
ACCEPT = enveloped("accept", fields(("auth_key",), auth_key={"type": ["string", "integer"]}))
_COLUMNS: dict[str, str | None] = {
    "id": "id",
    "volume_id": "volume_id",
    "display_name": "name",
    "created_at": "created_at",
    "no_snapshots": "no_snapshots",
    "source_project_id": "project_id",
    "destination_project_id": None,
    "updated_at": None,
    "expires_at": None,
    "accepted": None,
}
LISTING = Listing(columns=_COLUMNS, open=tuple(_COLUMNS), tenants=WORD, strict=(99, 0), unsorted=("name",))
_SHORT = Record("TransferSummary", {"id": ID, "volume_id": ID, "name": maybe(TEXT), "links": LINKS})
_LATER = {"destination_project_id": NULL, "source_project_id": TEXT, "accepted": answers.FLAG}
_LONG = _SHORT.with_keys(
    "Transfer",
    {"created_at": TEXT, "no_snapshots": since((3, 55), answers.FLAG), **{name: since((3, 57), kind) for name, kind in _LATER.items()}},
)
_NEW = _LONG.with_keys("NewTransfer", {"auth_key": TEXT})


def _summary(request: Request, row: Row) -> dict[str, Any]:
    return {"id": row.id, "volume_id": row.volume_id, "name": row.name, "links": links(request, "os-volume-transfer", row.id)}


def _detail(request: Request, row: Row) -> dict[str, Any]:
    shown = {**_summary(request, row), "created_at": row.created_at}
    if request.at_least(3, 55):
        shown["no_snapshots"] = row.no_snapshots
    if request.at_least(3, 57):
        shown.update(destination_project_id=None, source_project_id=row.project_id, accepted=False)
    return shown


def _query(request: Request) -> ListQuery:
    """What is asked for. Before 3.59, and at /os-volume-transfer, what should lead to a page or sort is a filter that nothing matches."""
    if request.at_least(3, 59) and "/volume-transfers" in request.path:
        return read(request, TRANSFERS, LISTING)
    if PAGING.isdisjoint(request.query_map):
        query = read(request, TRANSFERS, LISTING)
        query.sorts = [("created_at", "asc"), ("id", "asc")]
        return query
    page(request.query_map)
    query = ListQuery()
    nothing(TRANSFERS, query)
    return query


def _list(request: Request, tx: Transaction, show: Any) -> dict[str, Any]:
    request.authorize("volume:get_all_transfers")
    rows = TRANSFERS.page(request, tx, _query(request))
    return linked_page(request, "os-volume-transfer", rows, "transfers", [show(request, row) for row in rows])


def list_brief(request: Request, tx: Transaction) -> dict[str, Any]:
    """List transfers."""
    return _list(request, tx, _summary)


def list_detail(request: Request, tx: Transaction) -> dict[str, Any]:
    """List transfers with details."""
    return _list(request, tx, _detail)


def show(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show a transfer."""
    request.authorize("volume:get_transfer")
    return {"transfer": _detail(request, TRANSFERS.get(request, tx, request.params["id"]))}


def create(request: Request, tx: Transaction) -> dict[str, Any]:
    """Offer a volume to whoever has the key that is in the answer, and nowhere else."""
    return _create(request, tx, encrypted=request.at_least(3, 70))


def create_old(request: Request, tx: Transaction) -> dict[str, Any]:
    """Offer a volume that is not encrypted."""
    return _create(request, tx, encrypted=False)


def _create(request: Request, tx: Transaction, *, encrypted: bool) -> dict[str, Any]:
    body = request.body["transfer"]
    volume = find_volume(tx, request, body["volume_id"])
    request.authorize("volume:create_transfer", VOLUMES.target(volume))
    if volume.status != "available":
        raise invalid_volume("status must be available")
    without = as_flag(body.get("no_snapshots", False))
    if volume.encryption_key_id is not None:
        if not encrypted:
            raise invalid_volume("transferring encrypted volume is not supported")
        if without:
            raise invalid_volume("transferring an encrypted volume without its snapshots is not supported")
    waiting = [] if without else [one for one in of_volume(tx, volume.id) if one.status != "available"]
    if waiting:
        raise invalid_snapshot(f"snapshot: {waiting[0].id} status must be available")
    salt, key = new_key(), new_key()
    name = body["name"].strip() if body.get("name") else None
    values = {"volume_id": volume.id, "name": name, "no_snapshots": without, "project_id": volume.project_id}
    row = TRANSFERS.insert(tx, request, {**values, "salt": salt, "key_hash": hashed(salt, key)})
    VOLUMES.change(tx, request, volume, {"status": WAITING, **keys.columns_like(request.cloud, volume)})
    return {"transfer": {**_detail(request, row), "auth_key": key}}


def delete(request: Request, tx: Transaction) -> Response:
    """Take an offer back."""
    row = TRANSFERS.get(request, tx, request.params["id"])
    volume = tx.execute(BY_ID, {"the_id": row.volume_id}).one()
    request.authorize("volume:delete_transfer", VOLUMES.target(volume))
    TRANSFERS.remove(tx, request, row)
    if volume.status == WAITING:
        VOLUMES.change(tx, request, volume, {"status": "available", **keys.columns_like(request.cloud, volume)})
    return accepted()


def accept(request: Request, tx: Transaction) -> dict[str, Any]:
    """Take a volume that was offered, with its snapshots unless they were to stay behind."""
    request.authorize("volume:accept_transfer")
    row = tx.row(ONE, {"the_id": request.params["id"]})
    if row is None:
        raise missing("Transfer", request.params["id"])
    if not hmac.compare_digest(hashed(row.salt, request.body["accept"]["auth_key"]), row.key_hash):
        raise BadRequest(f"Invalid auth key: Attempt to transfer {row.id} with invalid auth key.", kind="InvalidAuthKey")
    volume = tx.execute(BY_ID, {"the_id": row.volume_id}).one()
    if volume.status == "maintenance":
        raise invalid_volume("The volume cannot accept transfer in maintenance mode.")
    kind = tx.execute(types.BY_ID, {"the_id": volume.volume_type_id}).one()
    try:
        claims.arrival(tx, request, volume, kind.name, snapshots=not row.no_snapshots)
    except TooLarge as fault:
        if fault.kind == "VolumeSizeExceedsAvailableQuota":
            fault.message = fault.detail
        raise
    TRANSFERS.remove(tx, request, row)
    owner = {"project_id": request.project_id, "user_id": request.caller.user_id}
    # Whoever has had it knows the id of its key: from hand to hand it is another.
    VOLUMES.change(tx, request, volume, {**owner, "status": "available", **keys.columns_like(request.cloud, volume)})
    tx.execute(MOVE, {"the_volume": volume.id, "the_project": request.project_id})
    if not row.no_snapshots:
        tx.execute(_MOVE_SNAPSHOTS, {"the_volume": volume.id, "the_project": request.project_id, "the_user": request.caller.user_id})
    return {"transfer": _summary(request, row)}


_s = SNAPSHOTS.table.c
_MOVE_SNAPSHOTS = (
    sa.update(SNAPSHOTS.table)
    .where(_s.volume_id == sa.bindparam("the_volume"))
    .values(project_id=sa.bindparam("the_project"), user_id=sa.bindparam("the_user"))
)


def _routes(path: str, create_body: Any, create: Any) -> Routes:
    routes = Routes(path)
    routes.get("", policy="volume:get_all_transfers", answer=linked("transfers", _SHORT))(list_brief)
    routes.get("/detail", policy="volume:get_all_transfers", answer=linked("transfers", _LONG))(list_detail)
    routes.post("", policy="volume:create_transfer", body=create_body, status=202, answer=envelope("transfer", _NEW))(create)
    routes.get("/{id}", policy="volume:get_transfer", answer=envelope("transfer", _LONG))(show)
    routes.delete("/{id}", policy="volume:delete_transfer", status=202, answer=NOTHING)(delete)
    routes.post("/{id}/accept", policy="volume:accept_transfer", body=ACCEPT, status=202, answer=envelope("transfer", _SHORT))(accept)
    return routes


ROUTES = (
    _routes("/v3/volume-transfers", [((0, 0), CREATE), ((3, 55), CREATE_WITHOUT)], create),
    _routes("/v3/os-volume-transfer", CREATE, create_old),
)
