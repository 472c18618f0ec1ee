"""Command `network.apply`: the network state a host should have, as items that are set or removed by key.

The controller computes each item from its database and sends those that changed; after a reconnection it sends all of
them with `full`, and whatever else of ours is on the host goes away. There are no other network commands: applying is
idempotent and its order does not matter to the controller.

| key             | item          | what it makes                                                                |
|-----------------|---------------|------------------------------------------------------------------------------|
| network/<id>    | NetworkItem   | a bridge; DHCP and metadata where a subnet wants them                          |
| port/<id>       | PortItem      | a tap on the bridge (bound here), its filter; a DHCP host entry (everywhere the network's DHCP runs) |
| group/<id>      | GroupItem     | the rules of a security group, used by the ports that name it                  |
| members/<id>    | MembersItem   | addresses of a remote group's ports, used by rules that name it                |
| router/<id>     | RouterItem    | a namespace with interfaces, NAT, floating IPs, routes                         |
| metadata/<server id> | InstanceMetadata (protocol.guests) | what 169.254.169.254 answers that server         |
"""

from typing import Any

import msgspec


class SubnetItem(msgspec.Struct):
    id: str
    cidr: str
    ip_version: int
    gateway_ip: str | None
    dhcp: bool
    dns_nameservers: list[str]
    host_routes: list[dict[str, str]]  # {"destination": cidr, "nexthop": ip}
    dhcp_ip: str | None = None  # the address of the network's DHCP port in this subnet
    ipv6_address_mode: str | None = None  # slaac, dhcpv6-stateful, dhcpv6-stateless
    ipv6_ra_mode: str | None = None


class NetworkItem(msgspec.Struct):
    id: str
    name: str
    mtu: int
    kind: str  # "tenant", or of the host's physical network `physical_network`: "flat", or "vlan" for its frames with the tag `segment`
    subnets: list[SubnetItem]
    physical_network: str | None = None
    segment: int | None = None
    dhcp_port_id: str | None = None
    dhcp_mac: str | None = None
    dhcp_up: bool = True  # the DHCP port is administratively up; else nobody is answered
    dns_domain: str = ""
    serves_dhcp: bool = False  # this host runs the network's DHCP and metadata


class FixedIP(msgspec.Struct):
    subnet_id: str
    ip_address: str


class Limit(msgspec.Struct):
    """What may pass in one direction. 0 is without limit; a burst of 0 leaves it to the host."""

    kbps: int = 0  # kilobits (1000 bits) a second
    burst_kb: int = 0  # kilobits at once
    kpps: int = 0  # thousands of packets a second
    burst_kp: int = 0  # thousands of packets at once


class Qos(msgspec.Struct):
    """What a QoS policy says, as the one that is under it sees it: egress is what it sends."""

    egress: Limit
    ingress: Limit
    dscp: int | None = None  # the mark of what it sends


class LocalIPItem(msgspec.Struct):
    """An address that leads to a port for its neighbours: servers of the same network and host call it and reach `fixed_ip`."""

    local_ip: str
    fixed_ip: str


class PacketLogItem(msgspec.Struct):
    """Which packets of a port are written down: the first of each connection that a group lets pass, and what is dropped."""

    id: str
    project_id: str
    accepted: bool
    dropped: bool
    group: str | None = None  # whose rules let pass what is written down; None: all groups of the port


class PortItem(msgspec.Struct):
    id: str
    network_id: str
    mac: str
    fixed_ips: list[FixedIP]
    tap: str | None  # None: bound elsewhere, known here only for DHCP
    admin_up: bool
    port_security: bool
    groups: list[str]  # security group ids
    allowed_pairs: list[dict[str, str]]  # {"ip_address": ip or cidr, "mac_address": mac}
    server_id: str | None
    project_id: str
    parent: str | None = None  # its trunk's port, in whose frames it is told apart by the tag `vlan`
    vlan: int | None = None
    hostname: str | None = None
    dhcp_options: list[dict[str, Any]] = []  # {"opt_name", "opt_value", "ip_version"}
    qos: Qos | None = None
    local_ips: list[LocalIPItem] = []
    logs: list[PacketLogItem] = []


class RuleItem(msgspec.Struct):
    id: str
    direction: str  # ingress, egress
    ethertype: str  # IPv4, IPv6
    protocol: str | None = None  # name or number
    port_min: int | None = None  # ICMP: type
    port_max: int | None = None  # ICMP: code
    remote_cidr: str | None = None
    remote_group: str | None = None


