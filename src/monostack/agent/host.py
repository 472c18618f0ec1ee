"""A real host: its drivers, put together from the agent's settings."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

import monostack
from monostack.agent.agent import Agent
from monostack.agent.block.file import FileBlock
from monostack.agent.block.images import ImageCache
from monostack.agent.block.outgoing import OutgoingFiles
from monostack.agent.block.pools import Pools
from monostack.agent.config import AgentConfig
from monostack.agent.errors import CommandError
from monostack.agent.handlers import Drivers
from monostack.agent.hypervisor import probe
from monostack.agent.hypervisor.libvirt import LibvirtHypervisor
from monostack.agent.hypervisor.libvirt.daemon import Daemon
from monostack.agent.hypervisor.libvirt.domain_xml import Surroundings
from monostack.agent.hypervisor.libvirt.own_files import GuestFiles
from monostack.agent.metadata import Locate
from monostack.agent.network import Network
from monostack.agent.network.linux import LinuxNetwork, Settings
from monostack.agent.qemu_user import QemuUser
from monostack.protocol import Report
from monostack.protocol.volumes import POOL

POOL_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things are below an agent's state directory."""

    state: Path

    @property
    def images(self) -> Path:
        return self.state / "images"

    @property
    def outgoing(self) -> Path:
        return self.state / "outgoing"

    @property
    def volumes(self) -> Path:
        return self.state / "volumes"

    @property
    def moves(self) -> Path:
        """Which file is the volume while it is brought from one pool to another."""
        return self.state / "moves"

    @property
    def guests(self) -> Path:
        return self.state / "guests"

    @property
    def libvirt(self) -> Path:
        return self.state / "libvirt"

    @property
    def verdict(self) -> Path:
        """What the KVM probe found."""
        return self.state / "accelerator.json"

    @property
    def packets(self) -> Path:
        """What security groups let pass and drop, where that is logged."""
        return self.state / "packets.log"

    def made(self) -> list[Path]:
        """All that an agent makes there."""
        kept = [self.state / name for name in ("snapshots", "backups", "unmanaged", "incoming")]
        logs = [self.packets, self.packets.with_name(self.packets.name + ".1")]
        return [self.images, self.outgoing, self.volumes, self.moves, self.guests, self.libvirt, self.verdict, *logs, *kept]


@dataclass(frozen=True, slots=True)
class RealHost:
    """An agent and those of its parts that somebody else needs too."""

    agent: Agent
    files: GuestFiles
    images: ImageCache
    outgoing: OutgoingFiles
    daemon: Daemon


NetworkMaker = Callable[[Callable[[Report], None]], Network]


async def open_host(config: AgentConfig, make_network: NetworkMaker | None = None) -> RealHost:
    """Get a host ready to take commands: libvirt runs and knows its guests. Raises CommandError, which says what is missing.

    `make_network` gets where to send reports; None: the native Linux network.
    """
    layout = Layout(Path(config.state_dir))
    user = await asyncio.to_thread(_prepare, config, layout)
    images = ImageCache(layout.images, user, Path(config.image_dir) if config.image_dir else None, config.api_ca_file)
    outgoing = OutgoingFiles(layout.outgoing, user)
    pools = Pools(_pools(config, layout), layout.moves)
    files = GuestFiles(layout.guests, images, user)
    accelerator = await _accelerator(config, layout)
    daemon = Daemon(layout.libvirt, user, accelerator, config.vnc_ports)
    around = Surroundings(accelerator, user, config.vnc_listen, home=str(layout.state), version=monostack.__version__)

    # The parts know each other by what they do: each is made before what it calls.
    def volume_path(volume_id: str) -> Path:
        return block.volume_path(volume_id)

    def report(what: Report) -> None:
        agent.report(what)

    hypervisor = LibvirtHypervisor(daemon, config.libvirt_uri, files, around, volume_path, outgoing, config.reserved_memory_mib)
    block = FileBlock(layout.state, user, images, hypervisor, outgoing, pools, config.volume_backend)
    network = make_network(report) if make_network is not None else linux_network(config, report, hypervisor.places)
    boot_id = await asyncio.to_thread(probe.read_boot_id)
    agent = Agent(config.host, Drivers(hypervisor, block, network, outgoing), boot_id=boot_id, capacity=config.network_capacity)
    try:
        await hypervisor.open()
    except BaseException:
        await agent.close()
        raise
    return RealHost(agent, files, images, outgoing, daemon)


def linux_network(config: AgentConfig, report: Callable[[Report], None], locate: Locate | None = None) -> Network:
    """The native network driver with the agent's settings."""
    directory = Path(config.runtime_dir)
    log = config.packet_log
    if log.file is None:
        log = msgspec.structs.replace(log, file=str(Layout(Path(config.state_dir)).packets))
    return LinuxNetwork(Settings(directory, config.external_networks, tuple(config.dns_servers), log), report, locate)


def _pools(config: AgentConfig, layout: Layout) -> dict[str, Path]:
    """The directories that keep volumes. Raises CommandError for a name that cannot be shown as host@pool#pool, or is taken."""
    for name in config.volume_pools:
        if name == POOL or POOL_NAME.fullmatch(name) is None:
            raise CommandError(
                "host.pool_name", f"volume_pools: {name!r} cannot be the name of a pool: choose letters, digits, - and _, not {POOL}"
            )
    return {POOL: layout.volumes, **{name: Path(kept) for name, kept in config.volume_pools.items()}}


def _prepare(config: AgentConfig, layout: Layout) -> QemuUser:
    user = QemuUser.find(config.qemu_user)
    user.let_in(layout.state)
    user.let_in(layout.images)
    return user


async def _accelerator(config: AgentConfig, layout: Layout) -> str:
    if config.accelerator != "auto":
        return config.accelerator
    return (await probe.remembered(layout.verdict)).accelerator
