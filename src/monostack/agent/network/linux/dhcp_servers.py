"""DHCP servers: a namespace with one dnsmasq for each network that wants one. Guests find the metadata service there too."""

import hashlib
from ipaddress import ip_network

from monostack.agent.network.linux import addresses, dhcp, namespaces, sysctl
from monostack.agent.network.linux.dnsmasq import Dnsmasq
from monostack.agent.network.linux.links import MARK, Link, Links, plug
from monostack.agent.network.linux.settings import DHCP_PORT, INSIDE, METADATA_ADDRESS, Settings, short
from monostack.protocol.network import NetworkItem, PortItem

_SYSCTLS = {
    "ipv4/ip_forward": 0,
    "ipv4/conf/all/promote_secondaries": 1,
    "ipv6/conf/default/accept_dad": 0,
    "ipv6/conf/default/accept_ra": 0,
    "ipv6/conf/all/forwarding": 0,
}


def wanted(network: NetworkItem) -> bool:
    """Whether this host runs a DHCP server for the network."""
    return network.serves_dhcp and bool(dhcp.subnets(network))


class DhcpServers:
    """The DHCP servers of one host. Runs in the worker thread, in the host's namespace."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def process(self, network_id: str) -> Dnsmasq:
        return Dnsmasq(self._settings.directory / "dhcp" / short(network_id))

    def ensure(self, host: Links, network: NetworkItem, bridge: Link, ports: list[PortItem]) -> None:
        """Serve a network as its item and its ports say; when this returns, whoever asks gets the right answer."""
        name, inside = self._settings.dhcp_namespace(network.id), INSIDE + short(network.id)
        mac = (network.dhcp_mac or "0a:" + hashlib.sha256(name.encode()).digest()[:5].hex(":")).lower()
        namespaces.ensure(name)
        with namespaces.entered(name):
            sysctl.settle(_SYSCTLS)
        alias = f"{MARK} dhcp {network.id}"
        laid = plug(host, DHCP_PORT + short(network.id), bridge, name, inside, mac=mac, mtu=network.mtu, alias=alias)
        if not network.dhcp_up:
            host.set(host.get(DHCP_PORT + short(network.id)), up=False)
        with namespaces.entered(name), Links() as links:
            link = links.get(inside)
            links.set(link, mac=mac, mtu=network.mtu)
            own = [f"{subnet.dhcp_ip}/{ip_network(subnet.cidr).prefixlen}" for subnet in network.subnets if subnet.dhcp_ip]
            addresses.settle(links, link, [*own, f"{METADATA_ADDRESS}/32"])
            links.set(link, up=True)
            if laid and network.dhcp_up:
                host.await_carrying(DHCP_PORT + short(network.id))
            gateway = next((subnet.gateway_ip for subnet in dhcp.subnets(network) if subnet.ip_version == 4 and subnet.gateway_ip), None)
            addresses.route(links, {"0.0.0.0/0": [(gateway, link.index)]} if gateway else {})
        self.refresh(network, ports)

    def refresh(self, network: NetworkItem, ports: list[PortItem]) -> None:
        """Tell the process of a network that is served already about its ports."""
        process = self.process(network.id)
        config = dhcp.config(network, ports, INSIDE + short(network.id), str(process.directory), self._settings.dns_servers)
        process.ensure(self._settings.dhcp_namespace(network.id), config, dhcp.files(network, ports), dhcp.leased(network, ports))

    def remove(self, host: Links, network_id: str) -> None:
        """Nothing happens when there is none."""
        self.process(network_id).stop()
        host.delete(DHCP_PORT + short(network_id))
        namespaces.remove(self._settings.dhcp_namespace(network_id))
