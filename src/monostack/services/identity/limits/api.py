"""/v3/registered_limits and /v3/limits. Both are created in lists, all or none."""

from typing import Any

import sqlalchemy as sa

from monostack.core.errors import Conflict, Forbidden
from monostack.db import Row, Select, Transaction
from monostack.http import Request
from monostack.http.answers import TEXT, Record, envelope, many
from monostack.resources import Resource
from monostack.services.identity import access
from monostack.services.identity.dialect import expecting
from monostack.services.identity.domains import DOMAINS
from monostack.services.identity.kinds import IDENTIFIER, REGION, UUID, query, words
from monostack.services.identity.limits.table import LIMITS, REGISTERED, limits, registered_limits
from monostack.services.identity.projects.table import PROJECTS, projects
from monostack.services.identity.regions import REGIONS
from monostack.services.identity.services import SERVICES
from monostack.services.identity.style import STYLE

_REFERENCES = (("service_id", SERVICES), ("region_id", REGIONS), ("project_id", PROJECTS), ("domain_id", DOMAINS))


def _same(table: sa.Table, *owners: str) -> Select:
    """Finds what is about the same resource, and of the same owner. NULL is as good a value as another."""
    pairs = [sa.func.coalesce(table.c[name], "") == sa.bindparam(name) for name in ("service_id", "region_id", "resource_name", *owners)]
    return sa.select(table.c.id).where(*pairs)


_SAME_REGISTERED = _same(registered_limits)
_SAME_LIMIT = _same(limits, "project_id", "domain_id")
_IN_USE = sa.select(limits.c.id).where(limits.c.registered_id == sa.bindparam("registered")).limit(1)
_IN_DOMAIN = sa.or_(
    limits.c.domain_id == sa.bindparam("caller_domain"),
    limits.c.project_id.in_(sa.select(projects.c.id).where(projects.c.domain_id == sa.bindparam("caller_domain"))),
)
_IN_PROJECT = limits.c.project_id == sa.bindparam("caller_project")
_NONE = sa.false()


def _check_references(tx: Transaction, given: dict[str, Any], target: str) -> None:
    for name, resource in _REFERENCES:
        if given.get(name) is not None and access.find(resource, tx, given[name]) is None:
            raise expecting(name, target)


def _key(given: Any, *names: str) -> dict[str, str]:
    return {name: given.get(name) or "" for name in ("service_id", "region_id", "resource_name", *names)}


def _created(request: Request, tx: Transaction, resource: Resource, rows: list[Row]) -> dict[str, Any]:
    return {resource.plural: resource.views(request, tx, rows)}


def create_registered(request: Request, tx: Transaction) -> dict[str, Any]:
    """Register limits."""
    request.authorize("identity:create_registered_limits", {})
    rows: list[Row] = []
    for given in request.body["registered_limits"]:
        _check_references(tx, given, "registered_limit")
        if tx.row(_SAME_REGISTERED, _key(given)) is not None:
            raise Conflict("Conflict occurred attempting to store registered_limit - Duplicate entry.")
        rows.append(REGISTERED.insert(tx, request, REGISTERED.accept_create(request, given)))
    return _created(request, tx, REGISTERED, rows)


def update_registered(request: Request, tx: Transaction) -> dict[str, Any]:
    """Update a registered limit. While limits refer to it, only its amount and description."""
    row = REGISTERED.allowed(request, tx, "update")
    given = request.body["registered_limit"]
    _check_references(tx, given, "registered_limit")
    moves = {name: value for name, value in given.items() if name in ("service_id", "region_id", "resource_name")}
    if moves:
        _require_unused(tx, row)
        same = tx.scalar(_SAME_REGISTERED, _key({**row._mapping, **moves}))
        if same is not None and same != row.id:
            raise Conflict("Conflict occurred attempting to store registered_limit - Duplicate entry.")
    return REGISTERED.render(request, tx, REGISTERED.change(tx, request, row, REGISTERED.accept_update(request, given)))


def _require_unused(tx: Transaction, row: Row) -> None:
    if tx.row(_IN_USE, {"registered": row.id}) is not None:
        raise Forbidden(
            f"Unable to update or delete registered limit {row.id} because there are project limits associated with it."
        )


def delete_registered(request: Request, tx: Transaction) -> None:
    """Delete a registered limit that no limit refers to."""
    row = REGISTERED.allowed(request, tx, "delete")
    _require_unused(tx, row)
    REGISTERED.remove(tx, request, row)


