"""The extensions that are served, and the filters that lists take."""

from typing import Any

from monostack.core.errors import NotFound
from monostack.db import Transaction
from monostack.http import Request, Routes
from monostack.http.answers import TEXT, TEXTS, Record, envelope, many
from monostack.services.volume.attachments.api import LISTING as ATTACHMENTS
from monostack.services.volume.backups.api import LISTING as BACKUPS
from monostack.services.volume.groups.api import LISTING as GROUPS
from monostack.services.volume.groups.snapshots import LISTING as GROUP_SNAPSHOTS
from monostack.services.volume.messages.api import LISTING as MESSAGES
from monostack.services.volume.snapshots.api import LISTING as SNAPSHOTS
from monostack.services.volume.types.api import LISTING as TYPES
from monostack.services.volume.volumes.listing import LISTING as VOLUMES

routes = Routes("/v3")
# alias: name, description, when it was last changed
EXTENSIONS = {
    "os-vol-image-meta": ("VolumeImageMetadata", "Show image metadata associated with the volume.", "2012-12-07T00:00:00+00:00"),
    "os-used-limits": ("UsedLimits", "Provide data on limited resources that are being used.", "2013-10-03T00:00:00+00:00"),
    "os-admin-actions": ("AdminActions", "Enable admin actions.", "2012-08-25T00:00:00+00:00"),
    "os-types-extra-specs": ("TypesExtraSpecs", "Type extra specs support.", "2011-08-24T00:00:00+00:00"),
    "os-snapshot-actions": ("SnapshotActions", "Enable snapshot manager actions.", "2013-07-16T00:00:00+00:00"),
    "os-quota-sets": ("Quotas", "Quota management support.", "2011-08-08T00:00:00+00:00"),
    "os-volume-actions": ("VolumeActions", "Enable volume actions.", "2012-05-31T00:00:00+00:00"),
    "os-quota-class-sets": ("QuotaClasses", "Quota classes management support.", "2012-03-12T00:00:00+00:00"),
    "os-availability-zone": ("AvailabilityZones", "Describe Availability Zones.", "2013-06-27T00:00:00+00:00"),
    "os-volume-type-access": ("VolumeTypeAccess", "Volume type access support.", "2014-06-26T00:00:00Z"),
    "os-services": ("Services", "Services support.", "2012-10-28T00:00:00-00:00"),
    "os-hosts": ("Hosts", "Admin-only host administration.", "2011-06-29T00:00:00+00:00"),
    "os-types-manage": ("TypesManage", "Types manage support.", "2011-08-24T00:00:00+00:00"),
    "os-extended-snapshot-attributes": (
        "ExtendedSnapshotAttributes", "Extended SnapshotAttributes support.", "2012-06-19T00:00:00+00:00",
    ),
    "qos-specs": ("Qos_specs_manage", "QoS specs support.", "2013-08-02T00:00:00+00:00"),
    "os-vol-host-attr": ("VolumeHostAttribute", "Expose host as an attribute of a volume.", "2011-11-03T00:00:00+00:00"),
    "scheduler-stats": ("Scheduler_stats", "Scheduler stats support.", "2014-09-07T00:00:00+00:00"),
    "os-vol-mig-status-attr": (
        "VolumeMigStatusAttribute", "Expose migration_status as an attribute of a volume.", "2013-08-08T00:00:00+00:00",
    ),
    "os-volume-transfer": ("VolumeTransfer", "Volume transfer management support.", "2013-05-29T00:00:00+00:00"),
    "os-vol-tenant-attr": (
        "VolumeTenantAttribute", "Expose the internal project_id as an attribute of a volume.", "2011-11-03T00:00:00+00:00",
    ),
    "OS-SCH-HNT": ("SchedulerHints", "Pass arbitrary key/value pairs to the scheduler.", "2013-04-18T00:00:00+00:00"),
    "os-extended-services": ("ExtendedServices", "Extended services support.", "2014-01-10T00:00:00-00:00"),
    "backups": ("Backups", "Backups support.", "2012-12-12T00:00:00+00:00"),
    "encryption": ("VolumeTypeEncryption", "Encryption support for volume types.", "2013-07-01T00:00:00+00:00"),
    "os-volume-encryption-metadata": (
        "VolumeEncryptionMetadata", "Volume encryption metadata retrieval support.", "2013-07-10T00:00:00+00:00",
    ),
    "capabilities": ("Capabilities", "Capabilities support.", "2015-08-31T00:00:00+00:00"),
}  # fmt: skip
LISTINGS = {
    "volume": VOLUMES,
    "backup": BACKUPS,
    "snapshot": SNAPSHOTS,
    "group": GROUPS,
    "group_snapshot": GROUP_SNAPSHOTS,
    "attachment": ATTACHMENTS,
    "message": MESSAGES,
    "volume_type": TYPES,
}


def _extension(alias: str) -> dict[str, Any]:
    name, description, updated = EXTENSIONS[alias]
    return {"name": name, "alias": alias, "description": description, "updated": updated, "links": []}


_EXTENSION = Record("Extension", {"name": TEXT, "alias": TEXT, "description": TEXT, "updated": TEXT, "links": TEXTS})


@routes.get("/extensions", answer=envelope("extensions", many(_EXTENSION)))
def list_extensions(request: Request, tx: Transaction) -> dict[str, Any]:
    """List the extensions."""
    return {"extensions": [_extension(alias) for alias in EXTENSIONS]}


@routes.get("/extensions/{id}", answer=envelope("extension", _EXTENSION))
def show_extension(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show an extension."""
    if request.params["id"] not in EXTENSIONS:
        raise NotFound("The resource could not be found.")
    return {"extension": _extension(request.params["id"])}


@routes.get(
    "/resource_filters",
    since=(3, 33),
    answer=envelope("resource_filters", many(Record("ResourceFilters", {"resource": TEXT, "filters": TEXTS}))),
)
def list_filters(request: Request, tx: Transaction) -> dict[str, Any]:
    """List the filters that each list takes."""
    filters = {**{name: list(listing.open) for name, listing in LISTINGS.items()}, "pool": ["name", "volume_type"]}
    wanted = request.query_map.get("resource")
    shown = filters if wanted is None else {name: value for name, value in filters.items() if name == wanted}
    return {"resource_filters": [{"resource": name, "filters": value} for name, value in shown.items()]}
