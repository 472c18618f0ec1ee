"""What a caller ordered, checked: everything about new servers that does not depend on the host they get."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Any

from monostack.core import ids
from monostack.core.errors import BadRequest, Fault, NotFound
from monostack.db import Transaction
from monostack.http import Request
from monostack.services.compute import hardware, keypairs, quotas, server_groups
from monostack.services.compute.flavors import Flavor, find, snapshot
from monostack.services.compute.guests.spec import kept_of
from monostack.services.compute.hosts.known import known_hosts
from monostack.services.compute.hosts.life import is_up, signs_of_life
from monostack.services.compute.parameters import is_true
from monostack.services.compute.scheduler import GroupRule, Wish, resources_for, wish_for
from monostack.services.compute.servers import injected_files
from monostack.services.compute.servers.create import images
from monostack.services.compute.servers.create.boot_source import image_of, properties_of
from monostack.services.compute.servers.create.devices import Disks, check_disks
from monostack.services.compute.servers.create.mappings import disks_asked
from monostack.services.compute.servers.placing import of_hints
from monostack.services.image import facade as image
from monostack.services.network import facade as network
from monostack.services.volume import facade as volume

_PASSWORD_GROUPS = ("23456789", "ABCDEFGHJKLMNPQRSTUVWXYZ", "abcdefghijkmnopqrstuvwxyz")
_PASSWORD_LENGTH = 12
MAX_SERVERS = 1000  # of one request


@dataclass(frozen=True, slots=True)
class Order:
    """`wish` and `values` are what every server of the order has in common."""

    body: Mapping[str, Any]
    flavor: Flavor
    image: image.ImageInfo | None
    disks: Disks
    nics: Sequence[network.RequestedNic]
    security_groups: Sequence[str]
    group: Any  # the server group's row, or None
    wish: Wish
    count: int
    password: str
    values: Mapping[str, Any]


def new_password() -> str:
    """A password for the guest's administrator: characters that are not mistaken for others, of each group at least one."""
    groups = [*_PASSWORD_GROUPS, *["".join(_PASSWORD_GROUPS)] * (_PASSWORD_LENGTH - len(_PASSWORD_GROUPS))]
    chosen = [(ids.random_int(32), group[ids.random_int(32) % len(group)]) for group in groups]
    return "".join(character for _, character in sorted(chosen))


def hostname_of(name: str, server_id: str) -> str:
    """A host name made of a server's name: letters, digits and dashes, at most 63."""
    host = name.encode("latin-1", "ignore").decode("latin-1")[:63]
    host = re.sub(r"[ _.]", "-", host)
    host = re.sub(r"[^\w.-]+", "", host).lower().strip(".-")
    return host or f"Server-{server_id}"


def parse_zone(text: str | None) -> tuple[str | None, str | None]:
    """The zone and the host of "zone", "zone:host", "zone:host:node" and "zone::node". Raises BadRequest."""
    parts = text.split(":") if text else []
    if len(parts) > 3:
        raise BadRequest("Invalid input received: Unable to parse availability_zone")
    zone = parts[0] if parts else None
    host = next((part for part in parts[1:] if part), None)
    return zone or None, host


def access_ip(text: str | None) -> str | None:
    """An address in its shortest form."""
    return str(ip_address(text)) if text else None


# --- parts of the order ----------------------------------------------------------------------------------------------------


def counts(body: Mapping[str, Any]) -> tuple[int, int]:
    least = int(body.get("min_count", 1))
    most = int(body.get("max_count", least))
    if least > most:
        raise BadRequest("min_count must be <= max_count")
    if most > MAX_SERVERS:
        raise BadRequest(f"max_count must be <= {MAX_SERVERS}")
    return least, most


