"""Routers: a namespace each, with a cable to every network it stands in."""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Interface, ip_interface

from monostack.agent.network.linux import (
    addresses,
    advertise,
    announce,
    conntrack_helpers,
    isolation,
    metering,
    namespaces,
    nat,
    nftables,
    proxies,
    sysctl,
)
from monostack.agent.network.linux.dnsmasq import Dnsmasq
from monostack.agent.network.linux.links import MARK, Link, Links, plug
from monostack.agent.network.linux.nftables import NftablesError, Table
from monostack.agent.network.linux.settings import INSIDE, METADATA_ADDRESS, ROUTER_PORT, Settings, inside, short
from monostack.agent.network.linux.state import networks_of
from monostack.protocol.network import NetworkItem, RouterGateway, RouterInterface, RouterItem

_SYSCTLS = {
    "ipv4/ip_forward": 1,
    "ipv6/conf/all/forwarding": 1,
    "ipv6/conf/default/accept_dad": 0,
    "ipv4/conf/all/rp_filter": 0,
    "ipv4/conf/default/rp_filter": 0,
    # A server that calls a floating IP of a neighbour must not be told the short way: its answers would come untranslated.
    "ipv4/conf/all/send_redirects": 0,
    "ipv4/conf/default/send_redirects": 0,
    "ipv4/conf/all/promote_secondaries": 1,
    # Each side hears of the addresses on that side only.
    "ipv4/conf/all/arp_ignore": 1,
    "ipv4/conf/all/arp_announce": 2,
}


class Waiting(RuntimeError):
    """Something else must come first."""

    def __init__(self, key: str) -> None:
        super().__init__(f"waits for {key}, which this host has not been told of")


