"""One connection of one host: the commands sent over it that wait for their answer."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from monostack.protocol import Command, Hello, Result

MAX_PENDING = 1000  # commands of one host that wait for an answer


class HostUnreachable(Exception):
    """There is no connection to the host, or it broke. `sent`: the command may have been carried out all the same."""

    def __init__(self, host: str, *, sent: bool = False) -> None:
        super().__init__(f"the connection to host {host} broke" if sent else f"host {host} is not connected")
        self.host = host
        self.sent = sent


class CommandFailed(Exception):
    """The agent answered that it could not. See protocol.Failure."""

    def __init__(self, code: str, message: str, *, retry: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retry = retry


class CommandTimeout(Exception):
    """No answer in time. The command may have been carried out, or may still be."""

    def __init__(self, host: str, command: Command) -> None:
        super().__init__(f"host {host} did not answer {command.name} within {command.timeout:g} seconds")
        self.host = host
        self.command = command.name


@dataclass(slots=True)
class _Waiting:
    """A command that was sent, and how many callers wait for its answer."""

    answer: asyncio.Future[Result]
    callers: int = 0


class Session:
    """Sends commands over one connection and hands each answer to whoever waits for it."""

    def __init__(
        self,
        hello: Hello,
        send: Callable[[Command], Awaitable[None]],
        hang_up: Callable[[], None] | None = None,
        address: str = "127.0.0.1",
    ) -> None:
        self.host = hello.host
        self.address = address  # where the agent dialled from
        self.hello = hello
        self._send = send
        self._hang_up = hang_up
        self._pending: dict[str, _Waiting] = {}
        self._lost = False

    async def call(self, command: Command) -> dict[str, Any]:
        """The data of the answer. A second call with an id that is waiting gets the same answer, without being sent again.

        Raises CommandFailed, CommandTimeout, HostUnreachable.
        """
        if self._lost:
            raise HostUnreachable(self.host)
        waiting = self._pending.get(command.id)
        new = waiting is None
        if waiting is None:
            if len(self._pending) >= MAX_PENDING:
                raise CommandFailed("host.busy", f"host {self.host} has {MAX_PENDING} commands pending", retry=True)
            waiting = self._pending[command.id] = _Waiting(asyncio.get_running_loop().create_future())
        waiting.callers += 1
        try:
            async with asyncio.timeout(command.timeout):
                if new:
                    await self._send(command)
                result = await asyncio.shield(waiting.answer)
        except TimeoutError:
            raise CommandTimeout(self.host, command) from None
        finally:
            waiting.callers -= 1
            if waiting.callers == 0 and self._pending.get(command.id) is waiting:
                del self._pending[command.id]
        if result.error is not None:
            raise CommandFailed(result.error.code, result.error.message, retry=result.error.retry)
        return result.data if result.data is not None else {}

    def answered(self, result: Result) -> None:
        """An answer nobody waits for (any more) is dropped: the command is asked again, or observed."""
        waiting = self._pending.get(result.id)
        if waiting is not None and not waiting.answer.done():
            waiting.answer.set_result(result)

    def lost(self) -> None:
        """The connection broke, or is given up: everybody who waits is told."""
        if self._lost:
            return
        self._lost = True
        if self._hang_up is not None:
            self._hang_up()
        for waiting in self._pending.values():
            if not waiting.answer.done():
                waiting.answer.set_exception(HostUnreachable(self.host, sent=True))
                waiting.answer.exception()  # seen: it is no error when nobody waits any more
