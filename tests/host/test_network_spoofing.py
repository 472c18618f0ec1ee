"""What a guest may claim to be: its own MAC and addresses, and those it is allowed besides."""

import socket
import struct

import pytest
from frames import arp, ether, icmpv6, ipv4, mac, udp
from network_lab import ABSENCE, Lab, Node, group, items, lab, network, port, rule
from pyroute2 import IPRoute

from monostack.protocol.network import bridge_name

__all__ = ["lab"]
pytestmark = pytest.mark.host

A, B = "10.10.0.11", "10.10.0.12"
EVERYTHING = [rule(), rule(ethertype="IPv6")]
FOREIGN = "fa:16:3e:66:66:66"


class Wire:
    """Guest `a` sends frames; what of them reaches guest `b` is heard there."""

    def __init__(self, lab: Lab, **changes: object) -> None:
        net, everything = network(), group(*EVERYTHING)
        self.a_port, self.b_port = (port(net, address, groups=[everything["id"]]) for address in (A, B))
        self.a_port |= changes
        self.a, self.b = lab.guest(self.a_port), lab.guest(self.b_port)
        self.a.address(A + "/24")
        self.b.address(B + "/24")
        lab.apply(items(network=[net], group=[everything], port=[self.a_port, self.b_port]))
        self.mac, self.far = self.a_port["mac"], self.b_port["mac"]

    def arrives(self, frame: bytes, content: bytes | None = None) -> bool:
        """Whether a frame (or its content, in whatever wrapping) reaches the other guest, which hears one sent after it for certain."""
        end = ether(self.far, self.mac, 0x0800, ipv4(A, B, 17, udp(9, 9, b"the end")))
        with self.b.sniffer() as hears:
            hears.settimeout(20)
            self.a.inject(frame)
            self.a.inject(end)
            while True:
                heard = hears.recv(2048)
                if heard == frame or (content is not None and content in heard):
                    return True
                if heard == end:
                    return False


def test_mac_addresses(lab: Lab) -> None:
    wire = Wire(lab)
    payload = ipv4(A, B, 17, udp(1, 2, b"spoof?"))
    assert wire.arrives(ether(wire.far, wire.mac, 0x0800, payload))
    assert not wire.arrives(ether(wire.far, FOREIGN, 0x0800, payload))


def test_what_is_flooded_reaches_its_addressee_only(lab: Lab) -> None:
    wire = Wire(lab)
    payload = ipv4(A, B, 17, udp(1, 2, b"flood?"))
    assert not wire.arrives(ether(FOREIGN, wire.mac, 0x0800, payload)), "the bridge does not know where that is"
    assert wire.arrives(ether("ff:ff:ff:ff:ff:ff", wire.mac, 0x0800, payload))
    assert wire.arrives(ether("01:00:5e:00:00:01", wire.mac, 0x0800, payload))


def test_ip_addresses(lab: Lab) -> None:
    wire = Wire(lab)
    for source in ("10.10.0.99", B, "8.8.8.8", "0.0.0.0"):
        assert not wire.arrives(ether(wire.far, wire.mac, 0x0800, ipv4(source, B, 17, udp(1, 2, b"spoof"))))
    foreign = icmpv6("fe80::1", "ff02::1", 128, b"\0\1\0\1")
    assert not wire.arrives(ether("33:33:00:00:00:01", wire.mac, 0x86DD, foreign))


def test_arp(lab: Lab) -> None:
    wire = Wire(lab)
    everybody = "ff:ff:ff:ff:ff:ff"
    assert wire.arrives(ether(everybody, wire.mac, 0x0806, arp(1, wire.mac, A, B)))
    assert wire.arrives(ether(everybody, wire.mac, 0x0806, arp(1, wire.mac, "0.0.0.0", "10.10.0.50"))), "a probe claims nothing"
    assert not wire.arrives(ether(everybody, wire.mac, 0x0806, arp(2, wire.mac, "10.10.0.1", B))), "the gateway's address"
    assert not wire.arrives(ether(everybody, wire.mac, 0x0806, arp(1, FOREIGN, A, B))), "another MAC inside"
    assert not wire.arrives(ether(everybody, wire.mac, 0x0806, arp(2, wire.mac, "0.0.0.0", B)))


def test_no_other_protocols(lab: Lab) -> None:
    wire = Wire(lab)
    assert not wire.arrives(ether(wire.far, wire.mac, 0x88B5, bytes(46)))
    assert not wire.arrives(ether("01:80:c2:00:00:00", wire.mac, 0x0026, bytes(46)))
    # A VLAN tag hides nothing.
    tagged = struct.pack("!HH", 5, 0x0800) + ipv4("8.8.8.8", B, 17, udp(1, 2, b"tagged"))
    assert not wire.arrives(ether(wire.far, wire.mac, 0x8100, tagged), b"tagged")


