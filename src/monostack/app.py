"""The composition root: the only module that knows every service."""

import asyncio
import fcntl
import logging
import signal
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from monostack.agent.capacity import network_capacity
from monostack.agentlink import Hosts
from monostack.agentlink.admission import Admission, admit
from monostack.authz.policy import Enforcer
from monostack.cloud import Cloud
from monostack.core.config import Config, public_url
from monostack.core.memory import keep_what_is_loaded
from monostack.db import Database
from monostack.db.migrate import upgrade
from monostack.http.app import HttpApp
from monostack.http.server import HttpServer
from monostack.observe import Observer
from monostack.operations import Engine
from monostack.reconcile import Driver
from monostack.services import compute, identity, image, network, placement, volume
from monostack.services.compute import consoles
from monostack.services.compute.reconcilers import hosts as compute_hosts
from monostack.services.identity.facade import TokenAuthenticator
from monostack.testing.control import control
from monostack.testing.emulator import FaultPlan, attach_hosts

if TYPE_CHECKING:
    from monostack.agentlink.listener import Listener

log = logging.getLogger(__name__)

SERVICES = (identity.SERVICE, placement.SERVICE, image.SERVICE, network.SERVICE, volume.SERVICE, compute.SERVICE)


class App:
    """A cloud in this process. `open` migrates the database and starts everything, `close` stops it in order."""

    def __init__(self, config: Config, *, inline: bool = False, durable: bool = True) -> None:
        self.config = config
        Path(config.state_dir).mkdir(parents=True, exist_ok=True, mode=0o711)  # guests' QEMU enters it
        self.db = Database(config.database.url, inline=inline, synchronous="FULL" if durable else "OFF")
        overrides = Path(config.policy_file) if config.policy_file else None
        self.server = HttpServer(config)
        # A port of 0 is chosen when the socket is bound; the catalog names the one that was.
        self.url = public_url(config, self.server.port) if config.api.port == 0 else config.api.public_url
        self.cloud = Cloud(
            config=config,
            db=self.db,
            hosts=Hosts(),
            services=SERVICES,
            enforcers={s.type: Enforcer(s.type, s.policies, overrides) for s in SERVICES},
        )
        self.cloud.operations = Engine(
            self.db, [w for s in SERVICES for w in s.workflows], self.cloud, lease=config.operations.lease, exclusive=self.db.is_sqlite
        )
        self.cloud.reconcilers = Driver([r for s in SERVICES for r in s.reconcilers], self.cloud)
        self.listener: Listener | None = None
        self.agent_port = 0  # where agents dial in, once it is known
        self.faults = FaultPlan()  # of the simulated hosts
        self.authenticator = TokenAuthenticator(self.cloud)
        observer = Observer(self.cloud)
        emulator = (control(self.faults),) if config.emulator.hosts else ()
        self.http = HttpApp(
            (*SERVICES, *emulator),
            self.db,
            self.authenticator,
            {**self.cloud.enforcers, **{s.type: Enforcer(s.type, ()) for s in emulator}},
            self.cloud,
            public_url=self.url,
            plain={"/healthz": observer.healthz, "/metrics": observer.metrics, f"{consoles.PATH}/vnc_lite.html": consoles.page},
            observe=observer.observe,
            sockets={consoles.PATH: consoles.ConsoleSocket(self.cloud)},
        )

    async def open(self, *, listen: bool = True) -> None:
        """Begin. Without `listen` nobody is let in from outside: requests and hosts are brought by whoever runs the loop (simulation)."""
        await asyncio.to_thread(upgrade, self.config.database.url)
        for service in SERVICES:
            if (bootstrap := service.bootstrap) is not None:
                await self.db.write(lambda tx, bootstrap=bootstrap: bootstrap(tx, self.cloud))
            if service.start is not None:
                service.start(self.cloud)
        await self.cloud.operations.open()
        if self.config.emulator.hosts:
            emulator = self.config.emulator
            capacity = network_capacity(self.config.agent, emulator.nic_kbps)
            await attach_hosts(
                self.cloud.hosts, emulator.hosts, self.faults, backends=emulator.volume_backends, pools=emulator.volume_pools,
                capacity=capacity, snapshot_seconds=emulator.snapshot_seconds,
            )  # fmt: skip
            await self.cloud.reconcilers.run_once(compute_hosts.NAME)  # the first request finds the hosts there
        self.cloud.reconcilers.open()
        if not listen:
            return
        if not self.config.emulator.hosts:
            await self._listen_for_agents()
        await self.server.open(self.http)
        await asyncio.to_thread((Path(self.config.state_dir) / "url").write_text, self.url + "\n")
        log.info("the cloud answers at %s", self.url)

    async def _listen_for_agents(self) -> None:
        """Take in agents. The one beside the controller needs no token: its certificate is put where it looks for it."""
        # TLS and WebSockets take long to load, and the emulator needs neither.
        from monostack.agentlink.authority import Authority
        from monostack.agentlink.enrolment import Enrolment
        from monostack.agentlink.listener import Listener

        directory = Path(self.config.state_dir)
        authority = await asyncio.to_thread(Authority.open, directory / "ca")
        local, name = directory / "agent" / "tls", self.config.agent.host
        if not (local / "agent.pem").exists():
            await asyncio.to_thread(authority.issue_host, name, local)
            await self.db.write(lambda tx: admit(tx, name))
        admission = Admission(self.db)
        self.listener = Listener(self.cloud.hosts, authority, Enrolment(authority, admission.redeem), admission.allowed)
        self.agent_port = await self.listener.start(self.config.agent.listen, self.config.agent.port)

    async def close(self) -> None:
        await self.server.close()
        if self.listener is not None:
            await self.listener.close()
        await self.cloud.hosts.close()
        await self.cloud.reconcilers.close()
        await self.cloud.operations.close()
        await self.db.close()


async def serve(config: Config) -> None:
    """Run the controller until the process is asked to end."""
    lock = await asyncio.to_thread(_lock, Path(config.state_dir))
    app = App(config)
    await app.open()
    keep_what_is_loaded()
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    await ended.wait()
    await app.close()
    lock.close()


def _lock(directory: Path) -> IO[str]:
    """One controller a state directory. Raises SystemExit when another has it."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o711)
    lock = (directory / "server.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SystemExit(f"Another controller runs on {directory}: `monostack status` shows it, `monostack down` ends it.") from None
    return lock


def build(config: Config, **options: Any) -> App:
    return App(config, **options)
