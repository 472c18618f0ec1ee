"""Makes the guests of hosts agree with the servers that are placed there.

A guest no server wants is destroyed. A server that shall run and does not, since its host restarted, is started again. What a guest
did by itself is written down: one that shut down is SHUTOFF, one that crashed too.
"""

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import msgspec
import sqlalchemy as sa

from monostack.agentlink import CommandFailed, CommandTimeout, HostUnreachable
from monostack.core import clock, ids
from monostack.db import Row, Transaction
from monostack.events import record
from monostack.protocol import Hello, Report
from monostack.protocol.guests import GuestRef, GuestState
from monostack.reconcile import Reconciler
from monostack.services.compute.migrations import table as migrations
from monostack.services.compute.servers import history, table
from monostack.services.compute.servers.states import (
    ACTIVE,
    CRASHED,
    PAUSED,
    POWER_OF_GUEST,
    POWER_PAUSED,
    POWERING_ON,
    RUNNING,
    SHUTDOWN,
    STOPPED,
    SUSPENDED,
)
from monostack.services.compute.servers.table import servers

if TYPE_CHECKING:
    from monostack.cloud import Cloud

log = logging.getLogger(__name__)

NAME = "compute_guests"
AT_ONCE = 20  # hosts asked at the same time
FULL_PASS = 300.0  # seconds between two looks at a host that gives no sign of trouble
# Why a guest is not running although nobody asked for that: its host restarted, or lost it.
BY_ACCIDENT = {"host_restart", "unknown", "missing", ""}
# How the guest of a server in each of these states should be found.
_EXPECTED = {ACTIVE: {RUNNING}, PAUSED: {POWER_PAUSED}, STOPPED: {SHUTDOWN, CRASHED}}

_OF_HOST = sa.select(
    servers.c.id, servers.c.project_id, servers.c.vm_state, servers.c.task_state, servers.c.power_state, servers.c.wanted_power,
    servers.c.host, servers.c.launched_at, servers.c.updated_at,
).where(servers.c.host == sa.bindparam("the_host"), servers.c.deleted_at.is_(None))  # fmt: skip


@dataclass(slots=True)
class Attention:
    """Which hosts want to be looked at soon, and when each was last looked at. Lost with the process: then all of them do."""

    soon: set[str] = field(default_factory=set)
    looked: dict[str, float] = field(default_factory=dict)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def due(self, connected: set[str]) -> list[str]:
        now = clock.monotonic()
        old = sorted(host for host in connected - self.soon if now - self.looked.get(host, -FULL_PASS) >= FULL_PASS)
        hosts = sorted(self.soon & connected) + old
        self.soon.clear()
        return hosts


_attention: "WeakKeyDictionary[Any, Attention]" = WeakKeyDictionary()


def attention(cloud: "Cloud") -> Attention:
    """Of this running cloud."""
    return _attention.setdefault(cloud.hosts, Attention())


def listen(cloud: "Cloud") -> None:
    """Look at a host when its agent connects, and write down what agents report."""

    def connected(host: str, hello: Hello) -> None:
        attention(cloud).soon.add(host)
        cloud.reconcilers.signal("compute_hosts")
        cloud.reconcilers.signal(NAME)

    def left(host: str) -> None:
        cloud.reconcilers.signal("compute_hosts")

    def reported(host: str, report: Report) -> None:
        work = None
        if report.kind == "guest.lifecycle":
            work = _look_again(cloud, host, msgspec.convert(report.data, GuestState))
        elif report.kind == "metadata.password":
            work = cloud.db.write(lambda tx: _password(tx, host, report.data))
        if work is not None:
            task = asyncio.get_running_loop().create_task(work, name=f"report of {host}")
            tasks = attention(cloud).tasks
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    cloud.hosts.on_connect.append(connected)
    cloud.hosts.on_disconnect.append(left)
    cloud.hosts.on_report.append(reported)


async def _look_again(cloud: "Cloud", host: str, state: GuestState) -> None:
    """A report may be late: where it differs from what is known, the host is asked how things are now."""
    row = await cloud.db.read(lambda tx: table.get(tx, state.server_id))
    if row is not None and row.host == host and _differs(row, state):
        attention(cloud).soon.add(host)
        cloud.reconcilers.signal(NAME)


async def reconcile_guests(cloud: "Cloud") -> None:
    """Look at the hosts that are due, some at a time."""
    due = attention(cloud).due(cloud.hosts.connected())
    for start in range(0, len(due), AT_ONCE):
        await asyncio.gather(*(_look_at(cloud, host) for host in due[start : start + AT_ONCE]))


