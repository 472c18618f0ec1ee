"""The agent of one host: carries out commands, and tells what it observed."""

import asyncio
import errno
import logging
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from typing import Any

import msgspec

from monostack.agent.consoles import Dial
from monostack.agent.errors import CommandError
from monostack.agent.handlers import HANDLERS, Drivers, Handler
from monostack.agent.locks import NamedLocks
from monostack.core import ids
from monostack.protocol import VERSION, Command, Failure, Hello, NetworkCapacity, Report, Result
from monostack.protocol.guests import GuestState

log = logging.getLogger(__name__)

MAX_PENDING = 1024  # commands taken in, running or waiting for a lock
MAX_RUNNING = 64
MAX_BACKLOG = 1000  # reports kept while nobody listens; older ones are told again by guest.list

Around = Callable[[str, Command], AbstractAsyncContextManager[None]]


class BrokenOff(Exception):
    """A command gave way to another, which is named."""


class Agent:
    """Carries out the commands for `host` with its drivers.

    It knows nothing of the connection: `handle` may be called again with a command whose answer was lost. `around` wraps the
    work of each command (host, command); simulation injects its faults there.
    """

    def __init__(
        self, host: str, drivers: Drivers, *, boot_id: str, around: Around | None = None, capacity: NetworkCapacity | None = None
    ) -> None:
        self.host = host
        self.drivers = drivers
        self.boot_id = boot_id
        self.instance = ids.new_uuid()
        self._around = around
        self._capacity = capacity
        self._locks = NamedLocks()
        self._slots = asyncio.Semaphore(MAX_RUNNING)
        self._running: dict[str, tuple[str, asyncio.Task[Result]]] = {}
        self._giving_way: dict[asyncio.Task[Any], tuple[Handler, str]] = {}  # with what each is about
        self._broken_off: dict[asyncio.Task[Any], str] = {}  # with the command that did it
        self._sink: Callable[[Report], None] | None = None
        self._backlog: deque[Report] = deque(maxlen=MAX_BACKLOG)
        drivers.hypervisor.watch(self._guest_changed)

    async def hello(self) -> Hello:
        """What the agent says first on each connection."""
        kept = self.drivers.block.kept_in
        inventory = msgspec.structs.replace(
            await self.drivers.hypervisor.inventory(), volume_backend=kept.backend, volume_pools=list(kept.pools),
            storage=kept.storage, network=self._capacity,
        )  # fmt: skip
        return Hello(protocol=VERSION, host=self.host, boot_id=self.boot_id, instance=self.instance, inventory=inventory)

    async def handle(self, command: Command) -> Result:
        """Carry out a command, or join the one with the same id that is under way. Never raises for what a command does."""
        name, task = self._running.get(command.id, (command.name, None))
        if name != command.name:
            return _failed(command, "command.id_reused", f"command {command.id} is under way as {name}")
        if task is None:
            if len(self._running) >= MAX_PENDING:
                return _failed(command, "agent.busy", f"host {self.host} has {MAX_PENDING} commands pending", retry=True)
            task = asyncio.create_task(self._run(command), name=f"{command.name} {command.id}")
            self._running[command.id] = (command.name, task)
            task.add_done_callback(lambda _: self._running.pop(command.id, None))
        # The work goes on when the connection that asked for it breaks: whoever asks again joins it.
        return await asyncio.shield(task)

    async def _run(self, command: Command) -> Result:
        handler = HANDLERS.get(command.name)
        if handler is None:
            return _failed(command, "command.unknown", f"host {self.host} does not know the command {command.name}")
        try:
            args = msgspec.convert(command.args, handler.args)
        except msgspec.ValidationError as error:
            return _failed(command, "command.invalid", f"{command.name}: {error}")
        try:
            around = self._around(self.host, command) if self._around else nullcontext()
            locks = handler.locks(args)
            about = locks[0] if locks else ""
            self._break_off(command.name, about)
            with self._breakable(handler, about):
                async with self._locks.hold(locks), self._slots, around:
                    return Result(id=command.id, data=await handler.run(self.drivers, args))
        except BrokenOff as error:
            return _failed(command, "command.overtaken", f"{command.name} was broken off by {error}", retry=True)
        except CommandError as error:
            return _failed(command, error.code, error.message, retry=error.retry)
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            log.warning("%s %s: %s", command.name, command.id, error)
            return _failed(command, "host.disk_full" if full else "host.os_error", f"host {self.host}: {error}")
        except Exception as error:  # a fault in one command must not end the agent of every guest
            log.exception("%s %s failed", command.name, command.id)
            return _failed(command, "agent.internal", f"host {self.host}: {type(error).__name__}: {error}")

    def _break_off(self, command: str, about: str) -> None:
        """Cut off what gives way to this command and is about the same, whether at work or waiting."""
        for task, (handler, other) in self._giving_way.items():
            if command in handler.gives_way and other == about:
                self._broken_off[task] = command
                task.cancel()

    @contextmanager
    def _breakable(self, handler: Handler, about: str) -> Iterator[None]:
        """While a command is at work others may break it off. Raises BrokenOff."""
        task = asyncio.current_task()
        assert task is not None
        if handler.gives_way:
            self._giving_way[task] = handler, about
        try:
            yield
        except asyncio.CancelledError:
            if task in self._broken_off:
                raise BrokenOff(self._broken_off[task]) from None
            raise
        finally:
            self._giving_way.pop(task, None)
            self._broken_off.pop(task, None)

    def subscribe(self, sink: Callable[[Report], None] | None) -> None:
        """Send reports to `sink`, first those kept since nobody listened; None keeps them again."""
        self._sink = sink
        while sink is not None and self._backlog:
            sink(self._backlog.popleft())

    def reach(self, dial: Dial | None) -> None:
        """How to open streams to the controller while it is connected."""
        self.drivers.consoles.reach(dial)

    def report(self, report: Report) -> None:
        """Tell the controller, now or when it listens again."""
        if self._sink is None:
            self._backlog.append(report)
        else:
            self._sink(report)

    def _guest_changed(self, state: GuestState) -> None:
        self.report(Report(kind="guest.lifecycle", data=msgspec.to_builtins(state)))

    async def close(self, grace: float = 5.0) -> None:
        """Give commands under way `grace` seconds, cut off the others, and let go of the drivers. Guests run on."""
        tasks = [task for _, task in self._running.values()]
        if tasks:
            await asyncio.wait(tasks, timeout=grace)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.drivers.consoles.close()
        await self.drivers.hypervisor.close()
        await self.drivers.block.close()
        await self.drivers.network.close()


def _failed(command: Command, code: str, message: str, *, retry: bool = False) -> Result:
    return Result(id=command.id, error=Failure(code=code, message=message, retry=retry))
