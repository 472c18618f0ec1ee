"""/v3/auth/{projects,domains,system,catalog}: what a token's user may have a token for, and where the services are."""

from typing import Any

import sqlalchemy as sa

from monostack.core.errors import Forbidden
from monostack.db import Transaction
from monostack.http import Request, Routes
from monostack.http.answers import FLAG, Record, envelope, many
from monostack.services.identity import catalog
from monostack.services.identity.assignments.listing import domains_of_user, projects_of_user
from monostack.services.identity.assignments.table import SYSTEM, held_roles
from monostack.services.identity.dialect import FORBIDDEN
from monostack.services.identity.domains import DOMAINS, domains
from monostack.services.identity.projects.table import PROJECTS, projects
from monostack.services.identity.style import LINKS, collection, page_of

_PROJECTS = sa.select(projects).where(projects.c.id.in_(sa.bindparam("ids", expanding=True))).order_by(projects.c.id)
_DOMAINS = sa.select(domains).where(domains.c.id.in_(sa.bindparam("ids", expanding=True))).order_by(domains.c.id)

routes = Routes("/v3/auth")


@routes.get("/projects", policy="identity:get_auth_projects", answer=page_of(PROJECTS))
def list_own_projects(request: Request, tx: Transaction) -> dict[str, Any]:
    """List the projects one may have a token for."""
    request.authorize("identity:get_auth_projects", {})
    rows = tx.rows(_PROJECTS, {"ids": sorted(projects_of_user(tx, request.caller.user_id))})
    return collection(request, "projects", PROJECTS.views(request, tx, rows))


@routes.get("/domains", policy="identity:get_auth_domains", answer=page_of(DOMAINS))
def list_own_domains(request: Request, tx: Transaction) -> dict[str, Any]:
    """List the domains one may have a token for."""
    request.authorize("identity:get_auth_domains", {})
    rows = tx.rows(_DOMAINS, {"ids": sorted(domains_of_user(tx, request.caller.user_id))})
    return collection(request, "domains", DOMAINS.views(request, tx, rows))


@routes.get("/system", policy="identity:get_auth_system", answer=Record("", {"system": many(envelope("all", FLAG)), "links": LINKS}))
def show_own_system(request: Request, tx: Transaction) -> dict[str, Any]:
    """Say whether one may have a token for the system."""
    request.authorize("identity:get_auth_system", {})
    held = held_roles(tx, request.caller.user_id, SYSTEM, SYSTEM)
    return {"system": [{"all": True}] if held else [], "links": {"self": f"{request.service_url}/v3/auth/system"}}


@routes.get("/catalog", policy="identity:get_auth_catalog", answer=Record("", {"catalog": catalog.ANSWER, "links": LINKS}))
def show_catalog(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show the catalog of a token scoped to a project."""
    request.authorize("identity:get_auth_catalog", {})
    caller = request.caller
    if caller.project_id is None:
        raise Forbidden(FORBIDDEN)
    values = catalog.variables(request.app_url, caller.user_id, caller.project_id)
    entries = catalog.render(catalog.entries(tx, caller.project_id), values)
    return {"catalog": entries, "links": {"self": f"{request.service_url}/v3/auth/catalog"}}
