"""IPv6 addresses behind a router that it answers for on its external network (RFC 4389), and the closed door for all others."""

from ipaddress import IPv6Address

from monostack.agent.network.linux import sysctl
from monostack.agent.network.linux.links import Link, Links, doing
from monostack.agent.network.linux.nftables import Chain, Elements, Table
from monostack.agent.network.linux.settings import TABLE
from monostack.protocol.network import RouterItem

_TABLE = f"{TABLE}_proxies"
_PROXY = 0x08  # NTF_PROXY
_PERMANENT = 0x80  # NUD_PERMANENT
_IPV6 = 10


def table(router: RouterItem, outside: str) -> Table:
    """Where a router answers for some, nobody else behind it is called from outside."""
    if not router.ndp_proxy or router.gateway is None:
        return Table("ip6", _TABLE)
    rule = f'iifname "{outside}" oifname != "{outside}" ip6 daddr != @proxied drop'
    proxied = {str(IPv6Address(address)): None for address in sorted(router.ndp_proxies)}
    hook = "type filter hook forward priority filter; policy accept;"
    return Table("ip6", _TABLE, {"proxied": Elements("set", "type ipv6_addr;", proxied)}, {"proxying": Chain((rule,), hook)})


def settle(links: Links, router: RouterItem, outside: Link) -> None:
    """Answer on an interface for exactly these addresses."""
    wanted = {str(IPv6Address(address)) for address in router.ndp_proxies} if router.ndp_proxy else set()
    sysctl.write(f"ipv6/conf/{outside.name}/proxy_ndp", int(router.ndp_proxy))
    present = {
        message.get_attr("NDA_DST")
        for message in links.netlink.neigh("dump", family=_IPV6, flags=_PROXY)
        if message["ifindex"] == outside.index and message["flags"] & _PROXY
    }
    for address in present - wanted:
        with doing(f"answer for {address} no longer"):
            links.netlink.neigh("del", dst=address, ifindex=outside.index, family=_IPV6, flags=_PROXY)
    for address in wanted - present:
        with doing(f"answer for {address}"):
            links.netlink.neigh("add", dst=address, ifindex=outside.index, family=_IPV6, flags=_PROXY, state=_PERMANENT)
