"""Delays and faults that simulated hosts show on demand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from fnmatch import fnmatchcase
from typing import Any, Literal

import msgspec

from monostack.agent.errors import CommandError
from monostack.core import ids
from monostack.protocol import Command, Failure


class FaultRule(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What happens to the commands that match. Patterns are those of a shell: `*`, `?`, `[…]`."""

    id: str = msgspec.field(default_factory=ids.new_uuid)
    host: str = "*"
    command: str = "*"  # "guest.create", "volume.*"
    target: str = "*"  # the server's or the volume's id
    delay: float = msgspec.field(default=0.0)  # seconds before anything else
    error: Failure | None = None
    when: Literal["before", "after"] = "before"  # the error strikes before the work, or when it is done
    drop: Literal["request", "answer"] | None = None  # never arrives: the controller sees a time-out
    disconnect: bool = False  # the connection breaks when the command is sent
    times: int | None = None  # how often; None: until the rule is removed

    def __post_init__(self) -> None:
        if not 0 <= self.delay <= 86400:
            raise ValueError(f"delay of {self.delay} seconds is not between 0 and 86400")
        if self.times is not None and self.times < 1:
            raise ValueError(f"times of {self.times} is not at least 1")


class FaultPlan:
    """The rules in force for a set of simulated hosts. The first rule that matches a command and has turns left applies."""

    def __init__(self) -> None:
        self._rules: dict[str, FaultRule] = {}

    def add(self, rule: FaultRule) -> str:
        """Put a rule in force, behind those there are; answers its id, by which it is removed."""
        self._rules[rule.id] = rule
        return rule.id

    def remove(self, rule_id: str) -> bool:
        """False: there is no such rule (any more)."""
        return self._rules.pop(rule_id, None) is not None

    def clear(self) -> None:
        self._rules.clear()

    def rules(self) -> list[FaultRule]:
        """Those with turns left; `times` says how many."""
        return list(self._rules.values())

    def _take(self, host: str, command: Command, *, link: bool) -> FaultRule | None:
        """The rule for a command, one turn used up. `link`: of those that break the connection, else of those that do not."""
        if not self._rules:
            return None
        target = _target(command.args)
        for rule in self._rules.values():
            if (rule.drop is not None or rule.disconnect) is not link:
                continue
            if fnmatchcase(command.name, rule.command) and fnmatchcase(host, rule.host) and fnmatchcase(target, rule.target):
                if rule.times is not None:
                    rule.times -= 1
                    if rule.times == 0:
                        del self._rules[rule.id]
                return rule
        return None

    @asynccontextmanager
    async def around(self, host: str, command: Command) -> AsyncIterator[None]:
        """The work of a command, with what the plan does to it."""
        rule = self._take(host, command, link=False)
        if rule is not None:
            await asyncio.sleep(rule.delay)
            if rule.error is not None and rule.when == "before":
                raise _failure(rule.error)
        yield
        if rule is not None and rule.error is not None:
            raise _failure(rule.error)

    async def on_the_way(self, host: str, command: Command) -> Literal["request", "answer", "disconnect"] | None:
        """What happens to a command between controller and host: lost, its answer lost, or the connection broken."""
        rule = self._take(host, command, link=True)
        if rule is None:
            return None
        await asyncio.sleep(rule.delay)
        return "disconnect" if rule.disconnect else rule.drop


def _failure(error: Failure) -> CommandError:
    return CommandError(error.code, error.message, retry=error.retry)


def _target(args: dict[str, Any]) -> str:
    spec = args.get("spec")
    found = args.get("server_id") or args.get("volume_id") or (spec.get("server_id") if isinstance(spec, dict) else None)
    return found if isinstance(found, str) else ""


class GuestFaults(msgspec.Struct, kw_only=True):
    """What a simulated guest does by itself, from `GuestSpec.faults`. Values may be strings: they come from server metadata."""

    boot_delay: float = 0.0  # seconds until it runs
    stop_delay: float = 0.0  # seconds it takes to shut down by itself; longer than it is given: the plug is pulled
    fail: str = ""  # verbs that fail, with commas between: create, start, stop, reboot, destroy, attach_volume, detach_volume, …
    message: str = "asked for by the server's metadata"
    times: int | None = None  # how often they fail; None: always
    crash_after: float | None = None  # seconds after it runs
    shutdown_after: float | None = None  # seconds after it runs

    @classmethod
    def read(cls, values: dict[str, Any]) -> "GuestFaults":
        """Raises CommandError when a value is not what it should be."""
        try:
            return msgspec.convert(values, cls, strict=False)
        except msgspec.ValidationError as error:
            raise CommandError("command.invalid", f"faults of the guest: {error}") from None

    def strike(self, verb: str) -> None:
        """Raises CommandError when `verb` is to fail."""
        if verb not in self.fail.replace(" ", "").split(",") or self.times == 0:
            return
        if self.times is not None:
            self.times -= 1
        raise CommandError(f"guest.{verb}_failed", f"{verb} failed: {self.message}")