def show_model(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show how limits are enforced."""
    request.authorize("identity:get_limit_model", {})
    text = "Limit enforcement and validation does not take project hierarchy into consideration."
    return {"model": {"name": "flat", "description": text}}


def list_limits(request: Request, tx: Transaction) -> Any:
    """List limits: all for administrators and services, else those of the token's domain or project."""
    request.authorize("identity:list_limits", request.query_map)
    caller = request.caller
    if caller.system_scope or caller.roles & {"admin", "service"}:
        clause = None
    else:
        clause = _IN_DOMAIN if caller.domain_id else _IN_PROJECT if caller.project_id else _NONE
    listed = STYLE.parse_list(request, LIMITS)
    rows = LIMITS.page(request, tx, listed, clause)
    return STYLE.list_envelope(request, LIMITS, LIMITS.views(request, tx, rows), listed)


def create_limits(request: Request, tx: Transaction) -> dict[str, Any]:
    """Set limits for projects or domains."""
    request.authorize("identity:create_limits", {})
    rows: list[Row] = []
    for given in request.body["limits"]:
        wanted = dict(given)
        if wanted.get("project_id") and access.find(DOMAINS, tx, wanted["project_id"]) is not None:
            wanted["domain_id"] = wanted.pop("project_id")
        _check_references(tx, wanted, "limit")
        registered_id = tx.scalar(_SAME_REGISTERED, _key(wanted))
        if registered_id is None:
            raise Forbidden("Unable to create a limit that has no corresponding registered limit.")
        if tx.row(_SAME_LIMIT, _key(wanted, "project_id", "domain_id")) is not None:
            raise Conflict("Conflict occurred attempting to store limit - Duplicate entry.")
        values = LIMITS.accept_create(request, {"project_id": None, **wanted})
        rows.append(LIMITS.insert(tx, request, {**values, "registered_id": registered_id}))
    return _created(request, tx, LIMITS, rows)


def show_limit(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show a limit."""
    limit_id = request.params["id"]
    row = access.find(LIMITS, tx, limit_id)
    target: dict[str, Any] = {}
    if row is not None:
        target = dict(row._mapping)
        owner = access.find(PROJECTS, tx, row.project_id) if row.project_id else access.find(DOMAINS, tx, row.domain_id)
        if owner is not None:
            target["project" if row.project_id else "domain"] = dict(owner._mapping)
    request.authorize("identity:get_limit", {"target": {"limit": target}})
    if row is None:
        raise STYLE.not_found(LIMITS, limit_id)
    return LIMITS.render(request, tx, row)


def _body(resource: Resource, method: str) -> dict[str, Any]:
    """Create takes a list, update one; neither takes anything unknown."""
    schema = resource.body_schema(method)
    inside = schema["properties"][resource.singular]
    inside["additionalProperties"] = False
    if "service_id" in inside["properties"]:
        inside["properties"]["service_id"] = UUID
    if method == "update":
        return schema
    if resource is LIMITS:
        inside["oneOf"] = [{"required": ["domain_id"]}, {"required": ["project_id"]}]
    listed = {"type": "array", "items": inside, "minItems": 1}
    return {"type": "object", "properties": {resource.plural: listed}, "required": [resource.plural], "additionalProperties": False}


_MODEL = envelope("model", Record("LimitModel", {"name": TEXT, "description": TEXT}))
_LIST = envelope("limits", many(LIMITS.answer))
_REGISTERED_LIST = envelope("registered_limits", many(REGISTERED.answer))
_KINDS = {"service_id": UUID, "region_id": REGION, "resource_name": words(255)}
_QUERY = query(**_KINDS, domain_id=IDENTIFIER, project_id=IDENTIFIER)

registered_routes = REGISTERED.routes(only=("list", "show", "delete"), delete=delete_registered, query=query(**_KINDS))
registered_routes.add("POST", "", create_registered, "write", status=201, body=_body(REGISTERED, "create"),
                      policy="identity:create_registered_limits", answer=_REGISTERED_LIST)  # fmt: skip
registered_routes.add("PATCH", "/{id}", update_registered, "write", body=_body(REGISTERED, "update"),
                      policy="identity:update_registered_limit", answer=REGISTERED.answer_one)  # fmt: skip

routes = LIMITS.routes(only=("show", "delete"), show=show_limit)
routes.add("GET", "", list_limits, "read", query=_QUERY, policy="identity:list_limits", answer=LIMITS.answer_list)
routes.add("GET", "/model", show_model, "read", policy="identity:get_limit_model", answer=_MODEL)
routes.add("POST", "", create_limits, "write", status=201, body=_body(LIMITS, "create"), policy="identity:create_limits",
           answer=_LIST)  # fmt: skip
routes.add("PATCH", "/{id}", LIMITS.update, "write", body=_body(LIMITS, "update"), policy="identity:update_limit",
           answer=LIMITS.answer_one)  # fmt: skip
