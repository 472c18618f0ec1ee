"""Which volume type a project's volumes have when none is named (3.62)."""

from typing import Any

import sqlalchemy as sa

from monostack.core import clock
from monostack.core.errors import BadRequest, Forbidden, NotFound
from monostack.db import Transaction
from monostack.events import record
from monostack.http import Request, Routes
from monostack.http.answers import ID, TEXT, Record, envelope, many
from monostack.services.identity import facade as identity
from monostack.services.volume.parameters import NAME, enveloped, fields
from monostack.services.volume.types.table import default_types, find

SINCE = (3, 62)
routes = Routes("/v3/default-types")
_d = default_types.c
_ALL = sa.select(_d.project_id, _d.volume_type_id).order_by(_d.created_at, _d.project_id)
_ONE = sa.select(_d.volume_type_id).where(_d.project_id == sa.bindparam("the_project"))
_INSERT = sa.insert(default_types)
_DELETE = sa.delete(default_types).where(_d.project_id == sa.bindparam("the_project"))


def _authorize(request: Request, rule: str) -> None:
    if not request.allows(f"volume_extension:{rule}", {"project_id": request.params.get("id", request.caller.project_id)}):
        raise Forbidden("You are not authorized to perform this operation.")


def _project(request: Request, tx: Transaction, rule: str) -> str:
    """The project in the path. Raises Forbidden, NotFound."""
    _authorize(request, rule)
    project_id = request.params["id"]
    if not identity.project_exists(tx, project_id):
        raise NotFound(f"Project with id {project_id} not found.")
    return project_id


_DEFAULT = Record("DefaultType", {"project_id": TEXT, "volume_type_id": ID})


@routes.get("", since=SINCE, policy="volume_extension:default_get_all", answer=envelope("default_types", many(_DEFAULT)))
def list_defaults(request: Request, tx: Transaction) -> dict[str, Any]:
    """List the projects that have a default type of their own."""
    _authorize(request, "default_get_all")
    return {"default_types": [{"project_id": row.project_id, "volume_type_id": row.volume_type_id} for row in tx.rows(_ALL)]}


@routes.get("/{id}", since=SINCE, policy="volume_extension:default_get", answer=envelope("default_type", _DEFAULT))
def show_default(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show a project's own default type."""
    project_id = _project(request, tx, "default_get")
    type_id = tx.scalar(_ONE, {"the_project": project_id})
    if type_id is None:
        raise NotFound(f"Default type for project {project_id} not found.", kind="VolumeTypeProjectDefaultNotFound")
    return {"default_type": {"project_id": project_id, "volume_type_id": type_id}}


@routes.put(
    "/{id}",
    since=SINCE,
    policy="volume_extension:default_set_or_update",
    body=enveloped("default_type", fields(("volume_type",), volume_type=NAME)),
    answer=envelope("default_type", _DEFAULT),
)
def set_default(request: Request, tx: Transaction) -> dict[str, Any]:
    """Give a project a default type of its own."""
    project_id = _project(request, tx, "default_set_or_update")
    try:
        kind = find(tx, request, request.body["default_type"]["volume_type"])
    except NotFound as fault:
        raise BadRequest(fault.message) from None
    tx.execute(_DELETE, {"the_project": project_id})
    tx.execute(_INSERT, {"project_id": project_id, "volume_type_id": kind.id, "created_at": clock.now()})
    record(tx, request, "volume_type.default.set", kind.id, project_id)
    return {"default_type": {"project_id": project_id, "volume_type_id": kind.id}}


@routes.delete("/{id}", since=SINCE, policy="volume_extension:default_unset")
def unset_default(request: Request, tx: Transaction) -> None:
    """Return a project to the cloud's default type; also one that exists no more."""
    _authorize(request, "default_unset")
    if tx.execute(_DELETE, {"the_project": request.params["id"]}).rowcount:
        record(tx, request, "volume_type.default.unset", request.params["id"], request.params["id"])
