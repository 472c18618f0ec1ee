"""Small disk images of several formats, made byte by byte; media types of requests."""

import struct

OCTETS = {"content-type": "application/octet-stream"}
PATCH = {"content-type": "application/openstack-images-v2.1-json-patch"}
GIB = 1 << 30


def qcow2(virtual_size: int = GIB, *, backing: bytes = b"", data_file: bool = False) -> bytes:
    """A qcow2 file of version 3: header, and nothing in it."""
    offset = 512 if backing else 0
    incompatible = 1 << 2 if data_file else 0
    header = struct.pack(">4sIQIIQIIQQIIQ", b"QFI\xfb", 3, offset, len(backing), 16, virtual_size, 0, 1, 65536, 131072, 1, 0, 196608)
    header += struct.pack(">QQQII", incompatible, 0, 0, 4, 104)
    return header.ljust(512, b"\0") + backing.ljust(65536 * 4, b"\0")


def iso(blocks: int = 20) -> bytes:
    """An ISO 9660 file system of 2 KiB blocks."""
    volume = b"\x01CD001\x01".ljust(80, b"\0") + struct.pack("<I", blocks) + struct.pack(">I", blocks)
    volume = volume.ljust(128, b"\0") + struct.pack("<H", 2048) + struct.pack(">H", 2048)
    return (b"\0" * 32768 + volume.ljust(2048, b"\0")).ljust(blocks * 2048, b"\0")


def vdi(virtual_size: int = GIB) -> bytes:
    header = b"<<< Oracle VM VirtualBox Disk Image >>>\n".ljust(0x40, b"\0") + struct.pack("<I", 0xBEDA107F)
    return (header.ljust(0x170, b"\0") + struct.pack("<Q", virtual_size)).ljust(1024, b"\0")
