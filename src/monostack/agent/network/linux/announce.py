"""Telling the neighbours that an address is here now (gratuitous ARP, RFC 5944 section 4.6; RFC 4861 section 7.2.6 for IPv6)."""

import socket
import struct
from collections.abc import Iterable
from ipaddress import IPv4Address

_BROADCAST = b"\xff" * 6
_ARP = 0x0806


def announce(interface: str, mac: str, addresses: Iterable[IPv4Address]) -> None:
    """Broadcast that each address is at `mac`, as a request and as a reply: some neighbours heed only one of them.

    Runs in the namespace of the interface, which must be up. Raises OSError.
    """
    own = bytes.fromhex(mac.replace(":", ""))
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ARP)) as wire:
        wire.bind((interface, 0))
        for address in addresses:
            for operation, target in ((1, bytes(6)), (2, own)):
                arp = struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, operation, own, address.packed, target, address.packed)
                wire.send(_BROADCAST + own + struct.pack("!H", _ARP) + arp)
