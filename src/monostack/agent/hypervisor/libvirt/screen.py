"""Where the screen of a guest is shown: QEMU's VNC server on this host."""

import asyncio
from typing import Any
from xml.etree import ElementTree

from monostack.agent.errors import CommandError
from monostack.agent.hypervisor.libvirt.connection import get
from monostack.core.streams import SocketStream, Stream


def address(connection: Any, server_id: str) -> tuple[str, int]:
    """Address and port; the port is -1 while the guest is off. Raises CommandError."""
    graphics = ElementTree.fromstring(get(connection, server_id).XMLDesc()).find("./devices/graphics[@type='vnc']")
    if graphics is None:
        raise CommandError("console.unavailable", f"the guest of server {server_id} has no VNC screen")
    return graphics.get("listen", "127.0.0.1"), int(graphics.get("port", "-1"))


async def connect(host: str, port: int) -> Stream:
    """A viewer's connection to a screen. Raises OSError."""
    return SocketStream(*await asyncio.open_connection(host, port))