async def _look_at(cloud: "Cloud", host: str) -> None:
    try:
        before = {row.id: row for row in await cloud.db.read(lambda tx: tx.rows(_OF_HOST, {"the_host": host}))}
        answer = await cloud.hosts.call(host, "guest.list", None, id=ids.new_uuid(), timeout=30.0)
        guests = {state.server_id: state for state in msgspec.convert(answer["guests"], list[GuestState])}
        # Read after the list: a server that was placed here since has a row, and its guest is no stray.
        here, moving = await cloud.db.read(lambda tx: (tx.rows(_OF_HOST, {"the_host": host}), migrations.at_host(tx, host)))
        rows = {row.id: row for row in here}
        for server_id in sorted(set(guests) - set(rows) - moving):
            log.info("host %s has a guest that no server wants: %s", host, server_id)
            await cloud.hosts.call(host, "guest.destroy", GuestRef(server_id), id=ids.new_uuid(), timeout=60.0)
        attention(cloud).looked[host] = clock.monotonic()
        for server_id, row in before.items():
            if not _differs(row, guests.get(server_id)):
                continue
            state = guests.get(server_id) or GuestState(server_id, "stopped", "missing")
            if not await cloud.db.write(lambda tx, row=row, state=state: _observed(tx, cloud, row, state)):
                attention(cloud).soon.add(host)
                cloud.reconcilers.signal(NAME)
    except (CommandFailed, CommandTimeout, HostUnreachable) as error:
        log.info("could not look at the guests of host %s: %s", host, error)
        attention(cloud).soon.add(host)


def _differs(row: Row, guest: GuestState | None) -> bool:
    if row.task_state is not None or row.launched_at is None or row.vm_state not in _EXPECTED:
        return False
    power = POWER_OF_GUEST.get(guest.state, row.power_state) if guest is not None else SHUTDOWN
    return power not in _EXPECTED[row.vm_state] or power != row.power_state


def _observed(tx: Transaction, cloud: "Cloud", seen: Row, state: GuestState) -> bool:
    """A host said how a guest is, after its server was `seen`. False, and not believed, when something has been done to the server since:
    what the host saw may have been in the middle of that."""
    row = table.get(tx, state.server_id)
    if row is None:
        return True
    if (row.host, row.updated_at) != (seen.host, seen.updated_at):
        return False
    _believe(tx, cloud, row, state)
    return True


def _believe(tx: Transaction, cloud: "Cloud", row: Row, state: GuestState) -> None:
    power = POWER_OF_GUEST.get(state.state, row.power_state)
    if power in (RUNNING, POWER_PAUSED):
        if row.vm_state == STOPPED:
            _act(tx, cloud, row, "stop_server", "stop", "powering-off")  # nobody wants it to run
        elif row.vm_state in (ACTIVE, PAUSED) and power != row.power_state:
            # Somebody at the host paused it, or QEMU for want of disk space: shown, and left to whoever did it.
            table.update(tx, row.id, power_state=power)
        return
    if row.vm_state not in (ACTIVE, PAUSED):
        return
    if row.vm_state == ACTIVE and row.wanted_power and state.reason in BY_ACCIDENT:
        _act(tx, cloud, row, "start_server", "start", POWERING_ON)
        return
    if state.reason == "saved":  # suspending it was broken off for good: its memory is kept, so it can be resumed
        table.update(tx, row.id, vm_state=SUSPENDED, power_state=power, wanted_power=False)
        return
    table.update(tx, row.id, vm_state=STOPPED, power_state=power, wanted_power=False)
    history.start(tx, None, row.id, "stop", [history.event("compute_stop_instance", clock.now().isoformat(), row.host)])
    record(tx, None, "server.stopped", row.id, row.project_id, {"reason": state.reason})


def _act(tx: Transaction, cloud: "Cloud", row: Row, workflow: str, action: str, task_state: str) -> None:
    table.update(tx, row.id, task_state=task_state)
    history.start(tx, None, row.id, action)
    cloud.start(tx, workflow, row.id, history.input_of(row), None, row.project_id)


def _password(tx: Transaction, host: str, data: dict[str, Any]) -> None:
    """A guest left a password for its owner. It may do so once."""
    row = table.get(tx, str(data.get("server_id")))
    if row is not None and row.guest_password is None and len(str(data.get("password", ""))) <= 4096:
        table.update(tx, row.id, guest_password=str(data.get("password", "")))


RECONCILER = Reconciler(NAME, reconcile_guests, every=30.0, delay=0.1)
