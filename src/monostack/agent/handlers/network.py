"""Command `network.apply`: see protocol.network."""

from typing import Any

import msgspec

from monostack.agent.handlers.handler import Drivers, Handler
from monostack.protocol.network import Apply


async def apply(drivers: Drivers, args: Apply) -> dict[str, Any]:
    return msgspec.to_builtins(await drivers.network.apply(args))


# One at a time: items refer to each other, and a full application must not overtake a change.
HANDLERS = {"network.apply": Handler(Apply, apply, lambda args: ("network",))}