def test_a_guest_is_no_dhcp_server_and_no_router(lab: Lab) -> None:
    wire = Wire(lab)
    own = "fe80::" + "f816:3eff:fe" + wire.mac[9:11] + ":" + wire.mac[12:14] + wire.mac[15:17]
    assert not wire.arrives(ether(wire.far, wire.mac, 0x0800, ipv4(A, B, 17, udp(67, 68, b"offer"))))
    advertisement = struct.pack("!BBHII", 64, 0, 1800, 0, 0)
    assert not wire.arrives(ether("33:33:00:00:00:01", wire.mac, 0x86DD, icmpv6(own, "ff02::1", 134, advertisement)))
    solicitation = bytes(4)
    assert wire.arrives(ether("33:33:00:00:00:02", wire.mac, 0x86DD, icmpv6(own, "ff02::2", 133, solicitation)))


def test_neighbour_advertisements_claim_own_addresses_only(lab: Lab) -> None:
    wire = Wire(lab)
    own = "fe80::" + "f816:3eff:fe" + wire.mac[9:11] + ":" + wire.mac[12:14] + wire.mac[15:17]

    def advertises(target: str) -> bool:
        body = b"\x20\0\0\0" + socket.inet_pton(socket.AF_INET6, target) + b"\2\1" + mac(wire.mac)
        return wire.arrives(ether("33:33:00:00:00:01", wire.mac, 0x86DD, icmpv6(own, "ff02::1", 136, body)))

    assert advertises(own)
    assert not advertises("fe80::1")


def test_allowed_address_pairs(lab: Lab) -> None:
    pairs = [{"ip_address": "10.10.0.96/28", "mac_address": FOREIGN}, {"ip_address": "10.10.0.200"}]
    wire = Wire(lab, allowed_pairs=pairs)

    def passes(source_mac: str, source: str) -> bool:
        return wire.arrives(ether(wire.far, source_mac, 0x0800, ipv4(source, B, 17, udp(1, 2, b"pair?"))))

    assert passes(wire.mac, A)
    assert passes(wire.mac, "10.10.0.200")
    assert passes(FOREIGN, "10.10.0.97")
    assert not passes(FOREIGN, A)
    assert not passes(wire.mac, "10.10.0.97")
    assert not passes(FOREIGN, "10.10.0.112")
    everybody = "ff:ff:ff:ff:ff:ff"
    assert wire.arrives(ether(everybody, FOREIGN, 0x0806, arp(2, FOREIGN, "10.10.0.111", B)))
    assert not wire.arrives(ether(everybody, FOREIGN, 0x0806, arp(2, FOREIGN, "10.10.0.1", B)))


def test_without_port_security_a_guest_may_claim_anything(lab: Lab) -> None:
    wire = Wire(lab, port_security=False, groups=[])
    assert wire.arrives(ether(wire.far, FOREIGN, 0x0800, ipv4("8.8.8.8", B, 17, udp(67, 68, b"free"))))
    assert wire.arrives(ether("ff:ff:ff:ff:ff:ff", wire.mac, 0x0806, arp(2, wire.mac, "10.10.0.1", B)))


def test_the_host_is_not_there_for_a_tenant(lab: Lab) -> None:
    """The bridge is the host's, but nothing of the host's may be reached over it."""
    wire = Wire(lab)
    bridge_mac = lab.on_host(lambda: bridge_address(wire.a_port["network_id"]))
    machine = lab.machine("192.0.2.1")
    frame = ether(bridge_mac, wire.mac, 0x0800, ipv4(A, "192.0.2.1", 17, udp(9, 9, b"host?")))
    with machine.listen(9, "192.0.2.1", socket.SOCK_DGRAM) as hears:
        hears.settimeout(ABSENCE)
        wire.a.inject(frame)
        with pytest.raises(TimeoutError):
            hears.recv(16)
    assert not answers_arp(wire.a, wire.mac, "192.0.2.1")


def bridge_address(network_id: str) -> str:
    with IPRoute() as netlink:
        return netlink.link("get", ifname=bridge_name(network_id))[0].get_attr("IFLA_ADDRESS")


def answers_arp(guest: Node, own: str, target: str) -> bool:
    with guest.sniffer(0x0806) as hears:
        hears.settimeout(ABSENCE)
        guest.inject(ether("ff:ff:ff:ff:ff:ff", own, 0x0806, arp(1, own, A, target)))
        try:
            while True:
                heard = hears.recv(2048)
                if heard[20:22] == b"\0\2" and heard[28:32] == socket.inet_aton(target):
                    return True
        except TimeoutError:
            return False
