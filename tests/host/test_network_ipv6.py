"""IPv6: advertisements of a router, DHCPv6, routing and filters."""

import ipaddress
import secrets
import socket
import struct
import time
from typing import Any

import pytest
from network_lab import PATIENCE, Lab, Node, group, in_namespace, items, lab, network, port, router, rule, unused
from pyroute2 import IPRoute

__all__ = ["lab"]
pytestmark = pytest.mark.host

PREFIX = "2001:db8:1::"


def with_ipv6(mode: str | None, ra_mode: str | None = "same", prefix: str = PREFIX, **changes: Any) -> dict[str, Any]:
    """A network with an IPv4 subnet and an IPv6 one."""
    net = network(**changes)
    net["subnets"].append(
        {
            **net["subnets"][0],
            "id": unused("56"),
            "cidr": f"{prefix}/64",
            "ip_version": 6,
            "gateway_ip": f"{prefix}1",
            "dhcp_ip": f"{prefix}2",
            "dns_nameservers": ["2001:db8::53"],
            "host_routes": [],
            "ipv6_address_mode": mode,
            "ipv6_ra_mode": mode if ra_mode == "same" else ra_mode,
        }
    )
    return net


def dual(net: dict[str, Any], address: str | None, **changes: Any) -> dict[str, Any]:
    made = port(net, "10.10.0.11", **changes)
    if address:
        made["fixed_ips"].append({"subnet_id": net["subnets"][1]["id"], "ip_address": address})
    return made


