"""What operators see of block storage: services, zones, pools, extensions, hosts' capacity."""

from typing import Any

from monostack.core import clock
from monostack.core.errors import NotFound
from monostack.db import Transaction
from monostack.http import Request, Routes
from monostack.services.volume.volumes.rules import ZONE

routes = Routes("/v3")
EXTENSIONS = {
    "os-quota-sets": ("Quotas", "Quota management support."),
    "os-types-extra-specs": ("TypesExtraSpecs", "Type extra specs support."),
    "os-types-manage": ("TypesManage", "Types manage support."),
    "os-volume-actions": ("VolumeActions", "Enable volume actions."),
    "os-extended-snapshot-attributes": ("ExtendedSnapshotAttributes", "Extended SnapshotAttributes support."),
    "os-admin-actions": ("AdminActions", "Enable admin actions."),
    "os-availability-zone": ("AvailabilityZones", "Describe Availability Zones."),
    "os-services": ("Services", "Services support."),
    "os-used-limits": ("UsedLimits", "Provide data on limited resources that are being used."),
    "os-vol-image-meta": ("VolumeImageMetadata", "Show image metadata associated with the volume."),
    "os-vol-host-attr": ("VolumeHostAttribute", "Expose host as an attribute of a volume."),
    "os-vol-tenant-attr": ("VolumeTenantAttribute", "Expose the internal project_id as an attribute of a volume."),
    "scheduler-stats": ("Scheduler_stats", "Scheduler stats support."),
}


def list_services(request: Request, tx: Transaction) -> dict[str, Any]:
    """List the hosts that keep volumes."""
    request.authorize("volume_extension:services:index")
    services = []
    for host in sorted(request.cloud.hosts.connected()):
        item = {"binary": "cinder-volume", "host": f"{host}@file", "zone": ZONE, "status": "enabled", "state": "up"}
        item |= {"updated_at": clock.now().isoformat(timespec="microseconds"), "disabled_reason": None, "replication_status": "disabled"}
        item |= {"active_backend_id": None, "frozen": False}
        if request.at_least(3, 7):
            item["cluster"] = None
        if request.at_least(3, 49):
            item["backend_state"] = "up"
        services.append(item)
    wanted_host, wanted_binary = request.query_map.get("host"), request.query_map.get("binary")
    services = [s for s in services if wanted_host in (None, s["host"]) and wanted_binary in (None, s["binary"])]
    return {"services": services}


def list_zones(request: Request, tx: Transaction) -> dict[str, Any]:
    """List availability zones."""
    return {"availabilityZoneInfo": [{"zoneName": ZONE, "zoneState": {"available": True}}]}


def _extension(alias: str) -> dict[str, Any]:
    name, description = EXTENSIONS[alias]
    return {"name": name, "alias": alias, "description": description, "updated": "2011-06-29T00:00:00+00:00", "links": []}


def list_extensions(request: Request, tx: Transaction) -> dict[str, Any]:
    """List the extensions that are served."""
    return {"extensions": [_extension(alias) for alias in sorted(EXTENSIONS)]}


def show_extension(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show an extension."""
    if request.params["id"] not in EXTENSIONS:
        raise NotFound("The resource could not be found.")
    return {"extension": _extension(request.params["id"])}


routes.get("/os-services", policy="volume_extension:services:index")(list_services)
routes.get("/os-availability-zone")(list_zones)
routes.get("/extensions")(list_extensions)
routes.get("/extensions/{id}")(show_extension)
