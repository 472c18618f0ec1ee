"""A packet in words, its parts spelled as Neutron's log spells them: `ethernet(...)ipv4(...)tcp(...)`."""

import struct
from ipaddress import IPv4Address, IPv6Address
from typing import Any

_ARP, _IPV4, _IPV6 = 0x0806, 0x0800, 0x86DD
_ICMP, _ICMPV6 = 1, 58
_TRANSPORTS = {6: "tcp", 17: "udp", 132: "sctp"}


def describe(protocol: int, header: bytes, payload: bytes) -> str:
    """Of an Ethernet header (may be empty) and what follows it. What is cut off is left out."""
    words = [_part("ethernet", dst=_mac(header[:6]), ethertype=protocol, src=_mac(header[6:12]))] if len(header) >= 12 else []
    if protocol == _IPV4 and len(payload) >= 20:
        words += _ipv4(payload)
    elif protocol == _IPV6 and len(payload) >= 40:
        words += _ipv6(payload)
    elif protocol == _ARP and len(payload) >= 28:
        opcode, src_mac, src_ip, _, dst_ip = struct.unpack_from("!H6s4s6s4s", payload, 6)
        words.append(_part("arp", dst_ip=str(IPv4Address(dst_ip)), opcode=opcode, src_ip=str(IPv4Address(src_ip)), src_mac=_mac(src_mac)))
    return "".join(words)


def _ipv4(payload: bytes) -> list[str]:
    length, fragment = struct.unpack_from("!H2xH", payload, 2)
    ends = {"dst": str(IPv4Address(payload[16:20])), "src": str(IPv4Address(payload[12:16]))}
    words = [_part("ipv4", dst=ends["dst"], proto=payload[9], src=ends["src"], total_length=length, ttl=payload[8])]
    if fragment & 0x1FFF == 0:
        words += _transport(payload[9], payload[(payload[0] & 15) * 4 :])
    return words


def _ipv6(payload: bytes) -> list[str]:
    length, number, hops = struct.unpack_from("!HBB", payload, 4)
    dst, src = str(IPv6Address(payload[24:40])), str(IPv6Address(payload[8:24]))
    return [_part("ipv6", dst=dst, hop_limit=hops, nxt=number, payload_length=length, src=src), *_transport(number, payload[40:])]


def _transport(number: int, payload: bytes) -> list[str]:
    if len(payload) < 4:
        return []
    if number in (_ICMP, _ICMPV6):
        return [_part("icmp" if number == _ICMP else "icmpv6", code=payload[1], type=payload[0])]
    if number in _TRANSPORTS:
        src, dst = struct.unpack_from("!HH", payload)
        return [_part(_TRANSPORTS[number], dst_port=dst, src_port=src)]
    return []


def _part(name: str, **values: Any) -> str:
    return f"{name}({','.join(f'{key}={value!r}' for key, value in values.items())})"


def _mac(octets: bytes) -> str:
    return octets.hex(":")
