"""The compute service: Nova's API, microversions 2.1 to 2.104."""

from typing import TYPE_CHECKING

from monostack.authz.defaults.compute import POLICIES
from monostack.http import Service
from monostack.services.compute import consoles, extensions, keypairs, quota_sets, scheduler, server_groups, unified_limits, usage, versions
from monostack.services.compute.dialect import DIALECT
from monostack.services.compute.flavors import access, api, extra_specs
from monostack.services.compute.guests import metadata as guest_metadata
from monostack.services.compute.hosts import aggregates, cached_images, hypervisors, old_hosts, services, usage_audit, zones
from monostack.services.compute.legacy import legacy, strict
from monostack.services.compute.migrations import listing as migration_list
from monostack.services.compute.migrations import under_way
from monostack.services.compute.proxies import fixed_ips, floating_ips, gone, image_metadata, images, networks
from monostack.services.compute.proxies import security_groups as group_proxies
from monostack.services.compute.proxies import volumes as volume_proxies
from monostack.services.compute.proxies.volumes_boot import volumes_boot
from monostack.services.compute.reconcilers import deletions, guests, hosts, resizes, shelved
from monostack.services.compute.servers import (
    actions,
    addresses,
    admin_password,
    assisted_snapshots,
    console,
    create_image,
    deletion,
    diagnostics,
    evacuate,
    external_events,
    instance_actions,
    interfaces,
    listing,
    live_migrate,
    locks,
    metadata,
    power,
    rebuild,
    rescue,
    resize,
    security_groups,
    shares,
    shelve,
    suspension,
    tags,
    volume_attachments,
)
from monostack.services.compute.servers import api as servers
from monostack.services.compute.servers.create import handler
from monostack.services.compute.workflows import (
    boot_server,
    cache_images,
    crash_dump,
    delete_server,
    end_resize,
    evacuate_server,
    rebuild_server,
    resize_server,
    shelve_server,
    snapshot_server,
    soft_delete,
    volumes,
)
from monostack.services.compute.workflows import interfaces as nics
from monostack.services.compute.workflows import live_migrate as live_migrating
from monostack.services.compute.workflows import power as powering
from monostack.services.compute.workflows import rescue as rescuing
from monostack.services.compute.workflows import suspension as suspending
from monostack.services.network import facade as network

if TYPE_CHECKING:
    from monostack.cloud import Cloud

# Modules whose actions are reached through servers' one action URL.
ACTION_MODULES = (
    power, suspension, rescue, resize, live_migrate, evacuate, shelve, diagnostics, locks, console, security_groups, deletion,
    floating_ips, fixed_ips, create_image, rebuild, admin_password,
)  # fmt: skip
ROUTES = (
    api.routes, extra_specs.routes, access.routes, keypairs.routes, server_groups.routes, handler.routes, listing.routes,
    servers.routes, deletion.routes, actions.routes, console.routes, metadata.routes, tags.routes, addresses.routes, security_groups.routes,
    diagnostics.routes, migration_list.routes, under_way.routes,
    interfaces.routes, volume_attachments.routes, instance_actions.routes, services.routes, hypervisors.routes, aggregates.routes,
    zones.routes, quota_sets.routes, usage.routes, extensions.routes, images.routes, networks.routes,
    image_metadata.routes, volume_proxies.routes, assisted_snapshots.routes,
    group_proxies.routes, floating_ips.routes, gone.routes, gone.bare_metal, consoles.routes,
    old_hosts.routes, usage_audit.routes, external_events.routes, shares.routes, cached_images.routes,
)  # fmt: skip


def start(cloud: "Cloud") -> None:
    """Listen to hosts, and supply what guests read of themselves."""
    scheduler.use(cloud.db.engine, cloud.config.scheduler)
    network.register_items("metadata", guest_metadata.documents)
    guests.listen(cloud)


SERVICE = Service(
    type="compute",
    name="nova",
    prefix="/compute",
    description="Servers",
    dialect=DIALECT,
    routes=(versions.routes, *strict(ROUTES), legacy(ROUTES), *strict([volumes_boot(ROUTES)])),
    policies=POLICIES,
    microversions=versions.MICROVERSIONS,
    catalog_path="/v2.1",
    strict_paths=True,
    project_in_path=r"^(?P<head>/v2(?:\.1)?)/(?P<project>[0-9a-f]{32})(?P<tail>/.*)?$",
    workflows=(
        boot_server.WORKFLOW, delete_server.WORKFLOW, powering.START, powering.STOP, powering.REBOOT, suspending.PAUSE, suspending.UNPAUSE,
        suspending.SUSPEND, suspending.RESUME, rescuing.RESCUE, rescuing.UNRESCUE, resize_server.WORKFLOW, end_resize.CONFIRM,
        end_resize.REVERT, volumes.ATTACH, volumes.DETACH, nics.ATTACH, nics.DETACH, snapshot_server.SNAPSHOT, snapshot_server.BACKUP,
        rebuild_server.WORKFLOW, crash_dump.WORKFLOW, live_migrating.WORKFLOW, evacuate_server.WORKFLOW,
        shelve_server.SHELVE, shelve_server.OFFLOAD, shelve_server.UNSHELVE, cache_images.WORKFLOW, soft_delete.SOFT_DELETE,
        soft_delete.RESTORE,
    ),
    reconcilers=(deletions.RECONCILER, hosts.RECONCILER, guests.RECONCILER, resizes.RECONCILER, shelved.RECONCILER),
    start=start,
    bootstrap=unified_limits.bootstrap,
)  # fmt: skip
