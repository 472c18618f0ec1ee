"""Network interfaces over netlink, of one namespace: looked at first, changed only where they differ."""

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from monostack.agent.network.linux import namespaces, sysctl

_UP = 1
_FORWARDING = 3  # BR_STATE_FORWARDING
_CARRYING_SECONDS = 2.0  # the kernel takes a millisecond, but gathers some changes for a second
MARK = "monostack"  # how an alias of ours begins: it tells our interfaces from others', whatever their names


class LinkError(RuntimeError):
    """The kernel refused a change of an interface, an address or a route."""


@dataclass(frozen=True, slots=True)
class Link:
    """An interface as the kernel has it. Bridges know which of their packets netfilter sees, VLANs their tag and what they are of."""

    index: int
    name: str
    kind: str | None
    up: bool
    mtu: int
    mac: str
    master: int
    alias: str
    filtered: bool
    below: int  # index; 0: nothing
    vlan: int | None

    @property
    def ours(self) -> bool:
        return self.alias.startswith(MARK)


def explain(error: NetlinkError, what: str) -> LinkError:
    return LinkError(f"cannot {what}: {os.strerror(error.code)}")


@contextmanager
def doing(what: str) -> Iterator[None]:
    """Word the errors of the block: `doing("add bridge x")`. Raises LinkError."""
    try:
        yield
    except NetlinkError as error:
        raise explain(error, what) from error


class Links:
    """The interfaces of the namespace it was opened in. Not for several threads."""

    def __init__(self) -> None:
        self.netlink = IPRoute()

    def close(self) -> None:
        self.netlink.close()

    def __enter__(self) -> "Links":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def all(self) -> list[Link]:
        return [_link(message) for message in self.netlink.link("dump")]

    def find(self, name: str) -> Link | None:
        try:
            (message,) = self.netlink.link("get", ifname=name)
        except NetlinkError as error:
            if error.code == errno.ENODEV:
                return None
            raise explain(error, f"look at {name}") from error
        return _link(message)

    def get(self, name: str) -> Link:
        """Raises LinkError when there is none."""
        found = self.find(name)
        if found is None:
            raise LinkError(f"interface {name} is gone")
        return found

    def add(self, name: str, kind: str, **attributes: Any) -> None:
        with doing(f"make interface {name}"):
            self.netlink.link("add", ifname=name, kind=kind, **attributes)

    def set(self, link: Link, **wanted: Any) -> None:
        """Change what differs. `up` is a bool, `master` an index (0: none); the others are as in Link."""
        changes = {key: value for key, value in wanted.items() if getattr(link, key) != value}
        if not changes:
            return
        message: dict[str, Any] = {key: changes[key] for key in ("mtu", "master") if key in changes}
        if "up" in changes:
            message["state"] = "up" if changes["up"] else "down"
        if "alias" in changes:
            message["ifalias"] = changes["alias"]
        if "mac" in changes:
            message["address"] = changes["mac"]
        if "filtered" in changes:
            value = int(changes["filtered"])
            message |= {"kind": "bridge", "br_nf_call_iptables": value, "br_nf_call_ip6tables": value}
        with doing(f"set {', '.join(changes)} of interface {link.name}"):
            self.netlink.link("set", index=link.index, **message)

    def await_carrying(self, name: str) -> None:
        """Wait until the bridge of a cable that was just laid forwards its packets: it learns of the carrier by and by.

        Not for ever: a cable whose other end is down carries nothing.
        """
        until = time.monotonic() + _CARRYING_SECONDS
        while time.monotonic() < until:
            (message,) = self.netlink.link("get", ifname=name)
            info = message.get_attr("IFLA_LINKINFO")
            data = info.get_attr("IFLA_INFO_SLAVE_DATA") if info else None
            if data is None or data.get_attr("IFLA_BRPORT_STATE") == _FORWARDING:
                return
            time.sleep(0.002)

    def delete(self, name: str) -> None:
        """Nothing happens when there is none."""
        try:
            self.netlink.link("del", ifname=name)
        except NetlinkError as error:
            if error.code != errno.ENODEV:
                raise explain(error, f"remove interface {name}") from error


def _link(message: Any) -> Link:
    info = message.get_attr("IFLA_LINKINFO")
    kind = info.get_attr("IFLA_INFO_KIND") if info else None
    data = info.get_attr("IFLA_INFO_DATA") if info and kind in ("bridge", "vlan") else None
    return Link(
        index=message["index"],
        name=message.get_attr("IFLA_IFNAME"),
        kind=kind,
        up=bool(message["flags"] & _UP),
        mtu=message.get_attr("IFLA_MTU"),
        mac=message.get_attr("IFLA_ADDRESS") or "",
        master=message.get_attr("IFLA_MASTER") or 0,
        alias=message.get_attr("IFLA_IFALIAS") or "",
        below=message.get_attr("IFLA_LINK") or 0,
        vlan=data.get_attr("IFLA_VLAN_ID") if data and kind == "vlan" else None,
        filtered=bool(
            kind == "bridge" and data and data.get_attr("IFLA_BR_NF_CALL_IPTABLES") and data.get_attr("IFLA_BR_NF_CALL_IP6TABLES")
        ),
    )


def plug(host: Links, outside: str, bridge: Link, namespace: str, inside: str, *, mac: str, mtu: int, alias: str) -> bool:
    """A cable from a bridge of the host into a namespace. Returns whether it was laid now.

    The end inside is left down, for its addresses and settings to be made first.
    """
    outer = host.find(outside)
    if outer is not None and not _arrives(namespace, inside):
        host.delete(outside)
        outer = None
    laid = outer is None
    if laid:
        descriptor = os.open(namespaces.DIRECTORY / namespace, os.O_RDONLY | os.O_CLOEXEC)
        try:
            peer = {"ifname": inside, "address": mac, "mtu": mtu, "net_ns_fd": descriptor}
            host.add(outside, "veth", mtu=mtu, peer=peer)
        finally:
            os.close(descriptor)
        sysctl.silence_ipv6(outside)
    host.set(host.get(outside), master=bridge.index, mtu=mtu, alias=alias, up=True)
    return laid


def _arrives(namespace: str, inside: str) -> bool:
    with namespaces.entered(namespace), Links() as links:
        return links.find(inside) is not None
