"""Address translation of a router: floating IPs both ways, single ports of them, and the gateway's address for everything else."""

from collections.abc import Iterator
from ipaddress import IPv4Address, ip_address, ip_interface
from typing import NamedTuple

from monostack.agent.network.linux import conntrack, isolation
from monostack.agent.network.linux.chains import limited
from monostack.agent.network.linux.nftables import Chain, Elements, Table
from monostack.agent.network.linux.settings import METADATA_ADDRESS, TABLE, inside, outside
from monostack.agent.network.linux.shaping import burst_bytes
from monostack.protocol.network import Limit, Qos, RouterGateway, RouterItem

_HOOK = "type filter hook {} priority {}; policy accept;"
_AFTER = 110  # a postrouting priority behind the translation of sources (srcnat, 100)

ICMP = 1
PROTOCOLS = {"icmp": ICMP, "tcp": 6, "udp": 17, "dccp": 33, "sctp": 132}


class Door(NamedTuple):
    """A port of an address. ICMP has none: 0."""

    address: IPv4Address
    port: int


def table(router: RouterItem) -> Table:
    """The ruleset of a router; no translation without a gateway."""
    if router.gateway is None:
        return Table("ip", TABLE, {}, isolation.apart(router, "4"))
    own, out = gateway_address(router.gateway), outside(router)
    floating = {str(IPv4Address(item.floating_ip)): str(IPv4Address(item.fixed_ip)) for item in router.floating_ips}
    forwarded = forwardings(router)
    doors = {
        f"{key.address} . {protocol} . {key.port}": f"{to.address} . {to.port}"
        for (protocol, key), to in sorted(forwarded.items())
        if protocol != ICMP
    }
    pinged = {str(key.address): str(to.address) for (protocol, key), to in sorted(forwarded.items()) if protocol == ICMP}
    leaving = [
        # Who comes from outside keeps its address: a server sees who is calling.
        f"iifname {out} oifname != {out} accept",
        # Between a router's own networks nothing is translated, except what went to a floating IP and would be answered directly.
        f"oifname != {out} ct status & dnat == 0 accept",
        *(rule for number, gateway in enumerate(router.further_gateways, 2) for rule in _leaving_by(router, gateway, f"fixed_{number}")),
        "snat to ip saddr map @fixed",
    ]
    if own is not None:
        leaving.append(f"oifname != {out} snat to {own}")
        leaving += isolation.untranslated(router, router.gateway)
        if router.gateway.snat:
            leaving.append(f"snat to {own}")
    return Table(
        "ip",
        TABLE,
        {
            "floating": Elements("map", "type ipv4_addr : ipv4_addr;", dict(sorted(floating.items()))),
            "forwarded": Elements("map", "type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service;", doors),
            "pinged": Elements("map", "type ipv4_addr : ipv4_addr;", pinged),
            **{"fixed" if number == 1 else f"fixed_{number}": _fixed(router, gateway) for number, gateway in enumerate(router.gateways, 1)},
        },
        {
            "arriving": Chain(
                (
                    "dnat ip to ip daddr . ip protocol . th dport map @forwarded",
                    "ip protocol icmp dnat to ip daddr map @pinged",
                    "dnat to ip daddr map @floating",
                ),
                "type nat hook prerouting priority dstnat; policy accept;",
            ),
            "leaving": Chain(tuple(leaving), "type nat hook postrouting priority srcnat; policy accept;"),
            # What bears an address of the router's outside is held to that address's policy: before it is translated, and after.
            "calling": Chain(_policed(router, "iif", "daddr"), _HOOK.format("prerouting", "mangle")),
            "sending": Chain(_policed(router, "oif", "saddr"), _HOOK.format("postrouting", _AFTER)),
            **isolation.apart(router, "4"),
            "own": Chain(
                (f"iifname {out} ip daddr {METADATA_ADDRESS} drop",), "type filter hook input priority filter; policy accept;"
            ),
        },
    )


def _leaving_by(router: RouterItem, gateway: RouterGateway, fixed: str) -> Iterator[str]:
    """What leaves by a further gateway has an address of that one."""
    name, own = inside(gateway), gateway_address(gateway)
    yield f'oifname "{name}" snat to ip saddr map @{fixed}'
    yield from isolation.untranslated(router, gateway)
    yield f'oifname "{name}" snat to {own}' if own is not None and gateway.snat else f'oifname "{name}" accept'


