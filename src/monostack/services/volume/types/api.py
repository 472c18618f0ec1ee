"""The operations on volume types."""

from typing import Any

import sqlalchemy as sa

from monostack import quotas
from monostack.core.errors import BadRequest, Conflict
from monostack.db import Transaction
from monostack.http import Request, Response, Routes
from monostack.http.answers import NOTHING
from monostack.services.volume.dialect import accepted
from monostack.services.volume.links import linked, linked_page
from monostack.services.volume.lists import Listing, nothing, public_filter, read
from monostack.services.volume.parameters import DESCRIPTION, EXTRA_SPECS, FLAG, NAME, as_flag, enveloped, fields
from monostack.services.volume.quotas.counting import SERVICE, TYPED
from monostack.services.volume.types import table
from monostack.services.volume.types.table import ACCESS, BY_NAME, DEFAULT, TYPES, VISIBLE_SPECS, by_id, default_types, public_or_granted
from monostack.services.volume.volumes.table import OF_TYPE

_PUBLIC: dict[str, Any] = {ACCESS: FLAG}
CREATE = enveloped("volume_type", fields(("name",), name=NAME, description=DESCRIPTION, extra_specs=EXTRA_SPECS, **_PUBLIC))
UPDATE = enveloped(
    "volume_type",
    fields(name={"type": ["string", "null"], "minLength": 1, "maxLength": 255}, description=DESCRIPTION, is_public=FLAG),
)
LISTING = Listing(
    columns={name: name for name in ("id", "name", "description", "qos_specs_id", "created_at", "updated_at", "is_public")},
    open=("is_public", "extra_specs"),
    legacy=("is_public",),
    pairs={"extra_specs": "specs"},
    strict=(3, 52),
)
routes = Routes("/v3/types")
_OF_DEFAULT = sa.select(default_types.c.project_id).where(default_types.c.volume_type_id == sa.bindparam("the_type")).limit(1)
_USABLE = public_or_granted(TYPES.table)


@routes.get(
    "",
    policy="volume_extension:type_get_all",
    enforce=True,
    answer=linked("volume_types", TYPES.answer, "volume_type_links"),
)
def list_types(request: Request, tx: Transaction) -> dict[str, Any]:
    """List volume types."""
    public = public_filter(request)
    query = read(request, TYPES, LISTING, skip=("is_public",))
    if public is False:
        query.filters["is_public", "eq"] = False
    if not table.may_read_all(request) and any(name == "specs" and not _is_visible(item) for (name, _), item in query.filters.items()):
        nothing(TYPES, query)
    rows = TYPES.page(request, tx, query, _USABLE if public else None)
    return linked_page(request, "types", rows, "volume_types", TYPES.views(request, tx, rows), "volume_type_links")


def _is_visible(item: str) -> bool:
    return any(item.startswith(f'"{key}":') for key in VISIBLE_SPECS)


@routes.get("/{id}", policy="volume_extension:type_get", answer=TYPES.answer_one)
def show_type(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show a volume type, or with the id `default` the one the caller's project gets by default."""
    wanted = request.params["id"]
    if wanted != "default":
        row = by_id(tx, request, wanted)
        request.authorize("volume_extension:type_get")
        return TYPES.render(request, tx, row)
    request.authorize("volume_extension:type_get")
    shown = TYPES.views(request, tx, [table.default(tx, request.caller.project_id)])[0]
    shown.pop(ACCESS, None)
    return {"volume_type": shown}


def _plain(row: Any) -> dict[str, Any]:
    """A type as those see it who manage types."""
    return {name: getattr(row, name) for name in ("id", "name", "is_public", "extra_specs", "description")}


@routes.post("", policy="volume_extension:type_create", body=CREATE, answer=TYPES.answer_one)
def create_type(request: Request, tx: Transaction) -> dict[str, Any]:
    """Create a volume type."""
    request.authorize("volume_extension:type_create")
    body = request.body["volume_type"]
    if tx.row(BY_NAME, {"the_name": body["name"]}) is not None:
        raise Conflict(f"Volume Type {body['name']} already exists.", kind="VolumeTypeExists")
    values = {"name": body["name"], "description": body.get("description"), "extra_specs": body.get("extra_specs") or {}}
    row = TYPES.insert(tx, request, {**values, "is_public": as_flag(body.get(ACCESS, True)), "updated_at": None})
    shown = _plain(row)
    if request.allows("volume_extension:volume_type_access"):
        shown[ACCESS] = row.is_public
    return {"volume_type": shown}


@routes.put("/{id}", policy="volume_extension:type_update", body=UPDATE, answer=TYPES.answer_one)
def update_type(request: Request, tx: Transaction) -> dict[str, Any]:
    """Rename, describe, publish or hide a volume type. Quotas of the type follow its name."""
    request.authorize("volume_extension:type_update")
    body = {name: value for name, value in request.body["volume_type"].items() if value is not None}
    if body.get("name", "name").strip() == "":
        raise BadRequest("Volume type name can not be empty.")
    if not body:
        raise BadRequest("Specify volume type name, description, is_public or a combination thereof.")
    row = by_id(tx, request, request.params["id"])
    name = body.get("name", row.name)
    other = tx.row(BY_NAME, {"the_name": name})
    if other is not None and other.id != row.id:
        raise Conflict(f"Volume Type {name} already exists.", kind="VolumeTypeExists")
    if "is_public" in body:
        body["is_public"] = as_flag(body["is_public"])
    changed = TYPES.change(tx, request, row, body)
    if name != row.name:
        for resource in TYPED:
            quotas.rename(tx, SERVICE, f"{resource}_{row.name}", f"{resource}_{name}")
    return {"volume_type": _plain(changed)}


@routes.delete("/{id}", policy="volume_extension:type_delete", status=202, answer=NOTHING)
def delete_type(request: Request, tx: Transaction) -> Response:
    """Delete a volume type that no volume has and that is nobody's default."""
    request.authorize("volume_extension:type_delete")
    row = by_id(tx, request, request.params["id"])
    if row.name == DEFAULT or tx.row(_OF_DEFAULT, {"the_type": row.id}) is not None:
        raise BadRequest(f"The volume type {row.id} is a default volume type and cannot be deleted.", kind="VolumeTypeDefaultDeletionError")
    if tx.row(OF_TYPE, {"the_type": row.id}) is not None:
        raise BadRequest("Target volume type is still in use.")
    TYPES.remove(tx, request, row)
    for resource in TYPED:
        quotas.forget(tx, SERVICE, f"{resource}_{row.name}")
    return accepted()