def _requested_nics(given: Any) -> list[network.RequestedNic] | None:
    """None: whatever the project has. Raises BadRequest."""
    if given is None or given == "auto":
        return None
    if given == "none":
        return []
    nics: list[network.RequestedNic] = []
    for entry in given:
        port, address = entry.get("port"), entry.get("fixed_ip")
        if port is None and "uuid" not in entry:
            raise BadRequest("Bad network format: missing 'uuid'")
        if port is None and not _UUID.match(entry["uuid"]):
            raise BadRequest(f"Bad networks format: network uuid is not in proper format ({entry['uuid']})")
        if port is not None and address is not None:
            raise BadRequest(f"Specified Fixed IP '{address}' cannot be used with port '{port}': the two cannot be specified together.")
        if port is not None and any(nic.port_id == port for nic in nics):
            raise BadRequest(f"Port ID '{port}' was specified twice: you cannot attach a port multiple times.")
        nics.append(network.RequestedNic(None if port else entry["uuid"], port, address, entry.get("tag")))
    # An empty list is no choice, as leaving it out was before 2.37.
    return nics or None


_UUID = re.compile(r"^[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$")


def _nics(request: Request, tx: Transaction, given: Any, most: int) -> list[network.RequestedNic]:
    asked = _requested_nics(given)
    if asked == []:
        return []
    if asked and most > 1:
        if any(nic.fixed_ip for nic in asked):
            raise BadRequest("Failed to launch instances: max_count cannot be greater than 1 if an fixed_ip is specified.")
        if any(nic.port_id for nic in asked):
            raise BadRequest(
                "Failed to launch instances: Unable to launch multiple instances with a single configured port ID. Please launch your "
                "instance one by one with different ports."
            )
    if asked:
        request.authorize("os_compute_api:servers:create:attach_network")
    nics = network.networks_for_boot(tx, request, asked)
    if given == "auto" and not nics:
        try:
            made = network.proxied.auto_allocated_network(tx, request)
        except Fault:
            raise BadRequest(f"Unable to automatically allocate a network for project {request.project_id}") from None
        nics = network.networks_for_boot(tx, request, [network.RequestedNic(made)])
    return nics


def _asked_by_ports(request: Request, tx: Transaction, nics: Sequence[network.RequestedNic]) -> list[Any]:
    """What existing ports ask of the host. Raises BadRequest."""
    asked = network.asked_by_ports(tx, [nic.port_id for nic in nics if nic.port_id])
    if asked and not request.at_least(2, 72):
        raise BadRequest(
            "Creating servers with ports having resource requests, like a port with a QoS minimum bandwidth policy, is not supported until "
            "microversion 2.72."
        )
    return asked


def _check_zone(request: Request, tx: Transaction, zone: str | None, host: str | None) -> None:
    if zone is None or host is not None:
        return
    living = signs_of_life(tx)
    if not any(h.zone == zone and h.enabled and is_up(h, living) for h in known_hosts(tx).by_id.values()):
        raise BadRequest("The requested availability zone is not available")


def _hosts(request: Request, tx: Transaction, body: Mapping[str, Any], forced: str | None) -> list[str] | None:
    """The one host that was named, by whichever way. Raises PolicyNotAuthorized and BadRequest."""
    if forced is not None:
        request.authorize("os_compute_api:servers:create:forced_host")
    named = [name for name in (body.get("host"), body.get("hypervisor_hostname")) if name]
    if named:
        request.authorize("compute:servers:create:requested_destination")
        if forced is not None:
            raise BadRequest(
                "One mechanism with host and/or hypervisor_hostname and another mechanism with zone:host:node are mutually exclusive."
            )
    known = known_hosts(tx).by_name
    for name in named:
        if name not in known:
            raise BadRequest(f"Compute host {name} could not be found.")
    wanted = {forced, *named} - {None}
    return [str(name) for name in wanted] if wanted else None


