"""What a project may use of block storage, what it uses (counted from its rows), and the calls about both."""

from typing import Any

import msgspec

from monostack import quotas
from monostack.core.errors import BadRequest, TooLarge
from monostack.db import Transaction
from monostack.http import Request, Routes
from monostack.resources.fields import TRUE
from monostack.services.volume.snapshots import SNAPSHOTS_USED
from monostack.services.volume.volumes.table import USED

SERVICE = "volume"
RESOURCES = ("volumes", "per_volume_gigabytes", "snapshots", "gigabytes", "backups", "backup_gigabytes", "groups")
RETRY = {"retry-after": "0"}
routes = Routes("/v3")


def defaults(request: Request) -> dict[str, int]:
    configured = msgspec.structs.asdict(request.cloud.config.quota.volume)
    return {name: configured[name] for name in RESOURCES}


def usage(tx: Transaction, project_id: str) -> dict[str, int]:
    volumes = tx.execute(USED, {"the_project": project_id}).one()
    snapshots = tx.execute(SNAPSHOTS_USED, {"the_project": project_id}).one()
    used = dict.fromkeys(RESOURCES, 0)
    used.update(volumes=volumes[0], snapshots=snapshots[0], gigabytes=int(volumes[1]) + int(snapshots[1]))
    return used


def claim(tx: Transaction, request: Request, *, volumes: int = 0, snapshots: int = 0, gigabytes: int = 0, per_volume: int = 0) -> None:
    """Refuse what would exceed the project's quota. Called in the transaction that writes the rows. Raises TooLarge (413)."""
    limit = quotas.limits(tx, SERVICE, request.project_id, defaults(request))
    used = usage(tx, request.project_id)
    if per_volume and not quotas.room(limit["per_volume_gigabytes"], 0, per_volume):
        raise TooLarge(
            f"Requested volume size {per_volume}G is larger than maximum allowed limit {limit['per_volume_gigabytes']}G.", headers=RETRY
        )
    if gigabytes and not quotas.room(limit["gigabytes"], used["gigabytes"], gigabytes):
        raise TooLarge(
            f"Requested volume or snapshot exceeds allowed gigabytes quota. Requested {gigabytes}G, quota is {limit['gigabytes']}G and "
            f"{used['gigabytes']}G has been consumed.",
            headers=RETRY,
        )
    if volumes and not quotas.room(limit["volumes"], used["volumes"], volumes):
        raise TooLarge(f"Maximum number of volumes allowed ({limit['volumes']}) exceeded for quota 'volumes'.", headers=RETRY)
    if snapshots and not quotas.room(limit["snapshots"], used["snapshots"], snapshots):
        raise TooLarge(f"Maximum number of snapshots allowed ({limit['snapshots']}) exceeded", headers=RETRY)


def show_quota(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show a project's quota, with `usage=true` also what it uses."""
    project = request.params["id"]
    request.authorize("volume_extension:quotas:show", {"project_id": project})
    limit = quotas.limits(tx, SERVICE, project, defaults(request))
    shown: dict[str, Any] = dict(limit)
    if request.query_map.get("usage", "").lower() in TRUE:
        used = usage(tx, project)
        shown = {name: {"limit": limit[name], "in_use": used[name], "reserved": 0} for name in RESOURCES}
    return {"quota_set": {**shown, "id": project}}


def show_defaults(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show the default quota."""
    project = request.params["id"]
    request.authorize("volume_extension:quotas:show", {"project_id": project})
    return {"quota_set": {**defaults(request), "id": project}}


def update_quota(request: Request, tx: Transaction) -> dict[str, Any]:
    """Set a project's quota. A limit below what is used is refused unless it is unlimited."""
    project = request.params["id"]
    request.authorize("volume_extension:quotas:update", {"project_id": project})
    values = {name: int(value) for name, value in request.body["quota_set"].items() if name in RESOURCES}
    if not values:
        raise BadRequest("Bad key(s) in quota set: " + ", ".join(request.body["quota_set"]))
    if request.query_map.get("skip_validation", "true").lower() not in TRUE:
        used = usage(tx, project)
        over = [name for name, value in values.items() if 0 <= value < used[name]]
        if over:
            raise BadRequest(f"One or more quota resources would be exceeded: {', '.join(over)}")
    quotas.set_limits(tx, SERVICE, project, values)
    return {"quota_set": quotas.limits(tx, SERVICE, project, defaults(request))}


def delete_quota(request: Request, tx: Transaction) -> None:
    """Return a project to the default quota."""
    request.authorize("volume_extension:quotas:delete", {"project_id": request.params["id"]})
    quotas.clear_limits(tx, SERVICE, request.params["id"])


def limits(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show the caller's limits and use in one."""
    request.authorize("limits_extension:used_limits")
    limit, used = quotas.limits(tx, SERVICE, request.project_id, defaults(request)), usage(tx, request.project_id)
    absolute = {
        "maxTotalVolumes": limit["volumes"],
        "maxTotalSnapshots": limit["snapshots"],
        "maxTotalVolumeGigabytes": limit["gigabytes"],
        "maxTotalBackups": limit["backups"],
        "maxTotalBackupGigabytes": limit["backup_gigabytes"],
        "totalVolumesUsed": used["volumes"],
        "totalGigabytesUsed": used["gigabytes"],
        "totalSnapshotsUsed": used["snapshots"],
        "totalBackupsUsed": used["backups"],
        "totalBackupGigabytesUsed": used["backup_gigabytes"],
    }
    return {"limits": {"rate": [], "absolute": absolute}}


_LIMIT = {"type": ["string", "integer"], "pattern": "^-?[0-9]+$", "minimum": -1, "maximum": 2**31 - 1}
_BODY = {
    "type": "object",
    "properties": {"quota_set": {"type": "object", "additionalProperties": _LIMIT, "maxProperties": 100}},
    "required": ["quota_set"],
    "additionalProperties": False,
}
routes.get("/os-quota-sets/{id}", policy="volume_extension:quotas:show")(show_quota)
routes.get("/os-quota-sets/{id}/defaults", policy="volume_extension:quotas:show")(show_defaults)
routes.put("/os-quota-sets/{id}", policy="volume_extension:quotas:update", body=_BODY)(update_quota)
routes.delete("/os-quota-sets/{id}", policy="volume_extension:quotas:delete", status=200)(delete_quota)
routes.get("/limits", policy="limits_extension:used_limits")(limits)
