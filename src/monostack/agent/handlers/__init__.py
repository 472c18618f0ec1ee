"""The commands an agent understands: one file a concern, one entry a command."""

from monostack.agent.handlers import guests, images, logs, network, volumes
from monostack.agent.handlers.handler import Drivers, Handler

HANDLERS: dict[str, Handler] = {**guests.HANDLERS, **volumes.HANDLERS, **images.HANDLERS, **network.HANDLERS, **logs.HANDLERS}

__all__ = ["HANDLERS", "Drivers", "Handler"]
