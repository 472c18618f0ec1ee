"""/os-quota-sets, /os-quota-class-sets and /limits: what projects may use, and what they use."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from monostack.core.errors import BadRequest
from monostack.db import Transaction
from monostack.http import Request, Routes
from monostack.http.answers import NOTHING, envelope
from monostack.services.compute import answers, quotas, unified_limits
from monostack.services.compute.keypairs import keypairs
from monostack.services.compute.parameters import BOOLEAN, MAX_INT, TEXT, Json, fields, is_true, one, queries
from monostack.services.compute.quotas import ELSEWHERE, RESOURCES
from monostack.services.compute.server_groups import server_groups
from monostack.services.identity.facade import project_exists

_INJECTED = ("injected_files", "injected_file_content_bytes", "injected_file_path_bytes")
_GROUPS = ("server_groups", "server_group_members")
_LIMIT: Json = {"type": ["integer", "string"], "pattern": "^-?[0-9]+$", "minimum": -1, "maximum": MAX_INT}
_KEYPAIRS = sa.select(sa.func.count()).where(keypairs.c.user_id == sa.bindparam("the_user"))
_SERVER_GROUPS = sa.select(sa.func.count()).where(server_groups.c.project_id == sa.bindparam("the_project"))


def _hidden(minor: int) -> set[str]:
    """What a microversion no longer shows."""
    return set(ELSEWHERE if minor >= 36 else ()) | set(_INJECTED if minor >= 57 else ())


def _update(minor: int) -> Json:
    known = {name: _LIMIT for name in RESOURCES if name not in _hidden(minor)}
    return one("quota_set", fields({**known, "force": BOOLEAN}))


_UPDATE = [((2, minor), _update(minor)) for minor in (0, 36, 57)]
_OF_USER = queries({"user_id": TEXT})

routes = Routes("/v2.1")


def _project(request: Request, tx: Transaction, action: str) -> str:
    project_id = request.params["id"]
    request.authorize(f"os_compute_api:os-quota-sets:{action}", {"project_id": project_id})
    if not project_exists(tx, project_id):
        raise BadRequest(f"Project ID {project_id} is not a valid project.")
    return project_id


def _shown(request: Request, limits: Mapping[str, Any], **more: Any) -> Any:
    minor = request.microversion[1] if request.microversion else 0
    hidden = _hidden(minor)
    return {"quota_set": {**more, **{name: limits[name] for name in RESOURCES if name not in hidden}}}


def _user(request: Request) -> str:
    return request.query_map.get("user_id", "")


@routes.get("/os-quota-sets/{id}", policy="os_compute_api:os-quota-sets:show", query=_OF_USER, answer=envelope("quota_set", answers.QUOTAS))
def show_quotas(request: Request, tx: Transaction) -> Any:
    """Show a project's quotas."""
    project_id = _project(request, tx, "show")
    return _shown(request, quotas.limits_of(tx, request.cloud, project_id, _user(request)), id=project_id)


@routes.get("/os-quota-sets/{id}/defaults", policy="os_compute_api:os-quota-sets:defaults", answer=envelope("quota_set", answers.QUOTAS))
def show_default_quotas(request: Request, tx: Transaction) -> Any:
    """Show the quotas of projects that have none of their own."""
    project_id = _project(request, tx, "defaults")
    return _shown(request, quotas.defaults(tx, request.cloud), id=project_id)


@routes.get(
    "/os-quota-sets/{id}/detail",
    policy="os_compute_api:os-quota-sets:detail",
    query=_OF_USER,
    answer=envelope("quota_set", answers.QUOTAS_IN_USE),
)
def show_quota_usage(request: Request, tx: Transaction) -> Any:
    """Show a project's quotas and what it uses of them."""
    project_id = _project(request, tx, "detail")
    limits = quotas.limits_of(tx, request.cloud, project_id, _user(request))
    used = _used(tx, request.cloud, project_id, _user(request))
    shown = {name: {"limit": limit, "in_use": used.get(name, 0), "reserved": 0} for name, limit in limits.items()}
    return _shown(request, shown, id=project_id)


def _used(tx: Transaction, cloud: Any, project_id: str, user_id: str) -> dict[str, int]:
    held = quotas.used(tx, cloud, project_id)
    held["server_groups"] = tx.scalar(_SERVER_GROUPS, {"the_project": project_id})
    held["key_pairs"] = tx.scalar(_KEYPAIRS, {"the_user": user_id}) if user_id else 0
    return held


@routes.put(
    "/os-quota-sets/{id}",
    policy="os_compute_api:os-quota-sets:update",
    body=_UPDATE,
    query=_OF_USER,
    answer=envelope("quota_set", answers.UPDATED_QUOTAS),
)
def update_quotas(request: Request, tx: Transaction) -> Any:
    """Set quotas of a project, or of a user in it."""
    project_id, user_id = _project(request, tx, "update"), _user(request)
    given = dict(request.body["quota_set"])
    force = is_true(given.pop("force", False))
    used = _used(tx, request.cloud, project_id, user_id)
    whole = quotas.limits_of(tx, request.cloud, project_id) if user_id else {}
    if unified_limits.are_on(request.cloud):
        given = {}  # they are set in the identity service
    for name, text in given.items():
        limit = int(text)
        if not force:
            _check(name, limit, used.get(name, 0), whole.get(name, -1))
        _store(tx, "user" if user_id else "project", project_id, user_id, name, limit)
    return _shown(request, quotas.limits_of(tx, request.cloud, project_id, user_id))


