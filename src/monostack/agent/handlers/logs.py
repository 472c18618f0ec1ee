"""Commands `log.*`: see protocol.logs."""

from typing import Any

from monostack.agent.handlers.handler import Drivers, Handler
from monostack.core import logs
from monostack.protocol.logs import LoggerLevel, Loggers


async def levels(drivers: Drivers, args: Loggers) -> dict[str, Any]:
    return {"levels": logs.levels(args.prefix)}


async def set_level(drivers: Drivers, args: LoggerLevel) -> dict[str, Any]:
    logs.set_level(args.prefix, args.level)
    return {}


HANDLERS = {"log.levels": Handler(Loggers, levels), "log.set_level": Handler(LoggerLevel, set_level)}
