"""The calls about quotas: of projects, of classes, and the caller's own limits."""

from collections.abc import Mapping
from typing import Any

from monostack import quotas
from monostack.core.errors import BadRequest
from monostack.db import Transaction
from monostack.http import Request, Routes
from monostack.http.answers import INTEGER, NOTHING, OBJECT, TEXT, Record, either, envelope, many, mapping, optional
from monostack.services.volume.lists import is_admin
from monostack.services.volume.parameters import MAX_INT, enveloped, query_flag
from monostack.services.volume.quotas.counting import SERVICE, defaults, limits_of, usage
from monostack.services.volume.words import invalid_input

routes = Routes("/v3")
ABSOLUTE = {
    "volumes": "maxTotalVolumes",
    "snapshots": "maxTotalSnapshots",
    "gigabytes": "maxTotalVolumeGigabytes",
    "backups": "maxTotalBackups",
    "backup_gigabytes": "maxTotalBackupGigabytes",
}
USED = {
    "volumes": "totalVolumesUsed",
    "gigabytes": "totalGigabytesUsed",
    "snapshots": "totalSnapshotsUsed",
    "backups": "totalBackupsUsed",
    "backup_gigabytes": "totalBackupGigabytesUsed",
}
_LIMIT = {"type": ["integer", "string"], "pattern": "^[0-9]*$", "minimum": -1, "minLength": 1, "maximum": MAX_INT}
_CLASS = {"type": "object", "patternProperties": {"^[a-zA-Z0-9-_:. ]{1,300}$": _LIMIT}, "additionalProperties": False}


def _values(given: Mapping[str, Any], known: Mapping[str, int]) -> dict[str, int]:
    """The limits in a body. Raises BadRequest for what is no number or no resource."""
    values: dict[str, int] = {}
    bad = []
    for name, value in given.items():
        if name in ("id", "tenant_id"):
            continue
        if name not in known:
            bad.append(name)
            continue
        try:
            values[name] = int(str(value))
        except ValueError:
            raise BadRequest(f"{name} must be an integer") from None
        if values[name] < -1:
            raise BadRequest(f"{name} must be >= -1")
        if values[name] > MAX_INT:
            raise BadRequest(f"{name} must be <= {MAX_INT}")
    if bad:
        raise invalid_input(f"Bad key(s) in quota set: {', '.join(bad)}")
    return values


# A volume type has limits of its own: volumes_TYPE, gigabytes_TYPE, snapshots_TYPE.
_SET_WITH_ID = Record("QuotaSet", {"id": TEXT}, INTEGER)
_USE = Record("QuotaUse", {"limit": INTEGER, "in_use": INTEGER, "reserved": INTEGER, "allocated": optional(INTEGER)})
_SET_OR_USE = either(_SET_WITH_ID, Record("QuotaSetInUse", {"id": TEXT}, _USE))
_LIMITS = Record("Limits", {**dict.fromkeys(ABSOLUTE.values(), INTEGER), **dict.fromkeys(USED.values(), optional(INTEGER))})


