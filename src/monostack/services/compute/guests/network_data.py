"""network_data.json: the links, networks and name servers of a guest. Source: Nova's schema of it."""

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Any

from monostack.services.network.facade import FixedAddress, PortInfo


def network_data(ports: Sequence[PortInfo]) -> dict[str, Any]:
    """What the guest must configure, port by port."""
    links, networks, servers = [], [], {}
    for index, port in enumerate(ports):
        link = f"tap{port.id[:11]}"
        links.append({"id": link, "vif_id": port.id, "type": "ovs", "mtu": port.mtu, "ethernet_mac_address": port.mac})
        for address in port.fixed_ips:
            networks.append(_network(f"network{len(networks)}", link, port, address))
            for server in address.dns_nameservers:
                servers[server] = {"type": "dns", "address": server}
        if not port.fixed_ips:
            networks.append({"id": f"network{index}", "link": link, "network_id": port.network_id, "type": "none"})
    return {"links": links, "networks": networks, "services": list(servers.values())}


def _network(name: str, link: str, port: PortInfo, address: FixedAddress) -> dict[str, Any]:
    subnet = ipaddress.ip_network(address.cidr, strict=False)
    base = {"id": name, "link": link, "network_id": port.network_id}
    routes = list(_routes(address))
    services = [{"type": "dns", "address": server} for server in address.dns_nameservers]
    if address.version == 4 and address.dhcp:
        return {**base, "type": "ipv4_dhcp"}
    if address.version == 6 and address.dhcp:
        kind = {"slaac": "ipv6_slaac", "dhcpv6-stateless": "ipv6_dhcpv6-stateless", "dhcpv6-stateful": "ipv6_dhcpv6-stateful"}
        base["type"] = kind.get(address.ipv6_address_mode or "", "ipv6_dhcp")
    else:
        base["type"] = f"ipv{address.version}"
    return {**base, "ip_address": address.ip_address, "netmask": str(subnet.netmask), "routes": routes, "services": services}


def _routes(address: FixedAddress) -> Iterable[dict[str, str]]:
    if address.gateway_ip:
        everything, mask = ("0.0.0.0", "0.0.0.0") if address.version == 4 else ("::", "::")
        yield {"network": everything, "netmask": mask, "gateway": address.gateway_ip}
    for route in address.host_routes:
        target = ipaddress.ip_network(route["destination"], strict=False)
        yield {"network": str(target.network_address), "netmask": str(target.netmask), "gateway": route["nexthop"]}
