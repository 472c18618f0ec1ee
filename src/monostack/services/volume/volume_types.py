"""Volume types: what kinds of volumes there are, with extra specs that choose and tune the back end."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from monostack.core.errors import BadRequest, Conflict, NotFound
from monostack.db import Transaction
from monostack.http import Request
from monostack.resources import Field, Resource, Scopes, flag, json_value, text, time, uuid
from monostack.resources.fields import REQUIRED
from monostack.services.volume.style import STYLE

DEFAULT = "__DEFAULT__"
_SPEC_KEY = r"^[a-zA-Z0-9_:\-. ]{1,255}$"
SPECS = {
    "type": "object",
    "maxProperties": 128,
    "patternProperties": {_SPEC_KEY: {"type": "string", "maxLength": 255}},
    "additionalProperties": False,
}


def _expand(tx: Transaction, request: Request, rows: Sequence[Row[Any]]) -> list[dict[str, Any]]:
    """extra_specs are shown whole to those who may read them all, and only the user-visible ones to others."""
    whole = request.allows("volume_extension:types_extra_specs:read_sensitive")
    shown = []
    for row in rows:
        specs = {k: v for k, v in row.extra_specs.items() if whole or k in VISIBLE_SPECS}
        item: dict[str, Any] = {"extra_specs": specs, "os-volume-type-access:is_public": row.is_public}
        if request.allows("volume_extension:volume_type_encryption:get") and whole:
            item["qos_specs_id"] = None
        shown.append(item)
    return shown


VISIBLE_SPECS = {"RESKEY:availability_zones", "multiattach", "replication_enabled"}

TYPES = Resource(
    "volume_type",
    "volume_types",
    STYLE,
    path="/v3/types",
    title="Volume type",
    fields=(
        Field("id", uuid()),
        Field("name", text(255, 1), default=REQUIRED, create=True, unique=True),
        Field("description", text(255), create=True, nullable=True),
        Field("is_public", flag(), create=True, default=True, column="is_public"),
        Field("os-volume-type-access:is_public", flag(), create=True, column=None, view=False),
        Field("extra_specs", json_value(SPECS), create=True, default=dict, view=False, filter=False, sort=False),
        Field("created_at", time(), view=False),
        Field("updated_at", time(), view=False),
    ),
    policy={
        "list": "volume_extension:type_get_all",
        "show": "volume_extension:type_get",
        "create": "volume_extension:type_create",
        "update": "volume_extension:type_update",
        "delete": "volume_extension:type_delete",
    },
    scopes=Scopes(
        lambda request: "all" if request.allows("context_is_admin") else "public",
        {"all": None, "public": lambda t: t.c.is_public.is_(True)},
    ),
    table_name="volume_types",
    default_sort=(("created_at", "desc"),),
    expand=_expand,
)
_t = TYPES.table
BY_NAME = sa.select(_t).where(_t.c.name == sa.bindparam("the_name"))
BY_ID = sa.select(_t).where(_t.c.id == sa.bindparam("the_id"))


def named(tx: Transaction, request: Request, name_or_id: str | None) -> Row[Any]:
    """The type a create call names by name or id, or the default one. Raises NotFound."""
    row = tx.row(BY_NAME, {"the_name": name_or_id or DEFAULT}) or tx.row(BY_ID, {"the_id": name_or_id or ""})
    if row is None or not (row.is_public or request.allows("context_is_admin")):
        raise NotFound(f"Volume type with name {name_or_id} could not be found.")
    return row


def create_type(request: Request, tx: Transaction) -> dict[str, Any]:
    """Create a volume type."""
    TYPES.authorize(request, "create")
    values = TYPES.accept_create(request)
    values["is_public"] = values.pop("os-volume-type-access:is_public", values["is_public"])
    if not values["name"].strip():
        raise BadRequest("Volume type name can not be empty.")
    if tx.row(BY_NAME, {"the_name": values["name"]}) is not None:
        raise Conflict(f"Volume Type {values['name']} already exists.")
    return TYPES.render(request, tx, TYPES.insert(tx, request, values))


def update_type(request: Request, tx: Transaction) -> dict[str, Any]:
    """Rename, describe, publish or hide a volume type."""
    row = TYPES.get(request, tx, request.params["id"])
    TYPES.authorize(request, "update", row)
    values = {k: v for k, v in request.body["volume_type"].items() if v is not None}
    if not values:
        raise BadRequest("Specify volume type name, description, is_public or a combination thereof.")
    name = values.get("name")
    if name is not None:
        if not name.strip():
            raise BadRequest("Volume type name can not be empty.")
        other = tx.row(BY_NAME, {"the_name": name})
        if other is not None and other.id != row.id:
            raise Conflict(f"Volume Type {name} already exists.")
    return TYPES.render(request, tx, TYPES.change(tx, request, row, values))


def delete_type(request: Request, tx: Transaction) -> None:
    """Delete a volume type that no volume has."""
    from monostack.services.volume.volumes.table import OF_TYPE

    row = TYPES.get(request, tx, request.params["id"])
    TYPES.authorize(request, "delete", row)
    if row.name == DEFAULT:
        raise BadRequest(f"Volume type {row.id} is the default volume type and cannot be deleted.")
    if tx.row(OF_TYPE, {"the_type": row.id}) is not None:
        raise BadRequest("Target volume type is still in use.")
    TYPES.remove(tx, request, row)


def show_type(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show a volume type, or with the id `default` the default one."""
    if request.params["id"] == "default":
        return TYPES.render(request, tx, named(tx, request, None))
    return TYPES.show(request, tx)


