"""The driver as the agent sees it: hands kernel work to its thread, and serves metadata on the agent's loop."""

import asyncio
import logging
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

from monostack.agent.errors import CommandError
from monostack.agent.metadata import Listener, Locate, MetadataService, Source
from monostack.agent.network.linux import namespaces, nflog, packet_logs, requirements
from monostack.agent.network.linux.host import FAULTS, HostNetwork, Outcome
from monostack.agent.network.linux.lookup import Lookup
from monostack.agent.network.linux.packet_log import PacketLogFile
from monostack.agent.network.linux.settings import METADATA_ADDRESS, METADATA_PORT, Settings
from monostack.protocol import Report
from monostack.protocol.network import Applied, Apply

log = logging.getLogger(__name__)

T = TypeVar("T")
_BACKLOG = 64


class _Open(NamedTuple):
    identity: int
    networks: tuple[str, ...]
    listener: Listener


class LinuxNetwork:
    """Network driver of a real host (see Network). Needs root; its methods raise CommandError where the host cannot make networks.

    All kernel work is done in one thread of its own: a network namespace is a thread's, and order matters. `report` takes what
    guests tell through the metadata service, `locate` says where they have their devices.
    """

    def __init__(self, settings: Settings, report: Callable[[Report], None], locate: Locate | None = None) -> None:
        self._settings = settings
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="network", initializer=self._enter)
        self._host: HostNetwork | None = None
        self._service = MetadataService(report, locate)
        self._lookup = Lookup()
        self._listeners: dict[str, _Open] = {}
        self._packets = PacketLogFile(settings.packet_log_file, settings.packet_log.max_bytes)
        self._lock = asyncio.Lock()
        self._watching: asyncio.Task[None] | None = None

    def _enter(self) -> None:
        if self._settings.host_namespace:
            namespaces.enter_for_good(self._settings.host_namespace)

    async def _run(self, work: Callable[[HostNetwork], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._worker, self._do, work)

    def _do(self, work: Callable[[HostNetwork], T]) -> T:
        if self._host is None:
            if lacking := requirements.missing():
                told = "; ".join(f"{one.name}: {one.explanation} ({one.remedy})" for one in lacking)
                raise CommandError("host.network_unsupported", f"this host cannot make networks: {told}")
            self._host = HostNetwork(self._settings)
        return work(self._host)

    async def apply(self, changes: Apply) -> Applied:
        """See Network.apply."""
        async with self._lock:
            outcome = await self._run(lambda host: host.apply(changes))
            self._lookup = outcome.lookup
            self._service.keep(set(outcome.lookup.metadata))
            await self._listen(outcome)
            await self._log_packets(outcome.logged)
            if self._watching is None:
                self._watching = asyncio.create_task(self._watch(), name="network watch")
            return Applied(errors=outcome.errors)

    async def _listen(self, outcome: Outcome) -> None:
        """Have a metadata listener in each namespace that guests come in at."""
        identities = await self._run(lambda _: {name: namespaces.identity(name) for name in outcome.listeners})
        for name, open_one in [*self._listeners.items()]:
            if open_one.identity != identities.get(name) or open_one.networks != outcome.listeners[name]:
                del self._listeners[name]
                await open_one.listener.close()
        for name, networks in outcome.listeners.items():
            if name in self._listeners:
                continue
            try:
                listening = await self._run(lambda _, name=name: _bind(name))
            except FAULTS as fault:
                log.warning("no metadata service in %s: %s", name, fault)
                outcome.errors.update({f"network/{network}": f"metadata service: {fault}" for network in networks})
                continue
            listener = Listener(self._service, lambda address, networks=networks: self._find(networks, address))
            await listener.start(listening)
            self._listeners[name] = _Open(identities[name] or 0, networks, listener)

    async def _log_packets(self, known: dict[str, str]) -> None:
        try:
            await self._packets.follow(known, lambda: self._run(lambda _: nflog.listen(packet_logs.GROUP, packet_logs.HEADERS)))
        except OSError as fault:
            log.warning("no packets are logged: %s", fault)

    def _find(self, networks: tuple[str, ...], address: str) -> Source | None:
        return self._lookup.find(networks, address)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._settings.watch_interval)
            try:
                async with self._lock:
                    await self._run(lambda host: host.watch())
            except Exception:  # whatever it was, the next look is due
                log.exception("cannot look after the network")

    async def release(self) -> None:
        """See Network.release."""
        async with self._lock:
            await self._silence()
            await self._run(lambda host: host.release())

    async def _silence(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
            self._watching = None
        self._lookup = Lookup()
        await self._packets.close()
        for open_one in self._listeners.values():
            await open_one.listener.close()
        self._listeners.clear()

    async def close(self) -> None:
        """See Network.close."""
        await self._silence()
        if self._host is not None:
            await self._run(lambda host: host.close())
        self._worker.shutdown()


def _bind(namespace: str) -> socket.socket:
    with namespaces.entered(namespace):
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((METADATA_ADDRESS, METADATA_PORT))
            listening.listen(_BACKLOG)
            listening.setblocking(False)
        except OSError:
            listening.close()
            raise
        return listening