@routes.get("/os-quota-sets/{id}", policy="volume_extension:quotas:show", answer=envelope("quota_set", _SET_OR_USE))
def show_quota(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show a project's quota, with `usage` also what it uses."""
    project = request.params["id"]
    request.authorize("volume_extension:quotas:show", {"project_id": project})
    shown: dict[str, Any] = dict(limits_of(tx, request.cloud, project))
    if query_flag(request.query_map, "usage"):
        used = usage(tx, project)
        shown = {name: {"limit": limit, "in_use": used.get(name, 0), "reserved": 0} for name, limit in shown.items()}
    return {"quota_set": {**shown, "id": project}}


@routes.get("/os-quota-sets/{id}/defaults", policy="volume_extension:quotas:show", answer=envelope("quota_set", _SET_WITH_ID))
def show_defaults(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show the default quota."""
    project = request.params["id"]
    request.authorize("volume_extension:quotas:show", {"project_id": project})
    return {"quota_set": {**defaults(tx, request.cloud), "id": project}}


@routes.put(
    "/os-quota-sets/{id}",
    policy="volume_extension:quotas:update",
    body=enveloped("quota_set", {"type": "object", "minProperties": 1, "maxProperties": 1024}),
    answer=envelope("quota_set", mapping(INTEGER)),
)
def update_quota(request: Request, tx: Transaction) -> dict[str, Any]:
    """Set a project's quota. A limit below what is used is refused."""
    project = request.params["id"]
    values = _values(request.body["quota_set"], defaults(tx, request.cloud))
    request.authorize("volume_extension:quotas:update", {"project_id": project})
    _require_short("quota_set_name", project)
    used = usage(tx, project)
    for name, value in values.items():
        if name != "per_volume_gigabytes" and 0 <= value < used.get(name, 0):
            raise BadRequest(
                f"Quota {name} limit must be equal or greater than existing resources. Current usage is {used[name]} and the requested "
                f"limit is {value}."
            )
    quotas.set_limits(tx, SERVICE, project, values)
    return {"quota_set": limits_of(tx, request.cloud, project)}


def _require_short(what: str, value: str) -> None:
    if len(value) > 255:
        raise BadRequest(f"Invalid input received: {what} has {len(value)} characters, more than 255.")


@routes.delete("/os-quota-sets/{id}", policy="volume_extension:quotas:delete", status=200, answer=NOTHING)
def delete_quota(request: Request, tx: Transaction) -> None:
    """Return a project to the default quota."""
    request.authorize("volume_extension:quotas:delete", {"project_id": request.params["id"]})
    quotas.clear_limits(tx, SERVICE, request.params["id"])


def _class_limits(request: Request, tx: Transaction) -> dict[str, int]:
    return limits_of(tx, request.cloud, quotas.quota_class(request.params["id"]))


@routes.get(
    "/os-quota-class-sets/{id}", policy="volume_extension:quota_classes:get", enforce=True, answer=envelope("quota_class_set", _SET_WITH_ID)
)
def show_class(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show the limits of a quota class; `default` is what projects have that have none of their own."""
    return {"quota_class_set": {**_class_limits(request, tx), "id": request.params["id"]}}


@routes.put(
    "/os-quota-class-sets/{id}",
    policy="volume_extension:quota_classes:update",
    body=enveloped("quota_class_set", _CLASS),
    answer=envelope("quota_class_set", mapping(INTEGER)),
)
def update_class(request: Request, tx: Transaction) -> dict[str, Any]:
    """Set limits of a quota class."""
    given, known = request.body["quota_class_set"], defaults(tx, request.cloud)
    bad = [name for name in given if name not in known]
    if bad:
        raise invalid_input(f"Bad key(s) in quota class set: {', '.join(bad)}")
    request.authorize("volume_extension:quota_classes:update")
    _require_short("quota_class_name", request.params["id"])
    quotas.set_limits(tx, SERVICE, quotas.quota_class(request.params["id"]), {name: int(value) for name, value in given.items()})
    return {"quota_class_set": _class_limits(request, tx)}


@routes.get(
    "/limits", policy="limits_extension:used_limits", answer=envelope("limits", Record("", {"rate": many(OBJECT), "absolute": _LIMITS}))
)
def show_limits(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show the caller's limits and use in one; administrators may ask for another project's (3.39)."""
    project = request.project_id
    if request.at_least(3, 39) and is_admin(request):
        project = request.query_map.get("project_id", request.query_map.get("tenant_id", project))
    limits = limits_of(tx, request.cloud, project)
    absolute = {shown: limits[name] for name, shown in ABSOLUTE.items()}
    if request.allows("limits_extension:used_limits"):
        used = usage(tx, project)
        absolute.update({shown: used[name] for name, shown in USED.items()})
    return {"limits": {"rate": [], "absolute": absolute}}
