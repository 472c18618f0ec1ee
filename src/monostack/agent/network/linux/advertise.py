"""Router advertisements (RFC 4861) of a router's IPv6 subnets: what the dnsmasq in its namespace is told.

It advertises only. DHCPv6 is answered in the network's DHCP namespace, as Neutron does it.
"""

from collections.abc import Iterable, Mapping
from ipaddress import ip_address, ip_interface, ip_network

from monostack.protocol.network import NetworkItem, RouterInterface, RouterItem, SubnetItem

_INTERVAL, _LIFETIME = 30, 1800  # seconds between advertisements, and that a guest keeps to the router


def advertised(router: RouterItem, networks: Mapping[str, NetworkItem]) -> list[tuple[RouterInterface, NetworkItem, SubnetItem]]:
    """The subnets a router stands in that ask for advertisements."""
    found = []
    for interface in router.interfaces:
        network = networks.get(interface.network_id)
        own = [ip_interface(address).ip for address in interface.addresses]
        for subnet in network.subnets if network else []:
            if subnet.ipv6_ra_mode and any(address in ip_network(subnet.cidr) for address in own if address.version == 6):
                assert network is not None
                found.append((interface, network, subnet))
    return found


def config(subnets: Iterable[tuple[str, NetworkItem, SubnetItem]]) -> str:
    """For subnets behind the named interfaces."""
    lines = [
        "port=0",
        "except-interface=lo",
        "bind-dynamic",
        "no-resolv",
        "quiet-ra",
        "quiet-dhcp6",
        "enable-ra",
        # Only a range with addresses to give makes dnsmasq tell guests to ask DHCPv6 (the M flag); asking it here is not answered.
        "dhcp-ignore=tag:!known",
    ]
    for interface, network, subnet in subnets:
        cidr = ip_network(subnet.cidr)
        mode = {"slaac": "ra-only", "dhcpv6-stateless": "ra-stateless", "dhcpv6-stateful": "static"}[subnet.ipv6_ra_mode or ""]
        lines += [
            f"interface={interface}",
            f"ra-param={interface},mtu:{network.mtu},{_INTERVAL},{_LIFETIME}",
            f"dhcp-range=set:subnet-{subnet.id},{cidr.network_address},{mode},{cidr.prefixlen},{_LIFETIME * 48}s",
        ]
        servers = [str(ip_address(server)) for server in subnet.dns_nameservers if ip_address(server).version == 6]
        if servers and subnet.ipv6_ra_mode == "slaac":
            lines.append(f"dhcp-option=tag:{interface},option6:dns-server,{','.join(f'[{server}]' for server in servers)}")
    return "".join(f"{line}\n" for line in dict.fromkeys(lines))
