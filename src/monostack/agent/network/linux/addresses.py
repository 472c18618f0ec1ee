"""Addresses and routes of the namespace the calling thread is in: exactly those wanted, changed only where they differ."""

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Interface, IPv6Interface, ip_address, ip_interface, ip_network
from typing import Any

from pyroute2.netlink.rtnl import rt_scope

from monostack.agent.network.linux.links import Link, Links, doing

_IPV4, _IPV6 = 2, 10
_NODAD = 0x02  # IFA_F_NODAD: an address of ours is nobody else's, and must work at once
_ONLINK = 0x04  # RTNH_F_ONLINK: the nexthop is out there even if no prefix of ours says so
_OURS = 77  # the "protocol" of routes that we made; numbers from 64 on are free for programs (rtnetlink(7): RTPROT_)
_MAIN = 254

Interface = IPv4Interface | IPv6Interface
Hop = tuple[str, int | None]  # an address, and the index of the interface it is at; None: wherever it is


def present(links: Links, link: Link) -> set[Interface]:
    """The addresses of an interface, without those the kernel made from its MAC."""
    found = set()
    for message in links.netlink.addr("dump", index=link.index):
        if message["scope"] == rt_scope["link"] and message["family"] == _IPV6:
            continue
        found.add(ip_interface(f"{message.get_attr('IFA_LOCAL') or message.get_attr('IFA_ADDRESS')}/{message['prefixlen']}"))
    return found


def settle(links: Links, link: Link, wanted: Iterable[str]) -> list[Interface]:
    """Give an interface exactly these addresses ("10.0.0.1/24"). Returns those that are new."""
    goal = [ip_interface(address) for address in wanted]
    known = present(links, link)
    for address in known - set(goal):
        with doing(f"remove address {address} of {link.name}"):
            links.netlink.addr("del", index=link.index, address=str(address.ip), prefixlen=address.network.prefixlen)
    new = [address for address in goal if address not in known]
    for address in new:
        quick: dict[str, Any] = {"flags": _NODAD} if address.version == 6 else {}
        with doing(f"give {link.name} the address {address}"):
            links.netlink.addr("add", index=link.index, address=str(address.ip), prefixlen=address.network.prefixlen, **quick)
    return new


def route(links: Links, wanted: Mapping[str, Sequence[Hop]]) -> None:
    """Have exactly these routes: destination to its next hops, of which each flow takes one.

    Raises LinkError for the first that cannot be made, having tried all.
    """
    goal = {
        str(ip_network(destination, strict=False)): sorted((str(ip_address(hop)), index) for hop, index in hops)
        for destination, hops in wanted.items()
    }
    for destination, hops in _ours(links).items():
        if not _agree(goal.get(destination, ()), hops):
            with doing(f"remove the route to {destination}"):
                links.netlink.route("del", **_message(destination, hops), proto=_OURS)
        else:
            del goal[destination]
    failed: list[Exception] = []
    for destination, hops in goal.items():
        try:
            with doing(f"route {destination} by {', '.join(hop for hop, _ in hops)}"):
                links.netlink.route("replace", **_message(destination, hops), proto=_OURS)
        except RuntimeError as error:
            failed.append(error)
    if failed:
        raise failed[0]


def _agree(wanted: Sequence[Hop], present: Sequence[Hop]) -> bool:
    return len(wanted) == len(present) and all(
        hop == there and index in (None, at) for (hop, index), (there, at) in zip(wanted, present, strict=True)
    )


def _ours(links: Links) -> dict[str, list[Hop]]:
    found: dict[str, list[Hop]] = {}
    for family in (_IPV4, _IPV6):
        for message in links.netlink.route("dump", family=family, table=_MAIN):
            hops = [(hop.get_attr("RTA_GATEWAY"), hop["oif"]) for hop in message.get_attr("RTA_MULTIPATH") or ()]
            if message.get_attr("RTA_GATEWAY") is not None:
                hops = [(message.get_attr("RTA_GATEWAY"), message.get_attr("RTA_OIF"))]
            if message["proto"] != _OURS or not hops:
                continue
            anywhere = "0.0.0.0" if family == _IPV4 else "::"
            destination = f"{message.get_attr('RTA_DST') or anywhere}/{message['dst_len']}"
            found[destination] = sorted(hops)
    return found


def _message(destination: str, hops: Sequence[Hop]) -> dict[str, Any]:
    message: dict[str, Any] = {"dst": destination, "family": _IPV4 if ip_network(destination).version == 4 else _IPV6}
    if len(hops) > 1:
        return {**message, "multipath": [{"gateway": hop, "oif": index, "flags": _ONLINK} for hop, index in hops]}
    hop, index = hops[0]
    message["gateway"] = hop
    if index is not None:
        message |= {"oif": index, "flags": _ONLINK}
    return message
