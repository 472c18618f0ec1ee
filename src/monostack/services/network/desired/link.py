"""The way to one connected host: sends what is in its outbox, one command at a time, and hears what came of it."""

import asyncio
import logging
from typing import Any

import msgspec

from monostack.agentlink import CommandFailed, CommandTimeout, HostUnreachable
from monostack.core import ids
from monostack.protocol.network import Applied, Apply
from monostack.services.network.desired import statuses
from monostack.services.network.desired.plan import HostPlan, Key

log = logging.getLogger(__name__)

TIMEOUT = 120.0  # seconds for one command; a large host's whole state is one
RETRY_LEAST, RETRY_MOST = 0.5, 30.0  # seconds


class HostLink:
    """`errors`: what the host could not make, by key, with the cause. It is sent again after a while, and with every change of it."""

    def __init__(self, cloud: Any, plan: HostPlan) -> None:
        self.cloud = cloud
        self.plan = plan
        self.errors: dict[Key, str] = {}
        self._full = True
        self._asked = 0
        self._served = 0
        self._wake = asyncio.Event()
        self._round = asyncio.Condition()
        self._closed = False
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"network:{plan.name}")
        self._wake.set()

    def close(self) -> None:
        """The host is gone."""
        self._closed = True
        self._task.cancel()
        self._waiters_task = asyncio.get_running_loop().create_task(self._tell_waiters())

    async def _tell_waiters(self) -> None:
        async with self._round:
            self._round.notify_all()

    def wake(self) -> None:
        """There may be something in the outbox."""
        if self.plan.outbox or self._full:
            self._wake.set()

    async def flushed(self) -> dict[Key, str]:
        """Wait until everything in the outbox now has been applied; gives the errors. Raises HostUnreachable."""
        self._asked += 1
        mine = self._asked
        self._wake.set()
        async with self._round:
            await self._round.wait_for(lambda: self._served >= mine or self._closed)
        if self._closed:
            raise HostUnreachable(self.plan.name, sent=True)
        return self.errors

    async def _run(self) -> None:
        pause = RETRY_LEAST
        while True:
            await self._wait()
            asked = self._asked
            outbox, self.plan.outbox = self.plan.outbox, {}
            full = self._full
            if outbox or full:
                try:
                    await self._apply(outbox, full)
                    self._full, pause = False, RETRY_LEAST
                except (CommandFailed, CommandTimeout, HostUnreachable) as error:
                    log.warning("the network of host %s is not up to date: %s; trying again in %g s", self.plan.name, error, pause)
                    self.plan.outbox = {**outbox, **self.plan.outbox}
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, RETRY_MOST)
                    self._wake.set()
                    continue
            async with self._round:
                self._served = asked
                self._round.notify_all()

    async def _wait(self) -> None:
        await self._wake.wait()
        self._wake.clear()

    async def _apply(self, outbox: dict[Key, Any], full: bool) -> None:
        if full:  # whatever was to go goes because it is not named
            outbox = {key: item for key, item in outbox.items() if item is not None}
        named = {f"{kind}/{id}": msgspec.to_builtins(item) if item is not None else None for (kind, id), item in outbox.items()}
        answer = await self.cloud.hosts.call(
            self.plan.name, "network.apply", Apply(items=named, full=full), id=f"network:{ids.new_uuid()}", timeout=TIMEOUT
        )
        failed = {_key(name): reason for name, reason in msgspec.convert(answer, Applied).errors.items()}
        for key in outbox:
            self.errors.pop(key, None)
        self.errors.update(failed)
        for key in failed:
            self.plan.wanted.pop(key, None)  # so that it is sent again when it is put again
        done = [key for key, item in outbox.items() if item is not None and key not in failed and self._is_news(key, item)]
        told = {key: reason for key, reason in failed.items() if self._is_ours(key, outbox.get(key))}
        await statuses.applied(self.cloud.db, self.plan.name, done, told)
        for kind, id in done:
            if kind == "port":
                self.plan.taps[id] = "ACTIVE"

    def _is_ours(self, key: Key, item: Any) -> bool:
        """Is it this host whose word counts?"""
        if key[0] == "port":
            return key[1] in self.plan.taps
        return key[0] != "network" or bool(getattr(item, "serves_dhcp", False))

    def _is_news(self, key: Key, item: Any) -> bool:
        """Does it change a status? Ports that are up already are up."""
        return self._is_ours(key, item) and not (key[0] == "port" and self.plan.taps[key[1]] == "ACTIVE" and item.admin_up)


def _key(name: str) -> Key:
    kind, _, id = name.partition("/")
    return kind, id
