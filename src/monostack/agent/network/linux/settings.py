"""What the native network driver is told when it starts, and the names of what it makes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from monostack.agent.config import ExternalNetwork, PacketLog
from monostack.protocol.network import RouterGateway, RouterInterface, RouterItem, bridge_name

TAP = "mst"  # interfaces of guests (protocol.network.tap_name)
BRIDGE = "msb"  # bridges of tenant networks (protocol.network.bridge_name)
INTERMEDIATE = "msi"  # what a limited guest sends goes through one, since only what leaves an interface can be queued (ifb)
VLAN_PORT = "msv"  # where the tagged frames of a physical network enter the bridge of a network
DHCP_PORT = "msd"  # a bridge's end of the link to its DHCP namespace
ROUTER_PORT = "msr"  # a bridge's end of the link to a router's namespace
INSIDE = "ms-"  # a namespace's end of those links
TABLE = "monostack"  # every nftables table of ours has this name
METADATA_ADDRESS = "169.254.169.254"
METADATA_PORT = 80

__all__ = [
    "BRIDGE",
    "DHCP_PORT",
    "INSIDE",
    "INTERMEDIATE",
    "METADATA_ADDRESS",
    "METADATA_PORT",
    "ROUTER_PORT",
    "TABLE",
    "TAP",
    "VLAN_PORT",
    "Settings",
    "bridge_name",
    "inside",
    "outside",
    "short",
]


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of the driver of one host."""

    directory: Path  # dnsmasq's files; dnsmasq gives up root, so every user must be able to enter it. Best below /run
    external_networks: Mapping[str, ExternalNetwork] = field(default_factory=dict)
    dns_servers: tuple[str, ...] = ()  # where the DHCP servers forward names to that are not a network's own; none: nowhere
    packet_log: PacketLog = field(default_factory=PacketLog)
    namespace_prefix: str = "monostack"
    host_namespace: str | None = None  # the network namespace that is "the host": several hosts on one machine, and tests
    watch_interval: float = 5.0  # seconds between looks whether DHCP servers live

    @property
    def packet_log_file(self) -> Path:
        return Path(self.packet_log.file) if self.packet_log.file else self.directory / "packets.log"

    def dhcp_namespace(self, network_id: str) -> str:
        return f"{self.namespace_prefix}-dhcp-{short(network_id)}"

    def router_namespace(self, router_id: str) -> str:
        return f"{self.namespace_prefix}-router-{short(router_id)}"

    def is_namespace(self, name: str) -> bool:
        """Whether a namespace of this name was made by this driver."""
        return name.startswith((f"{self.namespace_prefix}-dhcp-", f"{self.namespace_prefix}-router-"))


def short(identifier: str) -> str:
    """As much of an id as fits into an interface name behind a prefix of three letters."""
    return identifier.replace("-", "")[:11]


def inside(end: RouterInterface | RouterGateway) -> str:
    """The router's end of a cable."""
    return INSIDE + short(end.port_id)


def outside(router: RouterItem) -> str:
    """A router's ends on external networks, as rules name an interface or one of several."""
    names = [f'"{inside(gateway)}"' for gateway in router.gateways]
    return names[0] if len(names) == 1 else f"{{ {', '.join(names)} }}"