def _group(request: Request, tx: Transaction, budget: quotas.Budget, hints: Mapping[str, Any], count: int) -> tuple[Any, GroupRule | None]:
    """The server group of the hints, with what it asks of hosts. Raises BadRequest and Forbidden."""
    asked = hints.get("group")
    group_id = asked[0] if isinstance(asked, list) and asked else asked
    if not group_id:
        return None, None
    row = server_groups.find(tx, str(group_id))
    if row is None or row.project_id != request.project_id:
        raise BadRequest(server_groups.group_not_found(str(group_id)).message)
    members = server_groups.members_of(tx, row.id)
    budget.require("server_group_members", count, "Quota exceeded, too many servers in group", len(members))
    held: dict[str, int] = {}
    for member in members:
        if member.host:
            held[member.host] = held.get(member.host, 0) + 1
    return row, GroupRule(row.policy, int(row.rules.get("max_server_per_host", 1)), held)


def _key(request: Request, tx: Transaction, name: str | None) -> str | None:
    if name is None:
        return None
    row = keypairs.find(tx, request.caller.user_id, name)
    if row is None:
        raise BadRequest("Invalid key_name provided.")
    return row.public_key


def _with_volumes(wish: Wish, disks: Disks, request: Request, tx: Transaction) -> Wish:
    """A server must be where its volumes can be reached, and the snapshots that others are made from."""
    kept = [*disks.existing.values(), *disks.snapshots.values()]
    if not kept:
        return wish
    names = known_hosts(tx).by_name
    reach = [n for n in names if all(volume.reachable(each, request.cloud, n) for each in kept)]
    hosts = reach if wish.hosts is None else [name for name in wish.hosts if name in reach]
    return replace(wish, hosts=hosts, hosts_because="the server's volumes are not within its reach")


# --- the order -----------------------------------------------------------------------------------------------------------


def take(request: Request, tx: Transaction) -> Order:
    """Check the body against everything there is. Raises faults in Nova's words; nothing is written."""
    body = request.body["server"]
    hints = request.body.get("os:scheduler_hints") or request.body.get("OS-SCH-HNT:scheduler_hints") or {}
    least, most = counts(body)
    zone, forced = parse_zone(body.get("availability_zone"))
    request.authorize("os_compute_api:servers:create")
    if body.get("trusted_image_certificates"):
        request.authorize("os_compute_api:servers:create:trusted_certs")
    hosts = _hosts(request, tx, body, forced)
    mapped = bool(body.get("block_device_mapping") or body.get("block_device_mapping_v2"))
    if mapped:
        request.authorize("os_compute_api:servers:create:attach_volume")
    if not body.get("imageRef") and not mapped:
        raise BadRequest("Missing imageRef attribute")
    flavor = _flavor(request, tx, body)
    if body.get("hostname") and most > 1:
        raise BadRequest("Unable to allocate a single hostname to multiple instances")
    _check_zone(request, tx, zone, forced)
    found = images.find(tx, request, body["imageRef"]) if body.get("imageRef") else None
    groups = network.find_security_groups(tx, request, sorted({g["name"] for g in body.get("security_groups") or () if g.get("name")}))
    nics = _nics(request, tx, body.get("networks"), most)
    asked_by_ports = _asked_by_ports(request, tx, nics)
    key = _key(request, tx, body.get("key_name"))
    asked = disks_asked(body, found.properties if found is not None else {}, flavor)
    disks = check_disks(tx, request, asked, flavor, found is not None, most > 1)
    local_root = disks.root is None
    if not local_root and body.get("trusted_image_certificates"):
        raise BadRequest("Image certificate validation is not supported when booting from volume")
    if found is not None:
        images.require_bootable(found)
    boots = image_of(tx, request, found, disks)
    if boots is not None:
        images.check(boots, flavor.memory_mb, flavor.root_gb, local_root=local_root, volume_gib=disks.root.size if disks.root else None)
    kept, properties = snapshot(flavor), properties_of(tx, boots, disks)
    hardware.check(hardware.Asked(kept, properties, boots.name if boots else None, boots.id if boots else None))
    budget = quotas.Budget(tx, request.cloud, request.project_id)
    check_metadata(body, budget)
    files = injected_files.check(body.get("personality") or (), budget)
    count = budget.affordable(flavor.vcpus, flavor.memory_mb, resources_for(kept, local_root=local_root), least, most)
    group, rule = _group(request, tx, budget, hints, count)
    wish = wish_for(
        kept, properties, local_root=local_root, zone=zone, hosts=hosts, group=rule, hints=hints, project_id=request.project_id,
        image_id=found.id if found is not None else None, image_name=boots.name if boots is not None else None,
        asked_by_ports=asked_by_ports, **of_hints(tx, hints, request.project_id),
    )  # fmt: skip
    wish = _with_volumes(wish, disks, request, tx)
    password = body["adminPass"] if "adminPass" in body else new_password()
    values = _values(request, tx, body, flavor, kept, found, boots, disks, properties, key, zone, hints, password)
    values.update(injected_files=files, local_disks=disks.local)
    return Order(request.body, flavor, found, disks, nics, groups, group, wish, count, password, values)


