"""Address translation of a router: floating IPs both ways, single ports of them, and the gateway's address for everything else."""

from ipaddress import IPv4Address, ip_address, ip_interface
from typing import NamedTuple

from monostack.agent.network.linux import conntrack, isolation
from monostack.agent.network.linux.chains import limited
from monostack.agent.network.linux.nftables import Chain, Elements, Table
from monostack.agent.network.linux.settings import METADATA_ADDRESS, TABLE
from monostack.agent.network.linux.shaping import burst_bytes
from monostack.protocol.network import Limit, Qos, RouterItem

_HOOK = "type filter hook {} priority {}; policy accept;"
_AFTER = 110  # a postrouting priority behind the translation of sources (srcnat, 100)

ICMP = 1
PROTOCOLS = {"icmp": ICMP, "tcp": 6, "udp": 17, "dccp": 33, "sctp": 132}


class Door(NamedTuple):
    """A port of an address. ICMP has none: 0."""

    address: IPv4Address
    port: int


def table(router: RouterItem, outside: str) -> Table:
    """The ruleset of a router whose interface to the external network is `outside`; empty without a gateway."""
    own = gateway_address(router)
    if router.gateway is None:
        return Table("ip", TABLE, {}, isolation.apart(router, "4"))
    governed = [(item.floating_ip, item.qos) for item in router.floating_ips] + ([(str(own), router.gateway.qos)] if own else [])
    floating, fixed = mappings(router)
    forwarded = forwardings(router)
    doors = {
        f"{key.address} . {protocol} . {key.port}": f"{to.address} . {to.port}"
        for (protocol, key), to in sorted(forwarded.items())
        if protocol != ICMP
    }
    pinged = {str(key.address): str(to.address) for (protocol, key), to in sorted(forwarded.items()) if protocol == ICMP}
    leaving = [
        # Who comes from outside keeps its address: a server sees who is calling.
        f'iifname "{outside}" oifname != "{outside}" accept',
        # Between a router's own networks nothing is translated, except what went to a floating IP and would be answered directly.
        f'oifname != "{outside}" ct status & dnat == 0 accept',
        "snat to ip saddr map @fixed",
    ]
    if own is not None:
        leaving.append(f'oifname != "{outside}" snat to {own}')
        leaving += isolation.untranslated(router, outside)
        if router.gateway.snat:
            leaving.append(f"snat to {own}")
    return Table(
        "ip",
        TABLE,
        {
            "floating": Elements("map", "type ipv4_addr : ipv4_addr;", {str(key): str(value) for key, value in sorted(floating.items())}),
            "forwarded": Elements("map", "type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service;", doors),
            "pinged": Elements("map", "type ipv4_addr : ipv4_addr;", pinged),
            "fixed": Elements("map", "type ipv4_addr : ipv4_addr;", {str(key): str(value) for key, value in sorted(fixed.items())}),
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
            "calling": Chain(_policed(governed, outside, "iif", "daddr"), _HOOK.format("prerouting", "mangle")),
            "sending": Chain(_policed(governed, outside, "oif", "saddr"), _HOOK.format("postrouting", _AFTER)),
            **isolation.apart(router, "4"),
            "own": Chain(
                (f'iifname "{outside}" ip daddr {METADATA_ADDRESS} drop',), "type filter hook input priority filter; policy accept;"
            ),
        },
    )


def _policed(governed: list[tuple[str, Qos | None]], outside: str, way: str, side: str) -> tuple[str, ...]:
    rules = []
    for address, qos in governed:
        limit = (qos.ingress if way == "iif" else qos.egress) if qos else Limit()
        of = f'{way}name "{outside}" ip {side} {address}'
        if qos and qos.dscp is not None and way == "oif":
            rules.append(f"{of} ip dscp set {qos.dscp}")
        if limit.kbps:
            rules.append(f"{of} limit rate over {limit.kbps * 125} bytes/second burst {burst_bytes(limit)} bytes drop")
        rules += [f"{of} {rule}" for rule in limited(limit)]
    return tuple(rules)


def gateway_address(router: RouterItem) -> IPv4Address | None:
    """What a router's servers without a floating IP are seen as."""
    addresses = [ip_interface(address).ip for address in router.gateway.addresses] if router.gateway else []
    return next((address for address in addresses if isinstance(address, IPv4Address)), None)


def mappings(router: RouterItem) -> tuple[dict[IPv4Address, IPv4Address], dict[IPv4Address, IPv4Address]]:
    """Floating to fixed, and fixed to floating (the first, when a server's address has several)."""
    pairs = [(IPv4Address(item.floating_ip), IPv4Address(item.fixed_ip)) for item in router.floating_ips]
    fixed: dict[IPv4Address, IPv4Address] = {}
    for floating_ip, fixed_ip in pairs:
        fixed.setdefault(fixed_ip, floating_ip)
    return dict(pairs), fixed


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
    floating, fixed = mappings(router)
    forwarded = forwardings(router)
    own = gateway_address(router)

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
        return entry.answers_to in (own, fixed.get(flow.source))  # type: ignore[call-overload]

    conntrack.delete([entry for entry in conntrack.entries() if entry.flow.version == 4 and not still_so(entry)])


def floating_addresses(router: RouterItem) -> list[str]:
    """As the interface to the external network bears them: so it answers for them there."""
    known = dict.fromkeys(item.floating_ip for item in [*router.floating_ips, *router.port_forwardings])
    return [f"{ip_address(address)}/32" for address in known]
