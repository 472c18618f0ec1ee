"""How much of the network a project may use: limits, what is used, and the refusal to go beyond. Usage is counted from the rows."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from monostack import quotas
from monostack.core.errors import Forbidden, NotBuilt, NotFound
from monostack.db import Select, Transaction, metadata
from monostack.http import Request, Routes
from monostack.http.answers import INTEGER, REFUSED, TEXT, Record, either, envelope, many, mapping
from monostack.services.network import documents
from monostack.services.network.values.plain import to_int
from monostack.services.network.words import UNREADABLE, bad, forbidden, over_quota, refused

TABLES = {
    "network": "networks",
    "subnet": "subnets",
    "subnetpool": "subnetpools",
    "port": "ports",
    "router": "routers",
    "floatingip": "floatingips",
    "rbac_policy": "network_rbac_policies",
    "trunk": "trunks",
    "security_group": "security_groups",
    "security_group_rule": "security_group_rules",
}
SERVICE = "network"
UNLIMITED = -1
MAXIMUM = 2**31 - 1

_counts: dict[str, Select] = {}


def _count(resource: str) -> Select:
    if resource not in _counts:  # the tables are declared by modules that import this one
        counted = metadata.tables[TABLES[resource]]
        _counts[resource] = sa.select(sa.func.count()).select_from(counted).where(counted.c.project_id == sa.bindparam("project"))
    return _counts[resource]


def used(tx: Transaction, project_id: str, resource: str) -> int:
    """How many of a resource the project has."""
    return int(tx.scalar(_count(resource), {"project": project_id}))


def _defaults(cloud: Any) -> dict[str, int]:
    configured = cloud.config.quota.network
    return {resource: getattr(configured, resource) for resource in TABLES}


def limits(tx: Transaction, cloud: Any, project_id: str) -> dict[str, int]:
    """The project's limits, its own or the defaults. -1 is unlimited."""
    return quotas.limits(tx, SERVICE, project_id, _defaults(cloud))


def reserve(tx: Transaction, cloud: Any, resource: str, wanted: Sequence[Mapping[str, Any]]) -> None:
    """Raises OverQuota unless the projects that will own these may have so many more."""
    for project_id, more in Counter(values["project_id"] for values in wanted).items():
        limit = limits(tx, cloud, project_id)[resource]
        if limit > UNLIMITED and not quotas.room(limit, used(tx, project_id, resource), more):
            raise over_quota([resource])


# --- API ---------------------------------------------------------------------------------------------------------------

routes = Routes("/v2.0/quotas")
_LIMIT = {"type": "integer", "minimum": UNLIMITED, "maximum": MAXIMUM}
_PROPERTIES = {**dict.fromkeys(TABLES, _LIMIT), "force": {"type": "boolean"}}
_BODY = documents.one_of("quota", {"type": "object", "properties": _PROPERTIES, "additionalProperties": False})
_QUOTA = Record("Quota", dict.fromkeys(TABLES, INTEGER))
_DETAILS = Record("QuotaUse", {"limit": INTEGER, "used": INTEGER, "reserved": INTEGER})


def _authorize(request: Request, rule: str) -> None:
    if not request.allows(rule):
        raise forbidden(f"rule:{rule}")


@routes.get(
    "", policy="get_quota", answer=envelope("quotas", many(_QUOTA.with_keys("ProjectQuota", {"project_id": TEXT, "tenant_id": TEXT})))
)
def list_quotas(request: Request, tx: Transaction) -> Any:
    """The projects that have limits of their own."""
    _authorize(request, "get_quota")
    own = quotas.all_limits(tx, SERVICE)
    defaults = _defaults(request.cloud)
    return {"quotas": [{**defaults, **own[id], "project_id": id, "tenant_id": id} for id in own]}


@routes.post("", answer=REFUSED)
def create_quota(request: Request, tx: Transaction) -> Any:
    raise NotBuilt("POST requests are not supported on this resource.", kind="HTTPNotImplemented")