def _check(name: str, limit: int, least: int, most: int) -> None:
    """A quota below what is used, or of a user above the project's, needs force."""
    if 0 <= limit < least:
        raise BadRequest(f"Quota limit {limit} for {name} must be greater than or equal to already used and reserved {least}.")
    if most >= 0 and (limit < 0 or limit > most):
        raise BadRequest(f"Quota limit {limit} for {name} must be less than or equal to {most}.")


def _store(tx: Transaction, scope: str, project_id: str, user_id: str, name: str, limit: int) -> None:
    key = {"the_scope": scope, "the_project": project_id, "the_user": user_id, "the_resource": name}
    tx.execute(quotas.FORGET_ONE, key)
    tx.execute(quotas.SET, {"scope": scope, "project_id": project_id, "user_id": user_id, "resource": name, "limit": limit})


@routes.delete("/os-quota-sets/{id}", policy="os_compute_api:os-quota-sets:delete", status=202, query=_OF_USER, answer=NOTHING)
def delete_quotas(request: Request, tx: Transaction) -> None:
    """Forget a project's own quotas: the defaults hold again."""
    project_id, user_id = request.params["id"], _user(request)
    request.authorize("os_compute_api:os-quota-sets:delete", {"project_id": project_id})
    if unified_limits.are_on(request.cloud):
        return
    tx.execute(quotas.FORGET, {"the_scope": "user" if user_id else "project", "the_project": project_id, "the_user": user_id})


# --- the default class -------------------------------------------------------------------------------------------------------


def _class_hidden(minor: int) -> set[str]:
    return set(_GROUPS) if minor < 50 else set(ELSEWHERE) | set(_INJECTED if minor >= 57 else ())


def _class_update(minor: int) -> Json:
    known = {name: _LIMIT for name in RESOURCES if name not in _class_hidden(minor) or (minor < 50 and name in _GROUPS)}
    return one("quota_class_set", fields(known))


def _class_shown(request: Request, tx: Transaction, name: str) -> dict[str, int]:
    minor = request.microversion[1] if request.microversion else 0
    limits = {**quotas.defaults(tx, request.cloud), **quotas.stored(tx, "class", name)}
    return {each: limits[each] for each in RESOURCES if each not in _class_hidden(minor)}


@routes.get(
    "/os-quota-class-sets/{id}", policy="os_compute_api:os-quota-class-sets:show", answer=envelope("quota_class_set", answers.QUOTA_CLASS)
)
def show_quota_class(request: Request, tx: Transaction) -> Any:
    """Show a quota class: `default` holds for all projects without quotas of their own."""
    request.authorize("os_compute_api:os-quota-class-sets:show", {})
    name = request.params["id"]
    return {"quota_class_set": {"id": name, **_class_shown(request, tx, name)}}


@routes.put(
    "/os-quota-class-sets/{id}",
    policy="os_compute_api:os-quota-class-sets:update",
    body=[((2, minor), _class_update(minor)) for minor in (0, 50, 57)],
    answer=envelope("quota_class_set", answers.UPDATED_QUOTA_CLASS),
)
def update_quota_class(request: Request, tx: Transaction) -> Any:
    """Set the limits of a quota class."""
    name = request.params["id"]
    request.authorize("os_compute_api:os-quota-class-sets:update", {})
    if not name.strip() or len(name) > 64:
        raise BadRequest("Invalid input received: quota_class has to be a name of at most 64 characters")
    for resource, limit in request.body["quota_class_set"].items():
        if resource in RESOURCES and not unified_limits.are_on(request.cloud):  # v2.0 takes others too, and lets them pass
            _store(tx, "class", name, "", resource, int(limit))
    return {"quota_class_set": _class_shown(request, tx, name)}


# --- limits ------------------------------------------------------------------------------------------------------------------

_ABSOLUTE: dict[str, tuple[str, int | None]] = {  # name -> quota, and the minor version that dropped it
    "maxTotalCores": ("cores", None),
    "maxTotalInstances": ("instances", None),
    "maxTotalKeypairs": ("key_pairs", None),
    "maxServerMeta": ("metadata_items", None),
    "maxImageMeta": ("metadata_items", 39),
    "maxTotalRAMSize": ("ram", None),
    "maxServerGroups": ("server_groups", None),
    "maxServerGroupMembers": ("server_group_members", None),
    "maxPersonality": ("injected_files", 57),
    "maxPersonalitySize": ("injected_file_content_bytes", 57),
    "maxTotalFloatingIps": ("floating_ips", 36),
    "maxSecurityGroups": ("security_groups", 36),
    "maxSecurityGroupRules": ("security_group_rules", 36),
}


@routes.get("/limits", policy="os_compute_api:limits", query=queries({"tenant_id": TEXT}), answer=answers.LIMITS)
def show_limits(request: Request, tx: Transaction) -> Any:
    """Show what the project may use and what it uses."""
    request.authorize("os_compute_api:limits", {})
    project_id = request.project_id
    asked = request.query_map.get("tenant_id")
    if asked is not None and asked != project_id:
        request.authorize("os_compute_api:limits:other_project", {"project_id": asked})
        project_id = asked
    minor = request.microversion[1] if request.microversion else 0
    limits = quotas.limits_of(tx, request.cloud, project_id)
    used = _used(tx, request.cloud, project_id, "")
    absolute = {name: limits[quota] for name, (quota, until) in _ABSOLUTE.items() if until is None or minor < until}
    absolute.update(
        totalRAMUsed=used["ram"], totalCoresUsed=used["cores"], totalInstancesUsed=used["instances"],
        totalServerGroupsUsed=used["server_groups"],
    )  # fmt: skip
    if minor < 36:
        absolute.update(totalFloatingIpsUsed=0, totalSecurityGroupsUsed=0)
    return {"limits": {"rate": [], "absolute": absolute}}
