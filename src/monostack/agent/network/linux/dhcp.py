"""DHCP, and names, of a network: what its dnsmasq is told. The options are Neutron's."""

from collections.abc import Iterable, Iterator
from ipaddress import ip_address, ip_network
from typing import Any

from monostack.agent.network.linux.settings import METADATA_ADDRESS
from monostack.protocol.network import NetworkItem, PortItem, SubnetItem

LEASE_SECONDS = 86400
_CLIENT_ID = ("client-id", "61")
_MAX_LEASES = 1 << 24


def subnets(network: NetworkItem) -> list[SubnetItem]:
    """Those that this network's DHCP server serves."""
    return [subnet for subnet in network.subnets if subnet.dhcp and subnet.dhcp_ip and _mode(subnet) != "none"]


def _mode(subnet: SubnetItem) -> str:
    """stateful: addresses and options; stateless: options; none: guests make their addresses by themselves."""
    if subnet.ip_version == 4 or (subnet.ipv6_address_mode is None and subnet.ipv6_ra_mode is None):
        return "stateful"
    return {"dhcpv6-stateful": "stateful", "dhcpv6-stateless": "stateless"}.get(subnet.ipv6_address_mode or "", "none")


def config(network: NetworkItem, ports: list[PortItem], interface: str, directory: str, dns_servers: Iterable[str]) -> str:
    """What dnsmasq reads when it starts; what changes with each port is in `files`."""
    lines = [
        f"interface={interface}",
        "except-interface=lo",
        "bind-dynamic",
        "no-hosts",
        "no-resolv",
        "no-ping",
        "no-poll",
        "quiet-dhcp",
        "quiet-dhcp6",
        "dhcp-authoritative",
        "dhcp-ignore-names",  # names are the cloud's to give, not the guests'
        "dhcp-match=set:ipxe,175",
        f"dhcp-lease-max={min(_MAX_LEASES, sum(ip_network(subnet.cidr).num_addresses for subnet in network.subnets) or 1)}",
        f"dhcp-hostsfile={directory}/hosts",
        f"dhcp-optsfile={directory}/options",
        f"addn-hosts={directory}/names",
        f"dhcp-option-force=option:mtu,{network.mtu}",
    ]
    domain = network.dns_domain.rstrip(".")
    if domain:
        lines += [f"domain={domain}", f"local=/{domain}/"]
    lines += [f"server={server}" for server in dns_servers]
    # Not as `set:` among the hosts: dnsmasq up to 2.90 crashes when it reads such a line again after a lease.
    lines += sorted(f"dhcp-mac=set:port-{port.id},{port.mac}" for port in ports if any(True for _ in _port_options(port)))
    for subnet in subnets(network):
        cidr = ip_network(subnet.cidr)
        size = str(cidr.netmask) if cidr.version == 4 else str(cidr.prefixlen)
        lines.append(f"dhcp-range=set:subnet-{subnet.id},{cidr.network_address},static,{size},{LEASE_SECONDS}s")
    return "".join(line + "\n" for line in lines)


def files(network: NetworkItem, ports: list[PortItem]) -> dict[str, str]:
    """The hosts, options and names that dnsmasq reads again when told to."""
    ordered = sorted(ports, key=lambda port: port.id)
    return {
        "hosts": "".join(line + "\n" for port in ordered for line in _hosts(network, port)),
        "options": "".join(
            line + "\n" for line in [*_subnet_options(network), *(line for port in ordered for line in _port_options(port))]
        ),
        "names": "".join(line + "\n" for port in ordered for line in _names(network, port)),
    }


def leased(network: NetworkItem, ports: list[PortItem]) -> dict[str, str]:
    """Whom each address belongs to: address to MAC."""
    served = {subnet.id for subnet in subnets(network)}
    return {str(ip_address(fixed.ip_address)): port.mac for port in ports for fixed in port.fixed_ips if fixed.subnet_id in served}


