"""Address translation of a router: floating IPs both ways, and the gateway's address for everything else."""

from ipaddress import IPv4Address, ip_address, ip_interface

from monostack.agent.network.linux import conntrack
from monostack.agent.network.linux.nftables import Chain, Elements, Table
from monostack.agent.network.linux.settings import METADATA_ADDRESS, TABLE
from monostack.protocol.network import RouterItem


def table(router: RouterItem, outside: str) -> Table:
    """The ruleset of a router whose interface to the external network is `outside`; empty without a gateway."""
    own = gateway_address(router)
    if router.gateway is None:
        return Table("ip", TABLE)
    floating, fixed = mappings(router)
    leaving = [
        # Who comes from outside keeps its address: a server sees who is calling.
        f'iifname "{outside}" oifname != "{outside}" accept',
        # Between a router's own networks nothing is translated, except what went to a floating IP and would be answered directly.
        f'oifname != "{outside}" ct status & dnat == 0 accept',
        "snat to ip saddr map @fixed",
    ]
    if own is not None:
        leaving.append(f'oifname != "{outside}" snat to {own}')
        if router.gateway.snat:
            leaving.append(f"snat to {own}")
    return Table(
        "ip",
        TABLE,
        {
            "floating": Elements("map", "type ipv4_addr : ipv4_addr;", {str(key): str(value) for key, value in sorted(floating.items())}),
            "fixed": Elements("map", "type ipv4_addr : ipv4_addr;", {str(key): str(value) for key, value in sorted(fixed.items())}),
        },
        {
            "arriving": Chain(("dnat to ip daddr map @floating",), "type nat hook prerouting priority dstnat; policy accept;"),
            "leaving": Chain(tuple(leaving), "type nat hook postrouting priority srcnat; policy accept;"),
            "own": Chain(
                (f'iifname "{outside}" ip daddr {METADATA_ADDRESS} drop',), "type filter hook input priority filter; policy accept;"
            ),
        },
    )


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


def cut(router: RouterItem) -> None:
    """End connections that are translated as the router no longer does: of a floating IP that was removed, moved or given to
    another server, or of a gateway's address of before. Runs in the router's namespace.
    """
    floating, fixed = mappings(router)
    own = gateway_address(router)

    def still_so(entry: conntrack.Entry) -> bool:
        flow = entry.flow
        if entry.answers_from != flow.destination and floating.get(flow.destination) != entry.answers_from:  # type: ignore[call-overload]
            return False
        if entry.answers_to == flow.source:
            return True
        return entry.answers_to in (own, fixed.get(flow.source))  # type: ignore[call-overload]

    conntrack.delete([entry for entry in conntrack.entries() if entry.flow.version == 4 and not still_so(entry)])


def floating_addresses(router: RouterItem) -> list[str]:
    """As the interface to the external network bears them: so it answers for them there."""
    return [f"{ip_address(item.floating_ip)}/32" for item in router.floating_ips]
