"""What compute hears of ports and networks."""

from collections.abc import Mapping
from dataclasses import dataclass


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