def _flavor(request: Request, tx: Transaction, body: Mapping[str, Any]) -> Flavor:
    reference = str(body["flavorRef"]).rstrip("/").rsplit("/", 1)[-1]
    try:
        flavor = find(tx, request, reference)
    except NotFound as fault:
        raise BadRequest(fault.message) from None
    if flavor.disabled:
        raise BadRequest(f"Flavor {flavor.id} could not be found.")
    return flavor


def check_metadata(body: Mapping[str, Any], budget: quotas.Budget) -> None:
    """Raises Forbidden when a body names more items than a server may have."""
    if body.get("metadata"):
        budget.require("metadata_items", len(body["metadata"]), "Maximum number of metadata items exceeds {limit}")


def _maker(request: Request) -> dict[str, str]:
    """Who made the server, as its snapshots tell."""
    caller = request.caller
    return {
        "owner_user_name": caller.user_name, "owner_project_name": caller.project_name or "", "boot_roles": ",".join(sorted(caller.roles))
    }  # fmt: skip


def _values(
    request: Request, tx: Transaction, body: Mapping[str, Any], flavor: Flavor, kept: Mapping[str, Any], found: image.ImageInfo | None,
    boots: image.ImageInfo | None, disks: Disks, properties: Mapping[str, Any], key: str | None, zone: str | None,
    hints: Mapping[str, Any], password: str,
) -> dict[str, Any]:  # fmt: skip
    local = found is not None and disks.root is None
    source = images.source(tx, request.cloud, found) if found is not None and local else None
    described = body.get("description") if request.at_least(2, 19) else body["name"].strip()
    return {
        "project_id": request.project_id,
        "user_id": request.caller.user_id,
        "description": described,
        "image_id": found.id if found is not None else "",
        "flavor_id": flavor.id,
        "flavor": {name: value for name, value in kept.items() if name != "id"},
        "vcpus": flavor.vcpus,
        "memory_mb": flavor.memory_mb,
        "availability_zone": zone,
        "config_drive": is_true(body.get("config_drive", False)) or images.is_mandatory_config_drive(properties),
        "key_name": body.get("key_name"),
        "key_data": key,
        "metadata": body.get("metadata") or {},
        "tags": list(dict.fromkeys(body.get("tags") or ())),
        "access_ip_v4": access_ip(body.get("accessIPv4")),
        "access_ip_v6": access_ip(body.get("accessIPv6")),
        "disk_config": images.disk_config(boots, body.get("OS-DCF:diskConfig")),
        "reservation_id": "r-" + "".join("0123456789abcdefghijklmnopqrstuvwxyz"[ids.random_int(32) % 36] for _ in range(8)),
        "root_device": "/dev/vda",
        "image": {**kept_of(source, boots, properties, flavor.root_gb), "made_by": _maker(request)},
        "hints": dict(hints) or None,
        "admin_pass": password[:255],
        "user_data": body.get("user_data"),
        "trusted_certificates": body.get("trusted_image_certificates"),
    }
