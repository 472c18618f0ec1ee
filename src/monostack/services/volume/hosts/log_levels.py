"""What the services write down of themselves (3.32): of this controller's own process, and of the agents that are connected to it.

A level holds until the process ends, as with Cinder.
"""

import asyncio
import socket
from collections.abc import Sequence
from typing import Any

import msgspec

from monostack.agentlink import CommandFailed, CommandTimeout, HostUnreachable
from monostack.core import ids, logs
from monostack.http import Request, Response, Routes
from monostack.http.answers import NOTHING, TEXT, Record, envelope, many, mapping
from monostack.http.schema import add_format
from monostack.protocol.logs import LoggerLevel, Loggers
from monostack.services.volume.dialect import accepted
from monostack.services.volume.hosts.services import SCHEDULER, VOLUME, VolumeService, services
from monostack.services.volume.hosts.switches import BACKUP
from monostack.services.volume.parameters import TEXT_OR_NULL, Refusal, fields
from monostack.services.volume.words import invalid_input

SINCE = (3, 32)
UPDATE = "volume_extension:services:update"
API = "cinder-api"
BINARIES = (SCHEDULER, VOLUME, BACKUP, API)
LEVELS = ("INFO", "WARNING", "ERROR", "DEBUG")
AT_ONCE, WITHIN = 50, 30.0  # hosts asked at a time, and seconds for each


def _level(value: Any) -> bool:
    if not isinstance(value, str | None):
        return True
    if (value or "").upper() not in LEVELS:
        raise Refusal(f"Invalid input received: {value or ''} is not a valid log level.")
    return True


add_format("volume-log-level", _level, Refusal)
_WHICH = {"binary": {"type": "string", "enum": [*BINARIES, "", "*"]}, "server": TEXT_OR_NULL, "prefix": TEXT_OR_NULL}
_SET = fields(**_WHICH, level={"type": ["string", "null"], "format": "volume-log-level"})
_LEVELS = Record("LogLevels", {"host": TEXT, "binary": TEXT, "levels": mapping(TEXT)})
routes = Routes("/v3/os-services")


async def _chosen(request: Request) -> list[VolumeService]:
    """The services that a body means and that can be reached, the API first. A server is named with its back end or without."""
    binary, server, here = request.body.get("binary") or "*", request.body.get("server"), socket.gethostname()
    found = await request.db.read(lambda tx: list(services(request, tx)))
    reached = [one for one in found if one.up and (one.binary != SCHEDULER or one.host == here)]
    mine = VolumeService(API, here, True, "", False, None)
    return [
        one for one in (mine, *reached) if binary in ("*", one.binary) and (not server or server in (one.host, one.host.partition("@")[0]))
    ]


async def _ask(request: Request, chosen: Sequence[VolumeService], command: str, args: msgspec.Struct) -> dict[str, dict[str, Any]]:
    """What the agents of the chosen services answer, by host. One that goes away meanwhile is left out."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(host: str) -> tuple[str, dict[str, Any]] | None:
        async with turns:
            try:
                return host, await request.cloud.hosts.call(host, command, args, id=ids.new_uuid(), timeout=WITHIN)
            except (CommandFailed, CommandTimeout, HostUnreachable):
                return None

    hosts = sorted({each.host.partition("@")[0] for each in chosen if each.binary in (VOLUME, BACKUP)})
    return dict(answer for answer in await asyncio.gather(*map(one, hosts)) if answer is not None)


@routes.put("/get-log", mode="async", since=SINCE, policy=UPDATE, body=fields(**_WHICH), enforce=True,
            answer=envelope("log_levels", many(_LEVELS)))  # fmt: skip
async def get_levels(request: Request) -> dict[str, Any]:
    """List the levels of the loggers whose names begin with `prefix`."""
    prefix, chosen = request.body.get("prefix") or "", await _chosen(request)
    answers = await _ask(request, chosen, "log.levels", Loggers(prefix))
    shown = []
    for one in chosen:
        own = {"levels": logs.levels(prefix)} if one.binary in (API, SCHEDULER) else None
        said = own or answers.get(one.host.partition("@")[0])
        if said is not None:
            shown.append({"host": one.host, "binary": one.binary, "levels": said["levels"]})
    return {"log_levels": shown}


@routes.put("/set-log", mode="async", since=SINCE, policy=UPDATE, body=_SET, enforce=True, status=202, answer=NOTHING)
async def set_levels(request: Request) -> Response:
    """Set the level of the loggers whose names begin with `prefix`."""
    prefix, given = request.body.get("prefix") or "", request.body.get("level")
    if not given:
        raise invalid_input(" is not a valid log level.")
    chosen = await _chosen(request)
    if any(one.binary in (API, SCHEDULER) for one in chosen):
        logs.set_level(prefix, given.upper())
    await _ask(request, chosen, "log.set_level", LoggerLevel(prefix, given.upper()))
    return accepted()
