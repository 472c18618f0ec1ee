"""Packets that rules hand to a group of the kernel's log (NFLOG), heard over netlink."""

import errno
import socket
import struct
from collections.abc import Iterator
from typing import NamedTuple

LARGEST = 1 << 17  # octets of one datagram, which brings many packets
_NETFILTER = 12  # NETLINK_NETFILTER
_ROOM = 1 << 20  # octets of datagrams that wait to be read
_PACKET, _CONFIG = 4 << 8, 4 << 8 | 1  # NFNL_SUBSYS_ULOG with NFULNL_MSG_PACKET, NFULNL_MSG_CONFIG
_ERROR = 2  # NLMSG_ERROR, which is also how the kernel says that nothing is wrong
_REQUEST_ACK = 0x1 | 0x4
_COMMAND, _MODE, _BIND, _COPY_PACKET = 1, 2, 1, 2
_PROTOCOL, _PAYLOAD, _PREFIX, _HEADER = 1, 9, 10, 16  # NFULA_PACKET_HDR and so on
_NAME = struct.Struct("=HH")


class Packet(NamedTuple):
    """What a rule said and the packet it said it of: its Ethernet header (none: the host sent it itself) and what follows that."""

    prefix: str
    protocol: int  # as in the Ethernet header
    header: bytes
    payload: bytes


def listen(group: int, most: int) -> socket.socket:
    """Hear a group of the namespace the thread is in, at most so many octets of a packet. Raises OSError."""
    wire = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETFILTER)
    try:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ROOM)
        wire.bind((0, 0))
        _configure(wire, group, struct.pack("=HHBxxx", 5, _COMMAND, _BIND))
        _configure(wire, group, struct.pack("=HH", 10, _MODE) + struct.pack("!IBxxx", most, _COPY_PACKET))
        wire.setblocking(False)
    except OSError:
        wire.close()
        raise
    return wire


def _configure(wire: socket.socket, group: int, attribute: bytes) -> None:
    body = struct.pack("!BBH", 0, 0, group) + attribute
    wire.send(struct.pack("=IHHII", 16 + len(body), _CONFIG, _REQUEST_ACK, 0, 0) + body)
    answer = wire.recv(LARGEST)
    kind, code = struct.unpack_from("=H", answer, 4)[0], struct.unpack_from("=i", answer, 16)[0]
    if kind != _ERROR or code != 0:
        number = -code if kind == _ERROR else errno.EPROTO
        raise OSError(number, f"the kernel's log: {errno.errorcode.get(number, number)}")


def packets(datagram: bytes) -> Iterator[Packet]:
    """The packets of what was received."""
    at = 0
    while at + 16 <= len(datagram):
        length, kind = struct.unpack_from("=IH", datagram, at)
        if length < 16:
            return
        if kind == _PACKET:
            yield _packet(datagram[at + 20 : at + length])
        at += length + 3 & ~3


def _packet(attributes: bytes) -> Packet:
    found: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(attributes):
        length, name = _NAME.unpack_from(attributes, at)
        if length < 4:
            break
        found[name] = attributes[at + 4 : at + length]
        at += length + 3 & ~3
    protocol = int.from_bytes(found.get(_PROTOCOL, b"")[:2], "big")
    text = found.get(_PREFIX, b"").rstrip(b"\0").decode(errors="replace")
    return Packet(text, protocol, found.get(_HEADER, b""), found.get(_PAYLOAD, b""))
