"""What is on the host of ours but named by no item: found by name or alias, and removed."""

import re
from collections.abc import Callable

from pyroute2.netlink.exceptions import NetlinkError

from monostack.agent.network.linux import bridges, dhcp_servers, namespaces, shaping
from monostack.agent.network.linux.dnsmasq import Dnsmasq
from monostack.agent.network.linux.links import Links
from monostack.agent.network.linux.settings import BRIDGE, DHCP_PORT, INTERMEDIATE, ROUTER_PORT, TAP, VLAN_PORT, Settings, short
from monostack.agent.network.linux.state import Desired

PROCESSES = ("dhcp", "advertise")  # directories with one below them for each process
_NAMES = re.compile(f"({BRIDGE}|{TAP}|{DHCP_PORT}|{INTERMEDIATE}|{ROUTER_PORT}|{VLAN_PORT})[0-9a-f]{{11}}")


def remove(links: Links, desired: Desired, settings: Settings) -> None:
    """Remove everything of ours that the items do not ask for. Tries all of it, then raises the first fault."""
    faults: list[Exception] = []
    for kind, keep in _processes(desired).items():
        directory = settings.directory / kind
        for found in sorted(directory.iterdir()) if directory.exists() else []:
            if found.name not in keep:
                _try(faults, Dnsmasq(found).stop)
    for link in links.all():
        if (link.ours or _NAMES.fullmatch(link.name)) and link.name not in _links(desired, settings):
            _try(faults, lambda name=link.name: links.delete(name))
    kept = _namespaces(desired, settings)
    for name in namespaces.names():
        if settings.is_namespace(name) and name not in kept:
            _try(faults, lambda name=name: namespaces.remove(name))
    if faults:
        raise faults[0]


def _try(faults: list[Exception], action: Callable[[], None]) -> None:
    try:
        action()
    except (RuntimeError, OSError, NetlinkError) as fault:
        faults.append(fault)


def _dhcp(desired: Desired) -> list[str]:
    return [network.id for network in desired.networks.values() if dhcp_servers.wanted(network)]


def _routers(desired: Desired) -> list[str]:
    return [router.id for router in desired.routers.values() if router.admin_up]


def _processes(desired: Desired) -> dict[str, set[str]]:
    return dict(
        zip(PROCESSES, ({short(network) for network in _dhcp(desired)}, {short(router) for router in _routers(desired)}), strict=True)
    )


def _namespaces(desired: Desired, settings: Settings) -> set[str]:
    return {*map(settings.dhcp_namespace, _dhcp(desired)), *map(settings.router_namespace, _routers(desired))}


def _links(desired: Desired, settings: Settings) -> set[str]:
    wanted = set(bridges.links_of(desired, settings))
    wanted |= {port.tap for port in desired.ports.values() if port.tap}
    wanted |= {shaping.intermediate(port) for port in desired.ports.values() if port.tap and port.qos and port.qos.egress.kbps}
    wanted |= {DHCP_PORT + short(network) for network in _dhcp(desired)}
    for router in desired.routers.values():
        wanted |= {ROUTER_PORT + short(end.port_id) for end in router.ends if router.admin_up}
    return wanted