def advertisement(guest: Node) -> dict[str, Any] | None:
    """What the router advertises when asked (RFC 4861, section 4.2); None when nobody does."""
    with guest.open(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as wire:
        wire.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        wire.settimeout(0.5)
        until = time.monotonic() + 5
        while time.monotonic() < until:
            wire.sendto(bytes([133, 0, 0, 0, 0, 0, 0, 0]), ("ff02::2%eth0", 0))
            try:
                while True:
                    data, _ = wire.recvfrom(2048)
                    if data[0] == 134:
                        return _parse(data)
            except TimeoutError:
                continue
    return None


def _parse(data: bytes) -> dict[str, Any]:
    found: dict[str, Any] = {"managed": bool(data[5] & 0x80), "other": bool(data[5] & 0x40), "lifetime": struct.unpack("!H", data[6:8])[0]}
    options = data[16:]
    while options:
        kind, length = options[0], options[1] * 8
        if kind == 3:
            found["prefix"] = f"{ipaddress.IPv6Address(options[16:32])}/{options[2]}"
            found["autonomous"] = bool(options[3] & 0x40)
        elif kind == 5:
            found["mtu"] = struct.unpack("!I", options[4:8])[0]
        elif kind == 25:
            found["dns"] = str(ipaddress.IPv6Address(options[8:24]))
        options = options[length:]
    return found


@pytest.mark.parametrize(
    ("mode", "managed", "other", "autonomous"),
    [("slaac", False, False, True), ("dhcpv6-stateless", False, True, True), ("dhcpv6-stateful", True, None, False)],
)
def test_the_router_advertises_what_the_subnet_asks(lab: Lab, mode: str, managed: bool, other: bool | None, autonomous: bool) -> None:
    net = with_ipv6(mode)
    made = dual(net, f"{PREFIX}b")
    guest = lab.guest(made)
    lab.apply(items(network=[net], port=[made]))
    assert advertisement(guest) is None, "without a router nobody advertises"
    lab.apply(items(router=[router((net, "10.10.0.1/24"), (net, f"{PREFIX}1/64"))]))
    heard = advertisement(guest)
    assert heard is not None
    assert heard["prefix"] == f"{PREFIX}/64"
    assert heard["lifetime"] > 0
    assert heard["mtu"] == 1450
    assert (heard["managed"], heard["autonomous"]) == (managed, autonomous)
    assert other is None or heard["other"] == other
    if mode == "slaac":
        assert heard["dns"] == "2001:db8::53"
    # The DHCP server next door has the addresses it was given, and makes itself none.
    server = in_namespace(lab.settings.dhcp_namespace(net["id"]), global_addresses)
    assert server == [f"{PREFIX}2"]


def global_addresses() -> list[str]:
    with IPRoute() as netlink:
        return [message.get_attr("IFA_ADDRESS") for message in netlink.addr("dump", family=socket.AF_INET6) if message["scope"] == 0]


def test_a_guest_makes_its_address_and_is_reached(lab: Lab) -> None:
    """SLAAC: the guest's kernel hears the advertisement; its filter knows the address it makes from its MAC."""
    net, everything = with_ipv6("slaac"), group(rule(ethertype="IPv6"), rule())
    other = network("10.20.0.0/24")
    changes = {"id": unused("56"), "cidr": "2001:db8:2::/64", "gateway_ip": "2001:db8:2::1", "dhcp_ip": "2001:db8:2::2"}
    # Nothing is advertised there: the guest has the address it is given, and no other.
    other["subnets"].append({**net["subnets"][1], **changes, "ipv6_address_mode": None, "ipv6_ra_mode": None})
    made = dual(net, None, groups=[everything["id"]])
    own = f"{PREFIX}f816:3eff:fe{made['mac'][9:11]}:{made['mac'][12:14]}{made['mac'][15:17]}"
    made["fixed_ips"].append({"subnet_id": net["subnets"][1]["id"], "ip_address": own})
    far = port(other, "10.20.0.11", groups=[everything["id"]])
    far["fixed_ips"].append({"subnet_id": other["subnets"][1]["id"], "ip_address": "2001:db8:2::b"})
    guest, far_guest = lab.guest(made), lab.guest(far)
    far_guest.address("2001:db8:2::b/64", "2001:db8:2::1")
    ends = router((net, f"{PREFIX}1/64"), (other, "2001:db8:2::1/64"))
    lab.apply(items(network=[net, other], group=[everything], port=[made, far], router=[ends]))
    assert advertisement(guest) is not None
    assert far_guest.pings(str(ipaddress.ip_address(own)))
    with guest.listen(80, "::"):
        assert far_guest.reaches(own, 80)
        lab.apply(items(group=[{**everything, "rules": everything["rules"][:2]}]))
        assert far_guest.is_kept_from(own, 80)


def test_dhcpv6_gives_the_address_at_the_first_question(lab: Lab) -> None:
    net = with_ipv6("dhcpv6-stateful", dns_domain="cloud.test.")
    lab.apply(items(network=[net]))
    for number in range(11, 14):
        made = dual(net, f"{PREFIX}{number}")
        guest = lab.guest(made)
        lab.apply(items(port=[made]))
        told = dhcpv6(guest)
        assert told["address"] == f"{PREFIX}{number}"
        assert told["dns"] == "2001:db8::53"
        assert b"cloud" in told["domain"]
        # The next one gets the same IPv4 address, and a lease is there for it to trip over.
        assert guest.dhcp()["ip"] == "10.10.0.11"
        lab.apply({f"port/{made['id']}": None})
    again = dual(net, f"{PREFIX}11")
    guest = lab.guest(again)
    lab.apply(items(port=[again]))
    assert dhcpv6(guest)["address"] == f"{PREFIX}11", "an address another guest had leased"


def dhcpv6(guest: Node) -> dict[str, Any]:
    """Solicit and request (RFC 8415) as a client that names itself by chance: the server knows it by its MAC only."""
    duid = b"\0\4" + secrets.token_bytes(16)
    own = struct.pack("!HH", 1, len(duid)) + duid + struct.pack("!HHH", 8, 2, 0) + struct.pack("!HHHH", 6, 4, 23, 24)
    with guest.open(socket.AF_INET6, socket.SOCK_DGRAM) as wire:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
        wire.settimeout(PATIENCE)
        bind_when_ready(wire)

        def ask(kind: int, options: bytes) -> dict[int, bytes]:
            transaction = secrets.token_bytes(3)
            wire.sendto(bytes([kind]) + transaction + options, ("ff02::1:2", 547))
            while True:
                answer = wire.recv(2048)
                if answer[1:4] == transaction:
                    return dict(_options(answer[4:]))

        wanted = struct.pack("!HHIII", 3, 12, 1, 0, 0)
        offered = ask(1, own + wanted)
        server = struct.pack("!HH", 2, len(offered[2])) + offered[2]
        given = ask(3, own + server + struct.pack("!HH", 3, len(offered[3])) + offered[3])
    address = dict(_options(given[3][12:]))[5][:16]
    return {"address": str(ipaddress.IPv6Address(address)), "dns": str(ipaddress.IPv6Address(given[23][:16])), "domain": given.get(24, b"")}


def bind_when_ready(wire: socket.socket) -> None:
    """A link-local address takes a moment to be made."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            wire.bind(("::", 546))
            wire.sendto(b"", ("ff02::1", 9))
            return
        except OSError:
            assert time.monotonic() < until
            time.sleep(0.05)


def _options(data: bytes) -> list[tuple[int, bytes]]:
    found = []
    while len(data) >= 4:
        kind, length = struct.unpack("!HH", data[:4])
        found.append((kind, data[4 : 4 + length]))
        data = data[4 + length :]
    return found