def _hosts(network: NetworkItem, port: PortItem) -> Iterator[str]:
    modes = {subnet.id: (subnet.ip_version, _mode(subnet)) for subnet in subnets(network)}
    client = next((option["opt_value"] for option in port.dhcp_options if str(option["opt_name"]) in _CLIENT_ID), None)
    who = f"{port.mac},id:{client}" if client else port.mac
    for fixed in port.fixed_ips:
        version, mode = modes.get(fixed.subnet_id, (0, ""))
        if version == 4:
            yield f"{who},{fixed.ip_address},{_hostname(port, fixed.ip_address)}"
        elif mode == "stateful":
            # The tag, which dnsmasq sets itself, keeps the line from being taken for IPv4's.
            yield f"{who},tag:dhcpv6,[{fixed.ip_address}],{_hostname(port, fixed.ip_address)}"


def _hostname(port: PortItem, address: str) -> str:
    return port.hostname.partition(".")[0] if port.hostname else "host-" + address.replace(".", "-").replace(":", "-")


def _names(network: NetworkItem, port: PortItem) -> Iterator[str]:
    domain = network.dns_domain.rstrip(".")
    for fixed in port.fixed_ips:
        name = _hostname(port, fixed.ip_address)
        yield f"{fixed.ip_address}\t{name}.{domain} {name}" if domain else f"{fixed.ip_address}\t{name}"


def _subnet_options(network: NetworkItem) -> Iterator[str]:
    for subnet in subnets(network):
        tag = f"tag:subnet-{subnet.id},"
        servers = [str(ip_address(server)) for server in subnet.dns_nameservers if ip_address(server).version == subnet.ip_version]
        unspecified = servers in (["0.0.0.0"], ["::"])  # how a user says: announce none
        if subnet.ip_version == 6:
            if servers:
                yield tag + "option6:dns-server" + ("" if unspecified else "," + ",".join(f"[{server}]" for server in servers))
            if network.dns_domain:
                yield tag + f"option6:domain-search,{network.dns_domain.rstrip('.')}"
            continue
        if servers:
            yield tag + "option:dns-server" + ("" if unspecified else "," + ",".join(servers))
        gateway, routes = _routes(network, subnet)
        if routes:
            # 249 is what Windows before 2008 asks for instead of 121.
            yield tag + f"option:classless-static-route,{routes}"
            yield tag + f"249,{routes}"
        yield tag + "option:router" + (f",{gateway}" if gateway else "")


def _routes(network: NetworkItem, subnet: SubnetItem) -> tuple[str | None, str]:
    """The default gateway, and all routes: who is sent routes ignores the router option (RFC 3442), so the default is among them."""
    gateway = subnet.gateway_ip
    routes = [(other.cidr, "0.0.0.0") for other in network.subnets if other.ip_version == 4 and other.id != subnet.id]
    for route in subnet.host_routes:
        if ip_network(route["destination"], strict=False).prefixlen == 0:
            gateway = gateway or route["nexthop"]
        else:
            routes.append((route["destination"], route["nexthop"]))
    routes.append((f"{METADATA_ADDRESS}/32", subnet.dhcp_ip or ""))
    if gateway:
        routes.append(("0.0.0.0/0", gateway))
    return gateway, ",".join(f"{destination},{hop}" for destination, hop in routes)


def _port_options(port: PortItem) -> Iterator[str]:
    versions = {ip_address(fixed.ip_address).version for fixed in port.fixed_ips}
    for option in port.dhcp_options:
        name, version = str(option["opt_name"]), int(option.get("ip_version") or 4)
        if name in _CLIENT_ID or version not in versions:
            continue
        yield _option(port, name, version, option)


def _option(port: PortItem, name: str, version: int, option: dict[str, Any]) -> str:
    extra, _, bare = name.rpartition(",")
    key = f"option6:{bare}" if version == 6 else bare if bare.isdecimal() else f"option:{bare}"
    value = option.get("opt_value")
    return ",".join([f"tag:port-{port.id}", *([extra] if extra else []), key, *([str(value)] if value else [])])
