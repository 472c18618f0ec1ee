"""A whole agent in a process of its own, over mutual TLS: killed in the middle of its work, and removed from the machine.

No network is applied here, so the machine's own stays as it is; and purging leaves it to a network that makes nothing, since the
native one would remove that of another cloud on this machine too.
"""

import asyncio
import random
import signal
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from guest_lab import Surroundings, guest_image, new_directory

from monostack.agent.config import AgentConfig
from monostack.agent.hypervisor.libvirt.places import PLACES
from monostack.agent.network.simulated import SimulatedNetwork
from monostack.agent.offline import power_off, purge
from monostack.agentlink import CommandFailed, Hosts, HostUnreachable
from monostack.agentlink.authority import Authority
from monostack.agentlink.enrolment import Enrolment
from monostack.agentlink.listener import Listener
from monostack.protocol.guests import GuestRef
from monostack.protocol.volumes import CreateVolume, VolumeRef

pytestmark = pytest.mark.host

KILLS = 5  # rounds, of four kills each
PROGRAM = """
import asyncio, logging, sys, msgspec
from pathlib import Path
from monostack.agent.config import AgentConfig
from monostack.agent.main import run
logging.basicConfig(level=logging.INFO, format="%(asctime)s %(process)d %(name)s: %(message)s")
asyncio.run(run(msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=AgentConfig)))
"""


class Controller:
    """The controller's side of one host, and the agent's process."""

    def __init__(self, lab: Surroundings) -> None:
        self.lab = lab
        self.hosts = Hosts()
        self.config: AgentConfig = lab.config
        self._agent: subprocess.Popen[bytes] | None = None

    async def listen(self) -> Listener:
        authority = Authority.open(self.lab.directory / "ca")
        authority.issue_host("node-1", self.lab.directory / "tls")

        async def nobody(hashed: str) -> str | None:
            return None

        async def everybody(host: str) -> bool:
            return True

        listener = Listener(self.hosts, authority, Enrolment(authority, nobody), everybody)
        port = await listener.start("127.0.0.1", 0)
        self.config = msgspec.structs.replace(self.config, controller_url=f"wss://127.0.0.1:{port}")
        return listener

    def start_agent(self) -> None:
        settings = self.lab.directory / "agent.json"
        settings.write_bytes(msgspec.json.encode(self.config))
        with (self.lab.directory / "agent.log").open("ab") as log:
            self._agent = subprocess.Popen([sys.executable, "-c", PROGRAM, str(settings)], stdout=log, stderr=log)

    def end_agent(self, how: signal.Signals) -> int:
        assert self._agent is not None
        self._agent.send_signal(how)
        return self._agent.wait(timeout=60)

    async def call(self, name: str, args: msgspec.Struct | None, command_id: str) -> dict[str, object]:
        """A command, asked again with the same id for as long as the host comes and goes, or says that asking again may help."""
        try:
            async with asyncio.timeout(240):
                while True:
                    try:
                        return await self.hosts.call("node-1", name, args, id=command_id, timeout=200)
                    except HostUnreachable:
                        await asyncio.sleep(0.1)
                    except CommandFailed as failed:
                        if not failed.retry:
                            raise
                        await asyncio.sleep(1)
        except TimeoutError:
            pytest.fail(f"no answer to {name}: {(self.lab.directory / 'agent.log').read_text()[-4000:]}")


@asynccontextmanager
async def controller(directory: Path) -> AsyncIterator[Controller]:
    lab = Surroundings(directory, guest_image())
    made = Controller(lab)
    listener = await made.listen()
    try:
        yield made
    finally:
        await listener.close()
        problems = await purge(made.config, SimulatedNetwork())
        assert problems == []


def test_an_agent_killed_at_any_moment_leaves_nothing_double_or_behind() -> None:
    async def scenario(directory: Path) -> None:
        async with controller(directory) as cloud:
            lab, dice = cloud.lab, random.Random()
            cloud.start_agent()
            await cloud.call("guest.list", None, "warm-up")
            for round_number in range(KILLS):
                spec, volume_id = lab.spec(), str(uuid.uuid4())
                await _with_kill(cloud, dice, "guest.create", spec)
                processes = lab.qemu_processes(spec.server_id)
                assert len(processes) == 1, f"round {round_number}: {processes}"
                await _with_kill(cloud, dice, "volume.create", CreateVolume(volume_id, 1, image=lab.image))
                assert (await cloud.call("guest.list", None, str(uuid.uuid4())))["guests"] == [
                    {"server_id": spec.server_id, "state": "running", "reason": ""}
                ]
                await _with_kill(cloud, dice, "guest.destroy", GuestRef(spec.server_id))
                await _with_kill(cloud, dice, "volume.delete", VolumeRef(volume_id))
                assert lab.qemu_processes(spec.server_id) == []
            assert (await cloud.call("guest.list", None, "end"))["guests"] == []
            cloud.end_agent(signal.SIGKILL)
            cloud.start_agent()  # the next one sweeps what the last left half made
            await cloud.call("guest.list", None, "swept")
            for kept in ("guests", "volumes", "snapshots"):
                assert list((lab.state / kept).iterdir()) == []
            assert [path for path in (lab.state / "images").iterdir() if path.name.startswith(".")] == []
            assert cloud.end_agent(signal.SIGTERM) == 0

    with new_directory() as directory:
        asyncio.run(scenario(directory))


