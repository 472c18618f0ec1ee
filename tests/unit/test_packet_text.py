"""Packets of the kernel's log: read from datagrams, and put into words."""

import struct

import pytest

from monostack.agent.network.linux.nflog import Packet, packets
from monostack.agent.network.linux.packet_text import describe

ETHERNET = bytes.fromhex("fa163e000002fa163e0000010800")
IPV4 = bytes.fromhex("45000054000040003f01000" + "0" + "0a000001" + "0a000002")
IPV6 = bytes.fromhex("60000000" + "0014" + "3a" + "40" + "20010db8" + "0" * 23 + "1" + "20010db8" + "0" * 23 + "2")


def attribute(name: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), name) + value + bytes(-len(value) % 4)


def message(*attributes: bytes, kind: int = 0x400) -> bytes:
    body = bytes(4) + b"".join(attributes)
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 0, 0) + body


def test_a_datagram_brings_several_packets() -> None:
    first = message(attribute(1, b"\x08\x00\x00\x00"), attribute(10, b"DROP x\0"), attribute(16, ETHERNET), attribute(9, IPV4))
    second = message(attribute(1, b"\x86\xdd\x00\x00"), attribute(10, b"ACCEPT y\0"), attribute(9, IPV6))
    found = list(packets(first + second + message(kind=3)))
    assert found == [Packet("DROP x", 0x0800, ETHERNET, IPV4), Packet("ACCEPT y", 0x86DD, b"", IPV6)]
    assert list(packets(first[:10])) == [] == list(packets(bytes(32)))


@pytest.mark.parametrize(
    ("protocol", "header", "payload", "words"),
    [
        (
            0x0800, ETHERNET, IPV4 + b"\x08\x00\x00\x00",
            "ethernet(dst='fa:16:3e:00:00:02',ethertype=2048,src='fa:16:3e:00:00:01')"
            "ipv4(dst='10.0.0.2',proto=1,src='10.0.0.1',total_length=84,ttl=63)icmp(code=0,type=8)",
        ),
        (
            0x86DD, b"", IPV6 + b"\x80\x00\x00\x00",
            "ipv6(dst='2001:db8::2',hop_limit=64,nxt=58,payload_length=20,src='2001:db8::1')icmpv6(code=0,type=128)",
        ),
        (
            0x0800, b"", IPV4[:9] + b"\x11" + IPV4[10:] + b"\x00\x35\x04\x00",
            "ipv4(dst='10.0.0.2',proto=17,src='10.0.0.1',total_length=84,ttl=63)udp(dst_port=1024,src_port=53)",
        ),
        (0x0800, b"", IPV4[:6] + b"\x00\x10" + IPV4[8:] + b"\x08\x00\x00\x00",
         "ipv4(dst='10.0.0.2',proto=1,src='10.0.0.1',total_length=84,ttl=63)"),
        (
            0x0806, b"", bytes.fromhex("0001080006040001" + "fa163e000001" + "0a000001" + "000000000000" + "0a000002"),
            "arp(dst_ip='10.0.0.2',opcode=1,src_ip='10.0.0.1',src_mac='fa:16:3e:00:00:01')",
        ),
        (0x0800, b"", IPV4[:12], ""),
    ],
)  # fmt: skip
def test_a_packet_in_words(protocol: int, header: bytes, payload: bytes, words: str) -> None:
    assert describe(protocol, header, payload) == words
