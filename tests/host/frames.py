"""Packets octet by octet, to be sent as they are."""

import socket
import struct


def checksum(data: bytes) -> int:
    """RFC 1071."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total >> 16) + (total & 0xFFFF)
    return ~total & 0xFFFF


def mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def ether(destination: str, source: str, kind: int, payload: bytes) -> bytes:
    return mac(destination) + mac(source) + struct.pack("!H", kind) + payload


def ipv4(source: str, destination: str, protocol: int, payload: bytes) -> bytes:
    ends = socket.inet_aton(source) + socket.inet_aton(destination)
    head = struct.pack("!BBHHHBBH8s", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0, ends)
    if protocol == 6:
        total = checksum(ends + struct.pack("!HH", 6, len(payload)) + payload)
        payload = payload[:16] + struct.pack("!H", total) + payload[18:]
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def udp(source: int, destination: int, payload: bytes) -> bytes:
    return struct.pack("!HHHH", source, destination, 8 + len(payload), 0) + payload


def tcp_syn(source: int, destination: int) -> bytes:
    """Its checksum is made by `ipv4`, which knows the addresses."""
    return struct.pack("!HHIIBBHHH", source, destination, 1, 0, 5 << 4, 2, 65535, 0, 0)


def icmp(kind: int, code: int) -> bytes:
    body = bytes([kind, code, 0, 0, 1, 2, 0, 1]) + bytes(16)
    return body[:2] + struct.pack("!H", checksum(body)) + body[4:]


def arp(operation: int, sender_mac: str, sender_ip: str, target_ip: str) -> bytes:
    ends = mac(sender_mac) + socket.inet_aton(sender_ip) + bytes(6) + socket.inet_aton(target_ip)
    return struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation) + ends


def icmpv6(source: str, destination: str, kind: int, body: bytes) -> bytes:
    """With its IPv6 header."""
    near, far = socket.inet_pton(socket.AF_INET6, source), socket.inet_pton(socket.AF_INET6, destination)
    message = bytes([kind, 0, 0, 0]) + body
    total = checksum(near + far + struct.pack("!II", len(message), 58) + message)
    message = message[:2] + struct.pack("!H", total) + message[4:]
    return struct.pack("!IHBB", 6 << 28, len(message), 58, 255) + near + far + message