async def _with_kill(cloud: Controller, dice: random.Random, name: str, args: msgspec.Struct) -> None:
    """Ask for a command, kill the agent at a random moment of it, start it again, and wait for the command's success."""
    command_id = str(uuid.uuid4())
    asked = asyncio.create_task(cloud.call(name, args, command_id))
    await asyncio.sleep(dice.random() ** 2 * 0.8)  # most of a creation happens within half a second
    cloud.end_agent(signal.SIGKILL)
    cloud.start_agent()
    await asked


async def _left_as_before(config: AgentConfig, before: dict[Path, bool]) -> bool:
    assert await purge(config, SimulatedNetwork()) == []
    return all(existed or not place.exists() or any(place.glob("*")) for place, existed in before.items())


def test_guests_are_off_after_power_off_and_gone_after_purge() -> None:
    async def scenario(directory: Path) -> None:
        before = {place: place.exists() for place in PLACES.values()}
        async with controller(directory) as cloud:
            lab = cloud.lab
            assert await power_off(cloud.config) == []  # where nothing ever ran
            assert await purge(cloud.config, SimulatedNetwork()) == []
            cloud.start_agent()
            spec = lab.spec()
            await cloud.call("guest.create", spec, "create")
            # A kept mark of the guest's disk: its contents outlive the power.
            root = lab.state / "guests" / spec.server_id / "root.qcow2"
            inode = root.stat().st_ino
            assert cloud.end_agent(signal.SIGTERM) == 0
            assert len(lab.qemu_processes(spec.server_id)) == 1  # guests do not depend on the agent
            assert await power_off(cloud.config, grace=0) == [spec.server_id]
            assert lab.qemu_processes(spec.server_id) == []
            assert lab.daemon.pid() is None
            cloud.start_agent()
            listed = (await cloud.call("guest.list", None, "after"))["guests"]
            assert [(guest["server_id"], guest["state"]) for guest in _guests(listed)] == [(spec.server_id, "stopped")]
            await cloud.call("guest.start", spec, "start")
            assert root.stat().st_ino == inode
            await cloud.call("volume.create", CreateVolume(str(uuid.uuid4()), 1), "volume")
            await cloud.call("volume.create", CreateVolume(str(uuid.uuid4()), 1, pool="slow"), "another")
            (lab.directory / "slow" / "somebody's.qcow2").touch()
            assert len(list((lab.directory / "slow").glob("*.qcow2"))) == 2
            assert cloud.end_agent(signal.SIGTERM) == 0
            assert lab.daemon.pid() is not None
            assert await purge(cloud.config, SimulatedNetwork()) == []
            assert lab.qemu_processes(spec.server_id) == []
            assert lab.daemon.pid() is None
            assert not lab.state.exists(), list(lab.state.iterdir())
            assert [path.name for path in (lab.directory / "slow").iterdir()] == ["somebody's.qcow2"]
            # Directories of libvirt that were not there before are not there after, unless somebody else's are in use. Those of a test
            # beside this one are empty for a moment, and go with the next purge after its daemon.
            for _ in range(600):
                if await _left_as_before(cloud.config, before):
                    break
                await asyncio.sleep(0.2)
            else:
                raise AssertionError("directories of libvirt are left")

    with new_directory() as directory:
        asyncio.run(scenario(directory))


def _guests(listed: object) -> list[dict[str, str]]:
    assert isinstance(listed, list)
    return listed


def test_a_host_without_its_certificate_does_not_connect() -> None:
    async def scenario(directory: Path) -> None:
        async with controller(directory) as cloud:
            (directory / "tls" / "agent.pem").unlink()
            cloud.start_agent()
            await asyncio.sleep(5)
            assert cloud.hosts.connected() == set()
            cloud.end_agent(signal.SIGTERM)

    with new_directory() as directory:
        asyncio.run(scenario(directory))