def list_specs(request: Request, tx: Transaction) -> dict[str, Any]:
    """List a type's extra specs."""
    request.authorize("volume_extension:types_extra_specs:index")
    return {"extra_specs": TYPES.get(request, tx, request.params["id"]).extra_specs}


def set_specs(request: Request, tx: Transaction) -> dict[str, Any]:
    """Add extra specs, or change them."""
    request.authorize("volume_extension:types_extra_specs:create")
    row = TYPES.get(request, tx, request.params["id"])
    TYPES.change(tx, request, row, {"extra_specs": {**row.extra_specs, **request.body["extra_specs"]}})
    return {"extra_specs": request.body["extra_specs"]}


def _spec(request: Request, row: Row[Any]) -> str:
    key = request.params["key"]
    if key not in row.extra_specs:
        raise NotFound(f"Volume Type {row.id} has no extra specs with key {key}.")
    return key


def show_spec(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show one extra spec."""
    request.authorize("volume_extension:types_extra_specs:show")
    row = TYPES.get(request, tx, request.params["id"])
    key = _spec(request, row)
    return {key: row.extra_specs[key]}


def update_spec(request: Request, tx: Transaction) -> dict[str, Any]:
    """Change one extra spec."""
    request.authorize("volume_extension:types_extra_specs:update")
    row = TYPES.get(request, tx, request.params["id"])
    if list(request.body) != [request.params["key"]]:
        raise BadRequest("Request body and URI mismatch")
    TYPES.change(tx, request, row, {"extra_specs": {**row.extra_specs, **request.body}})
    return request.body


def delete_spec(request: Request, tx: Transaction) -> None:
    """Remove one extra spec."""
    request.authorize("volume_extension:types_extra_specs:delete")
    row = TYPES.get(request, tx, request.params["id"])
    key = _spec(request, row)
    TYPES.change(tx, request, row, {"extra_specs": {k: v for k, v in row.extra_specs.items() if k != key}})


UPDATE = {
    "type": "object",
    "properties": {
        "volume_type": {
            "type": "object",
            "properties": {
                "name": {"type": ["string", "null"], "maxLength": 255},
                "description": {"type": ["string", "null"], "maxLength": 255},
                "is_public": {"type": ["boolean", "null"]},
            },
            "additionalProperties": False,
        }
    },
    "required": ["volume_type"],
    "additionalProperties": False,
}
_SPECS_BODY = {"type": "object", "properties": {"extra_specs": SPECS}, "required": ["extra_specs"], "additionalProperties": False}

routes = TYPES.routes(only=("list", "show", "delete"), show=show_type, delete=delete_type)
routes.post("", policy="volume_extension:type_create", body=TYPES.body_schema("create"))(create_type)
routes.put("/{id}", policy="volume_extension:type_update", body=UPDATE)(update_type)
routes.get("/{id}/extra_specs", policy="volume_extension:types_extra_specs:index")(list_specs)
routes.post("/{id}/extra_specs", policy="volume_extension:types_extra_specs:create", body=_SPECS_BODY)(set_specs)
routes.get("/{id}/extra_specs/{key}", policy="volume_extension:types_extra_specs:show")(show_spec)
routes.put("/{id}/extra_specs/{key}", policy="volume_extension:types_extra_specs:update", body=SPECS)(update_spec)
routes.delete("/{id}/extra_specs/{key}", policy="volume_extension:types_extra_specs:delete", status=202)(delete_spec)


def bootstrap(tx: Transaction) -> None:
    """The type volumes have when none is named."""
    if tx.row(BY_NAME, {"the_name": DEFAULT}) is None:
        TYPES.insert(tx, None, {"name": DEFAULT, "description": "Default Volume Type", "is_public": True, "extra_specs": {}})