@routes.get("/{id}", policy="get_quota", answer=either(envelope("quota", _QUOTA), mapping(mapping(TEXT))))
def show_quota(request: Request, tx: Transaction) -> Any:
    """The limits of a project. `tenant` and `project` in place of an id tell the caller's own."""
    id = request.params["id"]
    if id in ("tenant", "project"):
        if request.caller.project_id is None:
            raise refused("Tenant-id was missing from quota request.", "QuotaMissingTenant")
        return {id: {f"{id}_id": request.caller.project_id}}
    if id != request.caller.project_id:
        _authorize(request, "get_quota")
    return {"quota": limits(tx, request.cloud, id)}


@routes.get("/{id}/default", policy="get_quota", answer=envelope("quota", _QUOTA))
def show_default(request: Request, tx: Transaction) -> Any:
    """The limits a project has that has none of its own."""
    if request.params["id"] != request.caller.project_id:
        _authorize(request, "get_quota")
    return {"quota": _defaults(request.cloud)}


@routes.get("/{id}/details", answer=envelope("quota", Record("QuotaDetails", dict.fromkeys(TABLES, _DETAILS))))
def show_details(request: Request, tx: Transaction) -> Any:
    """The limits of a project and how much of each is used."""
    id = request.params["id"]
    if id != request.caller.project_id and not request.allows("context_is_admin"):
        text = "User does not have admin privileges: Only admin is authorized to access quotas for another project."
        raise Forbidden(text, kind="AdminRequired")
    shown = limits(tx, request.cloud, id).items()
    return {"quota": {resource: {"limit": limit, "used": used(tx, id, resource), "reserved": 0} for resource, limit in shown}}


@routes.put("/{id}", policy="update_quota", body_document=_BODY, answer=envelope("quota", _QUOTA))
def update_quota(request: Request, tx: Transaction) -> Any:
    """Set limits of a project. Below what is used only with `force`."""
    _authorize(request, "update_quota")
    id = request.params["id"]
    body = request.body.get("quota") if isinstance(request.body, dict) else None
    if not isinstance(body, dict):
        raise bad(UNREADABLE if not isinstance(request.body, dict) else "Unable to find 'quota' in request body")
    given = dict(body)
    force = given.pop("force", None)
    given.pop("check_limit", None)
    for name in ("project_id", "tenant_id"):
        if name in given:
            raise bad(f"Cannot update read-only attribute {name}")
    unknown = [name for name in given if name not in TABLES]
    if unknown:
        raise bad("Unrecognized attribute(s) '{}'".format(", ".join(unknown)))
    wanted = {resource: _limit(resource, value) for resource, value in given.items()}
    for resource, limit in wanted.items():
        if force is not True and limit != UNLIMITED and (usage := used(tx, id, resource)) > limit:
            raise bad(f"Quota limit {limit} for {resource} must be greater than or equal to already used {usage}")
    quotas.set_limits(tx, SERVICE, id, wanted)
    return {"quota": limits(tx, request.cloud, id)}


def _limit(resource: str, value: Any) -> int:
    limit = to_int(value)
    if limit < UNLIMITED:
        raise bad(f"Invalid input for {resource}. Reason: '{limit}' is too small - must be at least '-1'.")
    if limit > MAXIMUM:
        raise bad(f"Invalid input for {resource}. Reason: '{limit}' is too large - must be no larger than '{MAXIMUM}'.")
    return limit


@routes.delete("/{id}", policy="delete_quota")
def delete_quota(request: Request, tx: Transaction) -> None:
    """Back to the default limits."""
    _authorize(request, "delete_quota")
    id = request.params["id"]
    if not quotas.clear_limits(tx, SERVICE, id):
        raise NotFound(f"Quota for project {id} could not be found.", kind="TenantQuotaNotFound")
