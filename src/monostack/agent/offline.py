"""What is done to a host while no agent runs on it: all guests off, or everything of ours removed."""

import asyncio
import logging
import shutil
from pathlib import Path

from monostack.agent.block.pools import remove_volumes
from monostack.agent.config import AgentConfig
from monostack.agent.errors import CommandError
from monostack.agent.host import Layout, linux_network
from monostack.agent.hypervisor.libvirt import lifecycle
from monostack.agent.hypervisor.libvirt.connection import Connection
from monostack.agent.hypervisor.libvirt.daemon import Daemon
from monostack.agent.network import Network
from monostack.agent.network.linux.host import FAULTS
from monostack.agent.qemu_user import QemuUser

log = logging.getLogger(__name__)

ASK_AGAIN_EVERY = 5.0  # seconds
LOOK_EVERY = 0.3


async def power_off(config: AgentConfig, grace: float = 30.0) -> list[str]:
    """Shut all our guests down, pulling the plug after `grace` seconds, and end our libvirtd. Answers the servers that ran.

    Their disks and definitions stay: the controller starts again those that should run. Raises CommandError.
    """
    layout = Layout(Path(config.state_dir))
    if not await asyncio.to_thread(_ran_here, config, layout):
        return []
    daemon = await asyncio.to_thread(_daemon, config, layout)
    connection = Connection(config.libvirt_uri, daemon, lambda server_id: None)
    try:
        running = await _running(connection, layout)
        loop = asyncio.get_running_loop()
        ends, ask_at, left = loop.time() + grace, loop.time(), running
        while left and loop.time() < ends:
            if loop.time() >= ask_at:
                ask_at = loop.time() + ASK_AGAIN_EVERY
                await asyncio.gather(*(connection.call(lifecycle.press_power_button, server_id) for server_id in left))
            await asyncio.sleep(LOOK_EVERY)
            left = await _running(connection, layout)
        await asyncio.gather(*(connection.call(lifecycle.pull_plug, server_id) for server_id in left))
    finally:
        await connection.close()
    await asyncio.to_thread(daemon.stop)
    return running


async def purge(config: AgentConfig, network: Network | None = None) -> list[str]:
    """Remove everything an agent made on this host: guests, volumes, images, networks. Answers what could not be removed, and why.

    Safe to run again, and where no agent ever ran. `network` None: the native Linux network.
    """
    layout = Layout(Path(config.state_dir))
    problems: list[str] = []
    if await asyncio.to_thread(_ran_here, config, layout):
        try:
            await _remove_guests(config, layout)
        except CommandError as error:
            problems.append(f"guests: {error}")
    network = network if network is not None else linux_network(config, lambda report: None)
    try:
        await network.release()
    except FAULTS as error:
        problems.append(f"network: {error}")
    finally:
        await network.close()
    if not problems:  # files of guests that still run are left alone
        problems += await asyncio.to_thread(_remove_files, config, layout)
    return problems


async def _remove_guests(config: AgentConfig, layout: Layout) -> None:
    daemon = await asyncio.to_thread(_daemon, config, layout)
    connection = Connection(config.libvirt_uri, daemon, lambda server_id: None)
    try:
        for state in await connection.call(lifecycle.all_states, str(layout.state)):
            log.info("removing the guest of server %s", state.server_id)
            await connection.call(lifecycle.remove, state.server_id)
    finally:
        await connection.close()
    await asyncio.to_thread(daemon.remove)


async def _running(connection: Connection, layout: Layout) -> list[str]:
    states = await connection.call(lifecycle.all_states, str(layout.state))
    return [state.server_id for state in states if state.state in ("running", "paused")]


def _ran_here(config: AgentConfig, layout: Layout) -> bool:
    """Whether an agent ever looked for libvirt with this state directory."""
    return config.libvirt_uri is not None or (layout.libvirt / "uri").exists()


def _daemon(config: AgentConfig, layout: Layout) -> Daemon:
    # Hiding KVM or not matters to new guests only, and none is started here.
    return Daemon(layout.libvirt, QemuUser.find(config.qemu_user), "tcg")


def _remove_files(config: AgentConfig, layout: Layout) -> list[str]:
    """Everything below the state directory that an agent makes, and the directory when nothing else is in it; and volumes elsewhere."""
    problems: list[str] = []
    for pool in config.volume_pools.values():
        try:
            remove_volumes(Path(pool))
        except OSError as error:
            problems.append(f"{pool}: {error}")
    for path in layout.made():
        try:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        except OSError as error:
            problems.append(f"{path}: {error}")
    if layout.state.is_dir() and not any(layout.state.iterdir()):
        layout.state.rmdir()
    return problems
