"""/os-services: what runs where, under Cinder's names. Each agent keeps volumes (a cinder-volume for each back end) and backs them up
(cinder-backup); each controller chooses where volumes go (cinder-scheduler).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from monostack.core import clock
from monostack.core.errors import NotFound
from monostack.db import Row, Transaction
from monostack.events import record
from monostack.http import Request, Routes
from monostack.http.answers import FLAG, NULL, TEXT, Record, envelope, many, maybe, optional, since
from monostack.services.compute import facade as compute
from monostack.services.volume.hosts.switches import BACKUP, switch, switches
from monostack.services.volume.hosts.table import BACKENDS, find, set_backend
from monostack.services.volume.parameters import HOST, TEXT_OR_NULL
from monostack.services.volume.volumes.table import service_name
from monostack.services.volume.words import ZONE, invalid_input

SCHEDULER, VOLUME = "cinder-scheduler", "cinder-volume"
routes = Routes("/v3/os-services")
_NAME = {"type": "string", "minLength": 1, "maxLength": 255}
SWITCH = {
    "type": "object",
    "properties": {"binary": _NAME, "host": HOST, "cluster": TEXT_OR_NULL, "service": _NAME},
    "anyOf": [{"required": ["binary"]}, {"required": ["service"]}],
    "additionalProperties": False,
}
DISABLE = {**SWITCH, "properties": {**SWITCH["properties"], "disabled_reason": _NAME}}


@dataclass(frozen=True, slots=True)
class VolumeService:
    """One service. `host` as it is shown; `keeper` the row of the back end, for cinder-volume alone."""

    binary: str
    host: str
    up: bool
    updated_at: str  # the last sign of life, or when it was switched if that is later
    disabled: bool
    disabled_reason: str | None
    keeper: Row | None = None


def seen(request: Request, row: Row) -> tuple[bool, Any]:
    """Is the agent of a back end connected, and when was it last?"""
    up = request.cloud.hosts.hello(row.host) is not None
    return up, clock.now().isoformat(timespec="microseconds") if up else row.left_at or row.created_at


def services(request: Request, tx: Transaction) -> Iterator[VolumeService]:
    """All of them: of the controllers first, then of each host."""
    found = switches(tx)

    def switched(binary: str, host: str, up: bool, last: str) -> VolumeService:
        row = found.get((binary, host))
        if row is None:
            return VolumeService(binary, host, up, last, False, None)
        return VolumeService(binary, host, up, max(last, row.updated_at), row.disabled, row.disabled_reason)

    for controller in compute.controllers(tx):
        yield switched(SCHEDULER, controller.name, controller.up, controller.seen_at)
    for host, rows in groupby(tx.rows(BACKENDS), lambda row: str(row.host)):
        backends = list(rows)
        for row in backends:
            up, last = seen(request, row)
            yield VolumeService(VOLUME, service_name(row), up, max(last, row.updated_at or ""), row.disabled, row.disabled_reason, row)
        yield switched(BACKUP, host, *seen(request, backends[0]))


def _view(request: Request, one: VolumeService) -> dict[str, Any]:
    shown = {
        "binary": one.binary, "host": one.host, "zone": ZONE, "status": "disabled" if one.disabled else "enabled",
        "state": "up" if one.up else "down", "updated_at": one.updated_at, "disabled_reason": one.disabled_reason,
    }  # fmt: skip
    if one.keeper is not None:
        shown |= {"replication_status": "disabled", "active_backend_id": None, "frozen": one.keeper.frozen}
    if request.at_least(3, 7):
        shown["cluster"] = None
    if request.at_least(3, 49) and one.keeper is not None:
        shown["backend_state"] = shown["state"]
    return shown


_SERVICE = Record(
    "Service",
    {
        "binary": TEXT, "host": TEXT, "zone": TEXT, "status": TEXT, "state": TEXT, "updated_at": maybe(TEXT),
        "disabled_reason": maybe(TEXT), "replication_status": optional(TEXT), "active_backend_id": optional(NULL),
        "frozen": optional(FLAG), "cluster": since((3, 7), NULL),
        "backend_state": since((3, 49), TEXT, optional=True),
    },
)  # fmt: skip
_SWITCHED = Record(
    "SwitchedService",
    {"host": TEXT, "service": TEXT, "binary": TEXT, "disabled": FLAG, "status": TEXT, "disabled_reason": optional(maybe(TEXT))},
)


@routes.get("", policy="volume_extension:services:index", enforce=True, answer=envelope("services", many(_SERVICE)))
def list_services(request: Request, tx: Transaction) -> dict[str, Any]:
    """List the services. By `host` also all of a host that is named without its back end."""
    host, binary = request.query_map.get("host"), request.query_map.get("binary")
    found = (one for one in services(request, tx) if host in (None, one.host, one.host.partition("@")[0]) and binary in (None, one.binary))
    return {"services": [_view(request, one) for one in found]}


def _switch(request: Request, tx: Transaction, disabled: bool, reason: str | None) -> dict[str, Any]:
    body = request.body
    if not body.get("host"):
        raise invalid_input("Host field is missing.")
    binary, now = body.get("binary") or body.get("service", ""), clock.now()
    if binary == VOLUME and (row := find(tx, body["host"])) is not None:
        set_backend(tx, row.host, row.pool, disabled=disabled, disabled_reason=reason, updated_at=now)
    elif binary != VOLUME and any((one.binary, one.host) == (binary, body["host"]) for one in services(request, tx)):
        switch(tx, binary, body["host"], disabled, reason, now)
    else:
        raise NotFound(f"Service {binary} could not be found on host {body['host']}.", kind="ServiceNotFound")
    verb = "volume_service.disable" if disabled else "volume_service.enable"
    record(tx, request, verb, body["host"], None, {"host": body["host"], "binary": binary})
    answer = {"host": body["host"], "service": body.get("service", ""), "binary": body.get("binary", "")}
    return {**answer, "status": "disabled" if disabled else "enabled", "disabled": disabled}


@routes.put("/enable", policy="volume_extension:services:update", body=SWITCH, enforce=True, answer=_SWITCHED)
def enable(request: Request, tx: Transaction) -> dict[str, Any]:
    """Let a back end take new volumes, or a host make backups. Of a scheduler it is but noted, as with Cinder."""
    return _switch(request, tx, False, None)


@routes.put("/disable", policy="volume_extension:services:update", body=SWITCH, enforce=True, answer=_SWITCHED)
def disable(request: Request, tx: Transaction) -> dict[str, Any]:
    """Give a back end no new volumes, or have a host do nothing with backups. What it has stays as it is."""
    return _switch(request, tx, True, None)


@routes.put("/disable-log-reason", policy="volume_extension:services:update", body=DISABLE, enforce=True, answer=_SWITCHED)
def disable_with_reason(request: Request, tx: Transaction) -> dict[str, Any]:
    """The same, and say why."""
    reason = request.body.get("disabled_reason")
    return {**_switch(request, tx, True, reason), "disabled_reason": reason}
