"""Resize and cold migration: the server gets another size, or another host, and its owner confirms or reverts that."""

from typing import Any

from monostack.core.errors import BadRequest, NotFound
from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.services.compute import hardware, quotas, tpm
from monostack.services.compute.flavors import Flavor, find, snapshot
from monostack.services.compute.hosts.known import Host, known_hosts
from monostack.services.compute.migrations import table as migrations
from monostack.services.compute.parameters import ANYTHING, DISK_CONFIG, FLAVOR_REF, FQDN, fields, one
from monostack.services.compute.scheduler import NoValidHost, Wish, pick, resources_for
from monostack.services.compute.servers import history, placing, table
from monostack.services.compute.servers import volumes as server_volumes
from monostack.services.compute.servers.actions import ACTIONS
from monostack.services.compute.servers.create import images
from monostack.services.compute.servers.lookup import authorize, check_state, for_action, visible
from monostack.services.compute.servers.power import begin
from monostack.services.compute.servers.states import ACTIVE, RESIZE_PREP, RESIZE_REVERTING
from monostack.services.placement import facade as placement

_RESIZE = one("resize", fields({"flavorRef": FLAVOR_REF, "OS-DCF:diskConfig": DISK_CONFIG}, ("flavorRef",)))
_TO_HOST = {**fields({"host": {**FQDN, "type": ["string", "null"]}}), "type": ["object", "null"]}
_MIGRATE = [((0, 0), {}), ((2, 56), one("migrate", _TO_HOST))]


@ACTIONS.action("resize", body=_RESIZE, policy="os_compute_api:servers:resize")
def resize_server(request: Request, tx: Transaction) -> None:
    """Give a server another flavor."""
    asked = request.body["resize"]
    server = for_action(request, tx, "os_compute_api:servers:resize", "resize")
    placing.require_up(tx, server.host)
    config = asked.get("OS-DCF:diskConfig")
    images.check_disk_config(server, config)
    flavor = _flavor(request, tx, server, str(asked["flavorRef"]))
    more = {"cores": flavor.vcpus - server.vcpus, "ram": flavor.memory_mb - server.memory_mb}
    kept = snapshot(flavor)
    claimed = resources_for(kept, local_root=not server_volumes.is_volume_backed(tx, server))
    quotas.Budget(tx, request.cloud, server.project_id).require_growth(more, claimed)
    _check_image(tx, server, flavor)
    hardware.check_resize(hardware.of_server(server, kept))
    tpm.check_resize(server, kept)
    wish = placing.wish_of(tx, request.cloud, server, kept, zone=server.availability_zone)
    key = server.tpm_key or (tpm.new_key(request.cloud) if wish.tpm is not None else None)
    table.update(tx, server.id, disk_config=config or "MANUAL", tpm_key=key)
    _move(request, tx, server, wish, kept, migrations.RESIZE, "resize")


def _flavor(request: Request, tx: Transaction, server: Row, reference: str) -> Flavor:
    """Raises BadRequest in Nova's words."""
    try:
        flavor = find(tx, request, reference)
    except NotFound as fault:
        raise BadRequest(fault.message) from None
    if flavor.root_gb == 0 and server.flavor["disk"] != 0 and not server_volumes.is_volume_backed(tx, server):
        raise BadRequest("Server disk was unable to be resized because: Resize to zero disk flavor is not allowed.")
    if flavor.disabled and flavor.id != server.flavor_id:
        raise BadRequest(f"Flavor {reference} could not be found.")
    if flavor.id == server.flavor_id:
        raise BadRequest("When resizing, instances must change flavor!")
    return flavor


def _check_image(tx: Transaction, server: Row, flavor: Flavor) -> None:
    kept = server.image or {}
    images.check_memory(flavor.memory_mb, int(kept.get("min_ram") or 0))
    if not server_volumes.is_volume_backed(tx, server):
        images.check_disk(flavor.root_gb, kept.get("size") or 0, int(kept.get("min_disk") or 0), kept.get("virtual_size") or 0)


@ACTIONS.action("migrate", body=_MIGRATE, policy="os_compute_api:os-migrate-server:migrate")
def migrate_server(request: Request, tx: Transaction) -> None:
    """Move a server to another host, with a shutdown."""
    host = (request.body["migrate"] or {}).get("host") if request.at_least(2, 56) else None
    server = visible(request, tx)
    authorize(request, f"os_compute_api:os-migrate-server:migrate{':host' if host else ''}", server)
    check_state(request, server, "resize", "migrate")
    placing.require_up(tx, server.host)
    if host == server.host:
        raise BadRequest("Cannot migrate to the host where the server exists.")
    if host and host not in known_hosts(tx).by_name:
        raise BadRequest(f"Compute host {host} could not be found.")
    kept = {**server.flavor, "id": server.flavor_id}
    hosts = [host] if host else None
    wish = placing.wish_of(tx, request.cloud, server, kept, hosts=hosts, avoid=[server.host], zone=server.availability_zone)
    _move(request, tx, server, wish, kept, migrations.COLD, "migrate")


