"""Where a guest's screen and serial line can be reached: QEMU's VNC server, and a socket that one viewer at a time has."""

import asyncio
from typing import Any, NamedTuple
from xml.etree import ElementTree

from monostack.agent.errors import CommandError
from monostack.agent.hypervisor.libvirt.connection import get
from monostack.core.streams import SocketStream, Stream


class Place(NamedTuple):
    """An address on this host. The port is -1 while the guest is off; a serial line has a socket and no port."""

    host: str
    port: int
    socket: str | None = None


def find(connection: Any, server_id: str, kind: str) -> Place:
    """Where the console of a kind (vnc, serial) is. Raises CommandError."""
    domain = get(connection, server_id)
    devices = ElementTree.fromstring(domain.XMLDesc())
    if kind == "vnc" and (graphics := devices.find("./devices/graphics[@type='vnc']")) is not None:
        return Place(graphics.get("listen", "127.0.0.1"), int(graphics.get("port", "-1")))
    if kind == "serial" and (source := devices.find("./devices/serial[@type='unix']/source")) is not None:
        return Place("127.0.0.1", 0 if domain.isActive() else -1, source.attrib["path"])
    raise CommandError("console.unavailable", f"the guest of server {server_id} has no {kind} console")


async def connect(place: Place) -> Stream:
    """A viewer's connection. Raises OSError."""
    if place.socket is not None:
        return SocketStream(*await asyncio.open_unix_connection(place.socket))
    return SocketStream(*await asyncio.open_connection(place.host, place.port))
