"""The declaration of a volume type, and how one is found."""

import re
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from monostack.core.errors import NotFound
from monostack.db import Id, Row, Timestamp, Transaction, table
from monostack.http import Request
from monostack.http.answers import FLAG, ID, TEXT, mapping, maybe, optional
from monostack.resources import Field, Resource, Scopes, flag, json_value, text, time, uuid
from monostack.services.volume.lists import has_item, is_admin
from monostack.services.volume.style import STYLE_OF_TYPES

DEFAULT = "__DEFAULT__"
VISIBLE_SPECS = ("RESKEY:availability_zones", "multiattach", "replication_enabled")  # extra specs everybody may read
ACCESS = "os-volume-type-access:is_public"

type_access = table(
    "volume_type_access",
    sa.Column("volume_type_id", Id(), sa.ForeignKey("volume_types.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("project_id", Id(), primary_key=True),
)
default_types = table(
    "volume_default_types",
    sa.Column("project_id", Id(), primary_key=True),
    sa.Column("volume_type_id", Id(), sa.ForeignKey("volume_types.id"), nullable=False, index=True),
    sa.Column("created_at", Timestamp, nullable=False),
)


def public_or_granted(types: sa.Table) -> Any:
    """What a project may use: the public types, and the private ones it has been given access to."""
    granted = sa.select(type_access.c.volume_type_id).where(type_access.c.project_id == sa.bindparam("caller_project"))
    return sa.or_(types.c.is_public.is_(True), types.c.id.in_(granted))


def _expand(tx: Transaction, request: Request, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """extra_specs are shown whole to those who may read them all, and only the visible ones to others."""
    specs, whole = request.allows("volume_extension:access_types_extra_specs"), may_read_all(request)
    access, qos = request.allows("volume_extension:volume_type_access"), request.allows("volume_extension:access_types_qos_specs_id")
    shown = []
    for row in rows:
        item: dict[str, Any] = {}
        if specs:
            item["extra_specs"] = row.extra_specs if whole else visible(row.extra_specs)
        if qos:
            item["qos_specs_id"] = row.qos_specs_id
        if access:
            item[ACCESS] = row.is_public
        shown.append(item)
    return shown


def may_read_all(request: Request) -> bool:
    return request.allows("volume_extension:types_extra_specs:read_sensitive")


def visible(specs: dict[str, Any]) -> dict[str, Any]:
    return {key: specs[key] for key in VISIBLE_SPECS if key in specs}


_SPECS = mapping(maybe(TEXT))
TYPES = Resource(
    "volume_type",
    "volume_types",
    STYLE_OF_TYPES,
    path="/v3/types",
    title="Volume type",
    fields=(
        Field("id", uuid()),
        Field("name", text(255, 1), unique=True),
        Field("description", text(255), nullable=True),
        Field("is_public", flag(), default=True),
        Field("extra_specs", json_value(), default=dict, view=False),
        Field("qos_specs_id", uuid(), nullable=True, view=False, index=True),
        Field("encryption", json_value(), nullable=True, view=False),  # how its volumes are to be encrypted, see types.encryption
        Field("created_at", time(), view=False),
        Field("updated_at", time(), view=False),
    ),
    scopes=Scopes(
        lambda request: "all" if is_admin(request) else "usable",
        {"all": None, "usable": public_or_granted},
    ),
    table_name="volume_types",
    expand=_expand,
    adds={
        "extra_specs": optional(_SPECS),
        "os-volume-type-access:is_public": optional(FLAG),
        "qos_specs_id": optional(maybe(ID)),
    },
    conditions={"specs": has_item("extra_specs")},
)
_t = TYPES.table
BY_NAME = sa.select(_t).where(_t.c.name == sa.bindparam("the_name"))
BY_ID = sa.select(_t).where(_t.c.id == sa.bindparam("the_id"))
_USABLE = (sa.select(_t).where(_t.c.name == sa.bindparam("the_name"), public_or_granted(_t)), BY_NAME)
_USABLE_ID = (sa.select(_t).where(_t.c.id == sa.bindparam("the_id"), public_or_granted(_t)), BY_ID)
_OF_PROJECT = (
    sa.select(_t)
    .join(default_types, default_types.c.volume_type_id == _t.c.id)
    .where(default_types.c.project_id == sa.bindparam("project"))
)
_UUID = re.compile(r"[0-9a-f]{32}", re.I)


def by_id(tx: Transaction, request: Request, type_id: str) -> Row:
    """A type the caller may use. Raises NotFound."""
    row = tx.row(_USABLE_ID[is_admin(request)], {"the_id": type_id, "caller_project": request.caller.project_id})
    if row is None:
        raise NotFound(f"Volume type {type_id} could not be found.", kind="VolumeTypeNotFound")
    return row


def find(tx: Transaction, request: Request, name_or_id: str, *, anyones: bool = False) -> Row:
    """A type by id or by name (which may look like an id), which the caller may use unless `anyones`. Raises NotFound."""
    everything = anyones or is_admin(request)
    looks_like_id = _UUID.fullmatch(name_or_id.replace("-", "").replace("urn:", "").replace("uuid:", "").strip("{}")) is not None
    project = {"caller_project": request.caller.project_id}
    row = tx.row(_USABLE_ID[everything], {"the_id": name_or_id, **project}) if looks_like_id else None
    if row is None:
        row = tx.row(_USABLE[everything], {"the_name": name_or_id, **project})
    if row is None:
        hidden = tx.row(BY_NAME, {"the_name": name_or_id})
        what = name_or_id if looks_like_id else hidden.id if hidden is not None else f"with name {name_or_id}"
        raise NotFound(f"Volume type {what} could not be found.", kind="VolumeTypeNotFound")
    return row


def default(tx: Transaction, project_id: str | None = None) -> Row:
    """The type of volumes for which none is named: the project's own default, or else the cloud's."""
    row = tx.row(_OF_PROJECT, {"project": project_id}) if project_id else None
    return row if row is not None else tx.execute(BY_NAME, {"the_name": DEFAULT}).one()


def bootstrap(tx: Transaction) -> None:
    """The cloud's default type."""
    if tx.row(BY_NAME, {"the_name": DEFAULT}) is None:
        TYPES.insert(tx, None, {"name": DEFAULT, "description": "Default Volume Type", "is_public": True, "extra_specs": {}})
