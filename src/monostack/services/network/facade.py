"""What other services may ask of the network service. Functions of a transaction, unless they say otherwise.

A server's ports: `networks_for_boot` checks what the caller asked for, `allocate_port` makes a port and `adopt_port` takes an existing one, both
in the transaction that makes the server; `bind` names the host; `wire` waits until that host has what the ports need, before the guest
starts; `unbind`, `remove_ports` and `release_ports` take it back. All of them may be repeated.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from monostack.db import Transaction

if TYPE_CHECKING:
    from monostack.cloud import Cloud
    from monostack.http import Request


@dataclass(frozen=True, slots=True)
class FixedAddress:
    """One address of a port, with what a guest needs to know of its subnet."""

    ip_address: str
    version: int  # 4 or 6
    subnet_id: str
    cidr: str
    gateway_ip: str | None
    dhcp: bool
    dns_nameservers: tuple[str, ...]
    host_routes: tuple[Mapping[str, str], ...]  # {"destination": cidr, "nexthop": ip}
    ipv6_address_mode: str | None = None
    floating_ips: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PortInfo:
    """A port as a server sees it. `preserve`: the user made it, so it outlives the server."""

    id: str
    network_id: str
    network_name: str
    project_id: str
    mac: str
    mtu: int
    status: str  # ACTIVE, DOWN, ERROR
    device_id: str
    device_owner: str
    host: str
    vnic_type: str
    port_security: bool
    security_groups: tuple[str, ...]  # ids
    fixed_ips: tuple[FixedAddress, ...]
    tap: str  # the interface's name on its host
    preserve: bool


@dataclass(frozen=True, slots=True)
class RequestedNic:
    """One entry of a server's `networks`: a network, or a port; perhaps with an address. Neither: whatever the project has."""

    network_id: str | None = None
    port_id: str | None = None
    fixed_ip: str | None = None
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class NetworkInfo:
    """A network as compute's old proxies list it."""

    id: str
    name: str
    project_id: str
    shared: bool
    external: bool
    mtu: int
    subnets: tuple[Mapping[str, Any], ...] = ()  # {"id", "cidr", "ip_version", "gateway_ip"}


def networks_for_boot(tx: Transaction, request: "Request", requested: Sequence[RequestedNic] | None) -> list[RequestedNic]:
    """The NICs a server of this caller gets. None asks for the default: the one network of the project, or none at all.

    Raises BadRequest, Conflict, Forbidden with Nova's texts: unknown or foreign networks and ports, ports in use, several possible
    networks, networks without subnets, addresses in use, a port quota that does not suffice.
    """
    raise NotImplementedError


def allocate_port(
    tx: Transaction,
    request: "Request",
    network_id: str,
    *,
    device_id: str,
    device_owner: str,
    fixed_ip: str | None = None,
    security_groups: Sequence[str] = (),
    host: str = "",
    hostname: str = "",
) -> PortInfo:
    """Make a port of the caller's project for a server. `security_groups` are ids; none of them: the project's default group.

    Raises the network service's faults: the network's addresses used up (Conflict, IpAddressGenerationFailure), quota, address in use.
    """
    raise NotImplementedError


def adopt_port(tx: Transaction, request: "Request", port_id: str, *, device_id: str, device_owner: str, host: str = "") -> PortInfo:
    """Give the caller's existing port to a server. Raises Conflict when it is another server's."""
    raise NotImplementedError


def bind(tx: Transaction, cloud: "Cloud", port_ids: Iterable[str], host: str) -> None:
    """These ports live on `host` from now on; the host that had them loses them."""
    raise NotImplementedError


def unbind(tx: Transaction, cloud: "Cloud", port_ids: Iterable[str]) -> None:
    """These ports keep their server and addresses, but live nowhere (shelved servers, failed boots that are placed again)."""
    raise NotImplementedError


def release_ports(tx: Transaction, cloud: "Cloud", device_id: str, port_ids: Iterable[str] | None = None) -> None:
    """The server gives back these ports (None: all of them): what was allocated for it is deleted, what it adopted is left to its owner."""
    raise NotImplementedError


def ports_of(tx: Transaction, server_ids: Sequence[str]) -> dict[str, list[PortInfo]]:
    """The ports of each server, in the order they were made; an empty list for a server without. A few statements, however many servers."""
    raise NotImplementedError


def ports(tx: Transaction, port_ids: Sequence[str]) -> dict[str, PortInfo]:
    """These ports by id; those that do not exist are missing."""
    raise NotImplementedError


def find_security_groups(tx: Transaction, request: "Request", names_or_ids: Sequence[str]) -> list[str]:
    """Ids of the caller's security groups, given names or ids. Raises BadRequest as Nova words it: unknown, or several of one name."""
    raise NotImplementedError


def security_group_names(tx: Transaction, server_ids: Sequence[str]) -> dict[str, list[str]]:
    """The names of the security groups of each server's ports, each once."""
    raise NotImplementedError


def list_networks(tx: Transaction, request: "Request") -> list[NetworkInfo]:
    """The networks a server of the caller may use: the project's own and the shared ones (/os-networks, /os-tenant-networks)."""
    raise NotImplementedError


def get_network(tx: Transaction, request: "Request", network_id: str) -> NetworkInfo:
    """One network the caller may see. Raises NotFound."""
    raise NotImplementedError


def server_of_address(tx: Transaction, network_id: str, ip_address: str) -> str | None:
    """The server that has this fixed address in this network (who asks the metadata service)."""
    raise NotImplementedError


async def wire(cloud: "Cloud", host: str, port_ids: Sequence[str], timeout: float = 60.0) -> None:  # noqa: ASYNC109
    """Return once `host` has applied all that these ports need, and the host with their networks' DHCP knows them.

    Raises HostUnreachable, CommandTimeout, and CommandFailed with the cause when an item of these ports could not be made.
    """
    raise NotImplementedError


ItemProvider = Callable[[Transaction, Sequence[str]], Mapping[str, Any]]
"""Ids to items (a msgspec Struct each); what is missing from the answer is removed from hosts. Several ids a statement, please."""


def register_items(prefix: str, provider: ItemProvider) -> None:
    """Supply items beside the network's own. `metadata/<server id>` goes to the hosts that serve the metadata of the server's networks."""
    raise NotImplementedError


def items_changed(tx: Transaction, cloud: "Cloud", prefix: str, ids: Iterable[str]) -> None:
    """What the provider of `prefix` says of these ids has changed: send it again after this transaction."""
    raise NotImplementedError
