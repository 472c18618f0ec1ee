"""Which projects may use a private flavor: /flavors/{id}/os-flavor-access, and the actions that grant and withdraw it."""

from typing import Any

import sqlalchemy as sa

from monostack.core.errors import BadRequest, Conflict, NotFound
from monostack.db import Transaction
from monostack.http import Request, Routes, answers
from monostack.http.actions import Actions
from monostack.services.compute.flavors.api import FLAVORS, flavor_projects
from monostack.services.compute.parameters import one
from monostack.services.identity.facade import project_exists

_p = flavor_projects.c
_OF_FLAVOR = sa.select(_p.project_id).where(_p.flavor_id == sa.bindparam("the_flavor")).order_by(_p.project_id)
_GRANT = sa.insert(flavor_projects)
_WITHDRAW = sa.delete(flavor_projects).where(_p.flavor_id == sa.bindparam("the_flavor"), _p.project_id == sa.bindparam("the_project"))

_MAY_ADD = "os_compute_api:os-flavor-access:add_tenant_access"
_MAY_REMOVE = "os_compute_api:os-flavor-access:remove_tenant_access"
_TENANT = one("tenant", {"type": "string", "minLength": 1, "maxLength": 255})
ACTIONS = Actions()

routes = Routes("/v2.1/flavors/{id}")


def _access(tx: Transaction, flavor_id: str) -> dict[str, Any]:
    rows = tx.rows(_OF_FLAVOR, {"the_flavor": flavor_id})
    return {"flavor_access": [{"flavor_id": flavor_id, "tenant_id": row.project_id} for row in rows]}


_GRANTED = answers.Record("FlavorAccess", {"flavor_id": answers.TEXT, "tenant_id": answers.TEXT})
_ACCESS = answers.envelope("flavor_access", answers.many(_GRANTED))


@routes.get("/os-flavor-access", policy="os_compute_api:os-flavor-access", answer=_ACCESS)
def list_flavor_access(request: Request, tx: Transaction) -> Any:
    """List the projects that may use a private flavor."""
    request.authorize("os_compute_api:os-flavor-access")
    flavor = FLAVORS.get(request, tx, request.params["id"])
    if flavor.is_public:
        raise NotFound("Access list not available for public flavors.")
    return _access(tx, flavor.id)


@ACTIONS.action("addTenantAccess", status=200, body=one("addTenantAccess", _TENANT), policy=_MAY_ADD, answer=_ACCESS)
def add_tenant_access(request: Request, tx: Transaction) -> Any:
    """Let a project use a private flavor."""
    request.authorize(_MAY_ADD, {})
    project_id = request.body["addTenantAccess"]["tenant"]
    if not project_exists(tx, project_id):
        raise BadRequest(f"Project ID {project_id} is not a valid project.")
    flavor = FLAVORS.get(request, tx, request.params["id"])
    if request.at_least(2, 7) and flavor.is_public:
        raise Conflict("Can not add access to a public flavor.")
    if any(row.project_id == project_id for row in tx.rows(_OF_FLAVOR, {"the_flavor": flavor.id})):
        raise Conflict(f"Flavor access already exists for flavor {flavor.id} and project {project_id} combination.")
    tx.execute(_GRANT, {"flavor_id": flavor.id, "project_id": project_id})
    return _access(tx, flavor.id)


@ACTIONS.action("removeTenantAccess", status=200, body=one("removeTenantAccess", _TENANT), policy=_MAY_REMOVE, answer=_ACCESS)
def remove_tenant_access(request: Request, tx: Transaction) -> Any:
    """Withdraw a project's use of a private flavor."""
    request.authorize(_MAY_REMOVE, {})
    project_id = request.body["removeTenantAccess"]["tenant"]
    flavor = FLAVORS.get(request, tx, request.params["id"])
    if tx.execute(_WITHDRAW, {"the_flavor": flavor.id, "the_project": project_id}).rowcount == 0:
        raise NotFound(f"Flavor access not found for {flavor.id} / {project_id} combination.")
    return _access(tx, flavor.id)


ACTIONS.mount(routes, "/action", policy=_MAY_ADD)