class Routers:
    """The routers of one host. Lives in the worker thread, in the host's namespace."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._installed: dict[tuple[str, str], Table] = {}  # by namespace and table

    def ensure(
        self, host: Links, router: RouterItem, networks: Mapping[str, NetworkItem], bridges: Mapping[str, Link], *, anew: bool
    ) -> None:
        """Make a router as its item says. What of it can be made is, and then the first fault is raised."""
        name = self._settings.router_namespace(router.id)
        if namespaces.ensure(name):
            self._forget(name)
        with namespaces.entered(name):
            sysctl.settle(_SYSCTLS)
        laid = self._plug(host, name, router, networks, bridges)
        with namespaces.entered(name), Links() as links:
            self._clear(host, links, router)
            new = self._address(links, router, networks)
            self._translate(name, router, anew=anew)
            _route(links, router)
            for outside in laid:
                host.await_carrying(outside)
            for gateway, found in new:
                announce.announce(inside(gateway), gateway.mac, found)
        self._advertise(name, router, networks)
        with namespaces.entered(name), Links() as links:
            self._answer(links, name, router, anew=anew)
            self._install(name, conntrack_helpers.table(router), anew=anew)
            self._install(name, metering.table(router), anew=anew)
        missing = next((network for network in networks_of(router) if network not in bridges), None)
        if missing:
            raise Waiting(f"network/{missing}")

    def _plug(
        self, host: Links, name: str, router: RouterItem, networks: Mapping[str, NetworkItem], bridges: Mapping[str, Link]
    ) -> list[str]:
        """Lay the cables to the networks that are here; returns those that are new."""
        laid = []
        for end in router.ends:
            if end.network_id in bridges:
                outside, mtu, alias = ROUTER_PORT + short(end.port_id), networks[end.network_id].mtu, f"{MARK} router {router.id}"
                if plug(host, outside, bridges[end.network_id], name, inside(end), mac=end.mac, mtu=mtu, alias=alias):
                    laid.append(outside)
        return laid

    def _clear(self, host: Links, links: Links, router: RouterItem) -> None:
        """Unplug what the router has no longer."""
        wanted = {inside(end) for end in router.ends}
        for link in links.all():
            if link.name.startswith(INSIDE) and link.name not in wanted:
                host.delete(ROUTER_PORT + link.name.removeprefix(INSIDE))

    def _address(
        self, links: Links, router: RouterItem, networks: Mapping[str, NetworkItem]
    ) -> list[tuple[RouterGateway, list[IPv4Address]]]:
        """Returns what is new on external networks."""
        loopback = links.get("lo")
        addresses.settle(links, loopback, [*map(str, addresses.present(links, loopback)), f"{METADATA_ADDRESS}/32"])
        for interface in router.interfaces:
            _configure(links, interface, networks, interface.addresses)
        known = []
        for gateway in router.gateways:
            new = _configure(links, gateway, networks, [*gateway.addresses, *nat.floating_addresses(router, gateway)])
            known.append((gateway, [address.ip for address in new if isinstance(address, IPv4Interface)]))
        return [(gateway, new) for gateway, new in known if new]

    def _translate(self, name: str, router: RouterItem, *, anew: bool) -> None:
        self._install(name, isolation.table(router), anew=anew)
        if self._install(name, nat.table(router), anew=anew):
            nat.cut(router)

    def _answer(self, links: Links, name: str, router: RouterItem, *, anew: bool) -> None:
        """For the addresses behind the router that are to be found on the external network."""
        outside = links.find(inside(router.gateway)) if router.gateway else None
        self._install(name, proxies.table(router, outside.name if outside else ""), anew=anew)
        if outside is not None:
            proxies.settle(links, router, outside)

    def _install(self, name: str, wanted: Table, *, anew: bool) -> bool:
        """Bring a table into the namespace the thread is in; says whether it was another."""
        key = name, wanted.where
        installed = self._installed.get(key)
        if installed == wanted and not anew:
            return False
        try:
            nftables.run(nftables.change(installed, wanted) if installed is not None and not anew else nftables.replace(wanted))
        except NftablesError:
            if installed is None or anew:
                raise
            nftables.run(nftables.replace(wanted))
        self._installed[key] = wanted
        return True

    def _forget(self, name: str) -> None:
        """The namespace's tables are gone with it."""
        for key in [key for key in self._installed if key[0] == name]:
            del self._installed[key]

    def _advertise(self, name: str, router: RouterItem, networks: Mapping[str, NetworkItem]) -> None:
        subnets = advertise.advertised(router, networks)
        server = self.advertiser(router.id)
        if subnets:
            server.ensure(name, advertise.config((inside(interface), network, subnet) for interface, network, subnet in subnets), {}, {})
        else:
            server.stop()

    def advertiser(self, router_id: str) -> Dnsmasq:
        """The process that sends a router's advertisements."""
        return Dnsmasq(self._settings.directory / "advertise" / short(router_id))

    def advertiser_died(self, router: RouterItem, networks: Mapping[str, NetworkItem]) -> bool:
        return bool(advertise.advertised(router, networks)) and self.advertiser(router.id).pid() is None

    def remove(self, host: Links, router_id: str) -> None:
        """Remove a router and its cables; nothing happens when there is none."""
        name = self._settings.router_namespace(router_id)
        self.advertiser(router_id).stop()
        self._forget(name)
        if namespaces.identity(name) is not None:
            with namespaces.entered(name), Links() as links:
                plugged = [link.name for link in links.all() if link.name.startswith(INSIDE)]
            for end in plugged:
                host.delete(ROUTER_PORT + end.removeprefix(INSIDE))
        namespaces.remove(name)


def _configure(
    links: Links, end: RouterInterface | RouterGateway, networks: Mapping[str, NetworkItem], wanted: list[str]
) -> list[addresses.Interface]:
    """Settle one interface if it is plugged in; returns the addresses that are new."""
    link = links.find(inside(end))
    if link is None:
        return []
    links.set(link, mac=end.mac.lower(), mtu=networks[end.network_id].mtu)
    new = addresses.settle(links, link, wanted)
    if not link.up:
        links.set(links.get(link.name), up=True)
        return [ip_interface(address) for address in wanted]
    return new


def _route(links: Links, router: RouterItem) -> None:
    """What the router's own routes say, and by default to the outside: by its first gateway, or by turns by all of them."""
    wanted: dict[str, list[addresses.Hop]] = {route["destination"]: [(route["nexthop"], None)] for route in router.routes}
    outwards: dict[str, list[addresses.Hop]] = {}
    for gateway in router.gateways if router.ecmp else router.gateways[:1]:
        outside = links.find(inside(gateway))
        first = {"::/0" if ":" in nexthop else "0.0.0.0/0": nexthop for nexthop in reversed(gateway.gateway_ips)}
        if outside is None:
            continue
        for destination, nexthop in first.items():
            outwards.setdefault(destination, []).append((nexthop, outside.index))
    addresses.route(links, {**outwards, **wanted})