def _fixed(router: RouterItem, gateway: RouterGateway) -> Elements:
    return Elements(
        "map", "type ipv4_addr : ipv4_addr;", {str(fixed): str(floating) for fixed, floating in sorted(seen_as(router, gateway).items())}
    )


def _governed(router: RouterItem) -> Iterator[tuple[str, str, Qos | None]]:
    """(interface, address, policy) of everything outside that may be under one."""
    for gateway in router.gateways:
        own = gateway_address(gateway)
        for item in router.floating_ips:
            if router.bears(gateway, item):
                yield inside(gateway), item.floating_ip, item.qos
        if own is not None:
            yield inside(gateway), str(own), gateway.qos


def _policed(router: RouterItem, way: str, side: str) -> tuple[str, ...]:
    rules = []
    for name, address, qos in _governed(router):
        limit = (qos.ingress if way == "iif" else qos.egress) if qos else Limit()
        of = f'{way}name "{name}" ip {side} {address}'
        if qos and qos.dscp is not None and way == "oif":
            rules.append(f"{of} ip dscp set {qos.dscp}")
        if limit.kbps:
            rules.append(f"{of} limit rate over {limit.kbps * 125} bytes/second burst {burst_bytes(limit)} bytes drop")
        rules += [f"{of} {rule}" for rule in limited(limit)]
    return tuple(rules)


def gateway_address(gateway: RouterGateway) -> IPv4Address | None:
    """What servers without a floating IP are seen as there."""
    addresses = [ip_interface(address).ip for address in gateway.addresses]
    return next((address for address in addresses if isinstance(address, IPv4Address)), None)


def seen_as(router: RouterItem, gateway: RouterGateway) -> dict[IPv4Address, IPv4Address]:
    """The floating IP that a server's address is seen as there (the first, when it has several)."""
    fixed: dict[IPv4Address, IPv4Address] = {}
    for item in router.floating_ips:
        if router.bears(gateway, item):
            fixed.setdefault(IPv4Address(item.fixed_ip), IPv4Address(item.floating_ip))
    return fixed


def forwardings(router: RouterItem) -> dict[tuple[int, Door], Door]:
    """Where each forwarded port leads, by protocol number and what is called from outside."""
    found: dict[tuple[int, Door], Door] = {}
    for item in router.port_forwardings:
        protocol, outer, inner = PROTOCOLS[item.protocol], IPv4Address(item.floating_ip), IPv4Address(item.internal_ip)
        if protocol == ICMP:
            found[protocol, Door(outer, 0)] = Door(inner, 0)
            continue
        (first, last), (begin, end) = item.external_ports, item.internal_ports
        for offset in range(last - first + 1):
            found[protocol, Door(outer, first + offset)] = Door(inner, begin + offset if end > begin else begin)
    return found


def cut(router: RouterItem) -> None:
    """End connections that are translated as the router no longer does: of a floating IP that was removed, moved or given to
    another server, or of a gateway's address of before. Runs in the router's namespace.
    """
    floating = {IPv4Address(item.floating_ip): IPv4Address(item.fixed_ip) for item in router.floating_ips}
    forwarded = forwardings(router)
    own = {gateway_address(gateway) for gateway in router.gateways}
    seen = [seen_as(router, gateway) for gateway in router.gateways]

    def led_to(entry: conntrack.Entry) -> bool:
        """Whether who answers is who is called now."""
        flow = entry.flow
        called = 0 if flow.protocol == ICMP else flow.low
        door = forwarded.get((flow.protocol, Door(flow.destination, called)))  # type: ignore[arg-type]
        if door is not None:
            return door == (entry.answers_from, 0 if flow.protocol == ICMP else entry.answering_port)
        if entry.answers_from == flow.destination:
            return flow.protocol == ICMP or entry.answering_port == called
        return floating.get(flow.destination) == entry.answers_from  # type: ignore[call-overload]

    def still_so(entry: conntrack.Entry) -> bool:
        flow = entry.flow
        if not led_to(entry):
            return False
        if entry.answers_to == flow.source:
            return True
        return entry.answers_to in own or any(entry.answers_to == fixed.get(flow.source) for fixed in seen)  # type: ignore[call-overload]

    conntrack.delete([entry for entry in conntrack.entries() if entry.flow.version == 4 and not still_so(entry)])


def floating_addresses(router: RouterItem, gateway: RouterGateway) -> list[str]:
    """As the interface to the external network bears them: so it answers for them there."""
    known = dict.fromkeys(item.floating_ip for item in [*router.floating_ips, *router.port_forwardings] if router.bears(gateway, item))
    return [f"{ip_address(address)}/32" for address in known]
