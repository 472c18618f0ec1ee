"""Remote consoles: a short-lived token for a guest's screen or serial line, and the WebSocket that is joined to it."""

from monostack.services.compute.consoles.api import PATH, routes
from monostack.services.compute.consoles.page import page
from monostack.services.compute.consoles.socket import ConsoleSocket

__all__ = ["PATH", "ConsoleSocket", "page", "routes"]