class GroupItem(msgspec.Struct):
    id: str
    rules: list[RuleItem]
    stateful: bool = True


class MembersItem(msgspec.Struct):
    id: str  # the security group whose ports these are
    addresses: list[str]


class RouterInterface(msgspec.Struct):
    port_id: str
    network_id: str
    mac: str
    addresses: list[str]  # "10.0.0.1/24"
    scopes: dict[str, str] = {}  # address scopes by IP version ("4", "6")


class RouterGateway(msgspec.Struct):
    port_id: str
    network_id: str
    mac: str
    addresses: list[str]
    gateway_ips: list[str]
    snat: bool
    qos: Qos | None = None  # of what bears the gateway's address
    scopes: dict[str, str] = {}


class FloatingIPItem(msgspec.Struct):
    id: str
    floating_ip: str
    fixed_ip: str
    qos: Qos | None = None
    bearer: str = ""  # the gateway's port that has the address; that of the first gateway if it is not said


class PortForwardingItem(msgspec.Struct):
    """Ports of a floating IP that lead to as many ports of a server, or all to one. ICMP has none: all of it goes there."""

    id: str
    floating_ip: str
    protocol: str  # tcp, udp, sctp, dccp, icmp
    external_ports: tuple[int, int]  # first, last
    internal_ip: str
    internal_ports: tuple[int, int]
    bearer: str = ""


CONNTRACK_HELPERS = {
    "amanda": ("tcp",), "ftp": ("tcp",), "h323": ("udp", "tcp"), "irc": ("tcp",), "netbios-ns": ("udp",), "pptp": ("tcp",),
    "sane": ("tcp",), "sip": ("udp", "tcp"), "snmp": ("udp",), "tftp": ("udp",),
}  # fmt: skip
"""Helpers and their protocols; those of Neutron's default of allowed_conntrack_helpers."""


class ConntrackHelperItem(msgspec.Struct):
    """Connections to a port are read along by the kernel's helper of this protocol (ftp, sip, ...)."""

    helper: str
    protocol: str  # tcp, udp
    port: int


class MeterRule(msgspec.Struct):
    """Which packets a meter counts, or (excluded) leaves uncounted. No prefix: any."""

    direction: str  # ingress: from outside, egress
    source: str | None
    destination: str | None
    excluded: bool


class MeterItem(msgspec.Struct):
    id: str  # of the metering label
    rules: list[MeterRule]


class RouterItem(msgspec.Struct):
    id: str
    admin_up: bool
    interfaces: list[RouterInterface]
    gateway: RouterGateway | None  # the first
    routes: list[dict[str, str]]  # {"destination": cidr, "nexthop": ip}
    floating_ips: list[FloatingIPItem]
    port_forwardings: list[PortForwardingItem] = []
    helpers: list[ConntrackHelperItem] = []
    ndp_proxy: bool = False  # from outside only these IPv6 addresses are reached, as if they were there
    ndp_proxies: list[str] = []
    meters: list[MeterItem] = []
    further_gateways: list[RouterGateway] = []
    ecmp: bool = False  # the default routes lead through all gateways, not the first alone

    @property
    def gateways(self) -> list[RouterGateway]:
        """All of them, the first one first."""
        return [self.gateway, *self.further_gateways] if self.gateway else []

    def bears(self, gateway: RouterGateway, item: FloatingIPItem | PortForwardingItem) -> bool:
        """Whether a gateway has the address of a floating IP."""
        return gateway.port_id == (item.bearer or (self.gateway.port_id if self.gateway else ""))

    @property
    def ends(self) -> list[RouterInterface | RouterGateway]:
        """Everything it is plugged in with, gateways last."""
        return [*self.interfaces, *self.gateways]


class Apply(msgspec.Struct):
    """Args of `network.apply`. An item of None removes the key; with `full`, so does its absence."""

    items: dict[str, dict[str, Any] | None]
    full: bool = False


class Applied(msgspec.Struct):
    """Result of `network.apply`: what could not be made, by key, with the cause. Everything else is in place."""

    errors: dict[str, str] = {}


def tap_name(port_id: str) -> str:
    """The interface of a port on its host (at most 15 characters, as the kernel wants)."""
    return "mst" + port_id.replace("-", "")[:11]


def bridge_name(network_id: str) -> str:
    return "msb" + network_id.replace("-", "")[:11]