def _move(request: Request, tx: Transaction, server: Row, wish: Wish, flavor: dict[str, Any], kind: str, action: str) -> None:
    """Claim a host and start moving. That none is fit is told by the action, as Nova finds that out after it has answered."""
    old = {**server.flavor, "id": server.flavor_id}
    caller = request.caller
    values = {
        "server_id": server.id, "project_id": caller.project_id, "user_id": caller.user_id, "kind": kind, "source": server.host,
        "old_flavor": old, "new_flavor": flavor, "was_running": server.vm_state == ACTIVE,
    }  # fmt: skip
    try:
        place = pick(tx, wish)
    except NoValidHost as none:
        migrations.add(tx, status=migrations.ERROR, **values)
        reason = "No valid host found for cold migrate" if kind == migrations.COLD else "No valid host found for resize"
        _refused(request, tx, server, action, f"No valid host was found. {reason}: {none.details}")
        return
    host = place.host
    uuid = migrations.add(tx, status=migrations.PRE_MIGRATING, dest=host.name, dest_address=_address(request, host), **values)
    placement.move(tx, server.id, uuid, place.amounts, server.project_id, server.user_id)
    cores, ram = max(flavor["vcpus"], old["vcpus"]), max(flavor["ram"], old["ram"])
    table.update(tx, server.id, vcpus=cores, memory_mb=ram)
    shrinks = not server_volumes.is_volume_backed(tx, server) and flavor["disk"] < old["disk"]
    begin(
        request, tx, server, action, "resize_server", RESIZE_PREP, migration=uuid, dest=host.name, running=server.vm_state == ACTIVE,
        shrinks=shrinks or flavor["ephemeral"] < old["ephemeral"],
    )  # fmt: skip


def _refused(request: Request, tx: Transaction, server: Row, action: str, cause: str) -> None:
    started = history.input_of(server)["started"]
    events = [history.event(name, started, None, cause) for name in ("cold_migrate", "conductor_migrate_server")]
    history.start(tx, request, server.id, action, events, message="Error")


def _address(request: Request, host: Host) -> str | None:
    return request.cloud.hosts.address(host.name)


# --- its end -------------------------------------------------------------------------------------------------------------


def _waiting(tx: Transaction, server: Row, again: str) -> Row:
    """The migration that waits for its owner's word, or `again` began to end in this way. Raises BadRequest."""
    for migration in migrations.open_of(tx, server.id):
        if migration.status in (migrations.FINISHED, again):
            return migration
    raise BadRequest("Instance has not been resized.")


@ACTIONS.action("confirmResize", body=one("confirmResize", ANYTHING), status=204, policy="os_compute_api:servers:confirm_resize")
def confirm_resize(request: Request, tx: Transaction) -> None:
    """Keep the new size, and let go of the old one."""
    server = for_action(request, tx, "os_compute_api:servers:confirm_resize", "confirmResize")
    migration = _waiting(tx, server, migrations.CONFIRMING)
    placing.require_up(tx, migration.source)
    migrations.set_status(tx, migration.uuid, migrations.CONFIRMING)
    begin(request, tx, server, "confirmResize", "confirm_resize", None, migration=migration.uuid, source=migration.source)


@ACTIONS.action("revertResize", body=one("revertResize", ANYTHING), policy="os_compute_api:servers:revert_resize")
def revert_resize(request: Request, tx: Transaction) -> None:
    """Give the server its old size and host back."""
    server = for_action(request, tx, "os_compute_api:servers:revert_resize", "revertResize")
    migration = _waiting(tx, server, migrations.REVERTING)
    old = migration.old_flavor
    larger = {"cores": old["vcpus"] - server.vcpus, "ram": old["ram"] - server.memory_mb}
    quotas.Budget(tx, request.cloud, server.project_id).require_growth(larger, None)
    table.update(tx, server.id, vcpus=max(server.vcpus, old["vcpus"]), memory_mb=max(server.memory_mb, old["ram"]))
    migrations.set_status(tx, migration.uuid, migrations.REVERTING)
    more = {"migration": migration.uuid, "host": migration.source, "dest": migration.dest, "running": migration.was_running}
    begin(request, tx, server, "revertResize", "revert_resize", RESIZE_REVERTING, **more)
