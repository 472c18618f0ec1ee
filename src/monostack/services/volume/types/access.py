"""Which projects may use a private volume type."""

from typing import Any

import sqlalchemy as sa

from monostack.core.errors import Conflict, NotFound
from monostack.db import Row, Transaction
from monostack.events import record
from monostack.http import Request, Response, Routes
from monostack.http.actions import Actions
from monostack.http.answers import ID, TEXT, Record, envelope, many
from monostack.services.volume.dialect import accepted
from monostack.services.volume.parameters import enveloped, fields
from monostack.services.volume.types.table import by_id, type_access
from monostack.services.volume.words import NO_SUCH_ACTION, invalid_type

routes = Routes("/v3/types/{id}")
actions = Actions(unknown=NO_SUCH_ACTION)
actions.mount(routes, "/action")

_a = type_access.c
_OF_TYPE = sa.select(_a.project_id).where(_a.volume_type_id == sa.bindparam("the_type")).order_by(_a.project_id)
_ONE = sa.select(_a.project_id).where(_a.volume_type_id == sa.bindparam("the_type"), _a.project_id == sa.bindparam("the_project"))
_INSERT = sa.insert(type_access)
_DELETE = sa.delete(type_access).where(_a.volume_type_id == sa.bindparam("the_type"), _a.project_id == sa.bindparam("the_project"))
_MAY_ADD = "volume_extension:volume_type_access:addProjectAccess"
_MAY_REMOVE = "volume_extension:volume_type_access:removeProjectAccess"
_PROJECT = fields(("project",), project={"type": "string", "minLength": 1, "maxLength": 255})


@routes.get(
    "/os-volume-type-access",
    policy="volume_extension:volume_type_access:get_all_for_type",
    enforce=True,
    answer=envelope("volume_type_access", many(Record("TypeAccess", {"volume_type_id": ID, "project_id": TEXT}))),
)
def list_access(request: Request, tx: Transaction) -> dict[str, Any]:
    """List the projects that may use a private type."""
    row = by_id(tx, request, request.params["id"])
    if row.is_public:
        raise NotFound("Access list not available for public volume types.", kind="VolumeTypeAccessNotFound")
    granted = tx.rows(_OF_TYPE, {"the_type": row.id})
    return {"volume_type_access": [{"volume_type_id": row.id, "project_id": project_id} for (project_id,) in granted]}


def _private(request: Request, tx: Transaction) -> Row:
    row = by_id(tx, request, request.params["id"])
    if row.is_public:
        raise invalid_type("Type access modification is not applicable to public volume type.")
    return row


@actions.action("addProjectAccess", body=enveloped("addProjectAccess", _PROJECT), policy=_MAY_ADD)
def grant(request: Request, tx: Transaction) -> Response:
    """Let a project use a private type."""
    request.authorize(_MAY_ADD)
    row, project = _private(request, tx), request.body["addProjectAccess"]["project"]
    if tx.row(_ONE, {"the_type": row.id, "the_project": project}) is not None:
        raise Conflict(f"Volume type access for {row.id} / {project} combination already exists.", kind="VolumeTypeAccessExists")
    tx.execute(_INSERT, {"volume_type_id": row.id, "project_id": project})
    record(tx, request, "volume_type.access.add", row.id, project)
    return accepted()


@actions.action("removeProjectAccess", body=enveloped("removeProjectAccess", _PROJECT), policy=_MAY_REMOVE)
def revoke(request: Request, tx: Transaction) -> Response:
    """No longer let a project use a private type."""
    request.authorize(_MAY_REMOVE)
    row, project = _private(request, tx), request.body["removeProjectAccess"]["project"]
    if tx.execute(_DELETE, {"the_type": row.id, "the_project": project}).rowcount == 0:
        raise NotFound(f"Volume type access not found for {row.id} / {project} combination.", kind="VolumeTypeAccessNotFound")
    record(tx, request, "volume_type.access.remove", row.id, project)
    return accepted()
