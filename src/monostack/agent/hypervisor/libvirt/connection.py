"""The connection to libvirtd: made when needed, made again when it broke, used from threads only."""

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from monostack.agent.errors import CommandError, require_uuid
from monostack.agent.hypervisor.libvirt.daemon import SYSTEM_URI, Daemon
from monostack.agent.threads import finished

log = logging.getLogger(__name__)

THREADS = 8
KEEP_ALIVE = (10, 6)  # seconds between probes, and how many may go unanswered

T = TypeVar("T")
DomainEvent = Callable[[str], None]


class Connection:
    """libvirt for the event loop: `call` runs a function with the connection in a thread.

    `uri` None: the system's libvirtd if one answers, else `daemon`, which is then started. `changed` is called on the loop with the id
    of a domain that started or stopped.
    """

    def __init__(self, uri: str | None, daemon: Daemon, changed: DomainEvent) -> None:
        self._uri = uri
        self._daemon = daemon
        self._changed = changed
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="libvirt")
        self._opening = threading.Lock()
        self._connection: Any = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def call(self, function: Callable[..., T], *args: Any) -> T:
        """`function(connection, *args)`, in a thread, to its end. What libvirt reports becomes a CommandError."""
        self._loop = asyncio.get_running_loop()
        return await finished(self._loop.run_in_executor(self._threads, self._with_connection, function, args))

    def _with_connection(self, function: Callable[..., T], args: tuple[Any, ...]) -> T:
        import libvirt

        try:
            return function(self._open(), *args)
        except libvirt.libvirtError as error:
            raise explained(error) from error

    def _open(self) -> Any:
        import libvirt

        with self._opening:
            if self._connection is not None and self._connection.isAlive():
                return self._connection
            _run_events_once()
            if self._connection is not None:
                log.warning("the connection to libvirtd broke")
                self._connection = None
            connection = self._dial()
            connection.setKeepAlive(*KEEP_ALIVE)
            connection.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, self._on_lifecycle, None)
            self._connection = connection
            return connection

    def _dial(self) -> Any:
        import libvirt

        if self._uri is None:
            self._uri = self._daemon.choose_uri(_system_answers)
        if self.is_own:
            self._daemon.start()
        return libvirt.open(self._uri)

    @property
    def is_own(self) -> bool:
        """Whether the daemon in use is the one we start and stop."""
        return self._uri == self._daemon.uri

    def _on_lifecycle(self, connection: Any, domain: Any, event: int, detail: int, opaque: Any) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._changed, domain.UUIDString())

    async def close(self) -> None:
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        import libvirt

        self._threads.shutdown(wait=True)
        if self._connection is not None:
            try:
                self._connection.close()
            except libvirt.libvirtError as error:
                log.info("closing the connection to libvirtd: %s", error)
            self._connection = None


def _system_answers() -> bool:
    import libvirt

    try:
        libvirt.open(SYSTEM_URI).close()
    except libvirt.libvirtError:
        return False
    return True


_events_lock = threading.Lock()
_events_running = False


def _run_events_once() -> None:
    """libvirt wants one event loop for the whole process, in place before the first connection."""
    global _events_running
    import libvirt

    with _events_lock:
        if _events_running:
            return
        libvirt.registerErrorHandler(lambda context, error: None, None)  # errors are raised too: no need to print them
        libvirt.virEventRegisterDefaultImpl()
        threading.Thread(target=_run_events, name="libvirt-events", daemon=True).start()
        _events_running = True


def _run_events() -> None:
    import libvirt

    while True:
        libvirt.virEventRunDefaultImpl()


def explained(error: Any) -> CommandError:
    """A libvirtError as a command's failure."""
    import libvirt

    broken = error.get_error_code() in (libvirt.VIR_ERR_RPC, libvirt.VIR_ERR_INTERNAL_ERROR, libvirt.VIR_ERR_NO_CONNECT) and (
        error.get_error_domain() in (libvirt.VIR_FROM_RPC, libvirt.VIR_FROM_REMOTE)
    )
    if broken:
        return CommandError("hypervisor.unreachable", f"libvirtd does not answer: {error}", retry=True)
    # Of these the cause may be gone the next time: a guest's start that another request spoiled, a lock held for too long.
    passing = error.get_error_code() in (libvirt.VIR_ERR_INTERNAL_ERROR, libvirt.VIR_ERR_OPERATION_TIMEOUT)
    return CommandError("hypervisor.error", f"libvirt: {error}", retry=passing)


def find(connection: Any, server_id: str) -> Any:
    """The domain of a server, or None. Raises CommandError for what is no server's id."""
    import libvirt

    try:
        return connection.lookupByUUIDString(require_uuid(server_id, "server"))
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
            return None
        raise


def get(connection: Any, server_id: str) -> Any:
    """The domain of a server. Raises CommandError when there is none."""
    domain = find(connection, server_id)
    if domain is None:
        raise CommandError("guest.not_found", f"server {server_id} is not on this host")
    return domain


