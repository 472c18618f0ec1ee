"""A real host with libvirt in a directory of its own, a guest image, and what tests ask of them again and again."""

import asyncio
import base64
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

from monostack.agent.config import AgentConfig
from monostack.agent.host import RealHost, open_host
from monostack.agent.hypervisor.libvirt.daemon import Daemon
from monostack.agent.network.simulated import SimulatedNetwork
from monostack.agent.qemu_user import QemuUser
from monostack.protocol import Command, Failure, Report, Result
from monostack.protocol.guests import GuestNic, GuestSpec, GuestVolume, ImageSource, InstanceMetadata, RootDisk, VolumeConnection
from monostack.protocol.network import tap_name

T = TypeVar("T")
ROOT = Path(__file__).parents[2]
# A worker of the tests has its own, as two machines would.
VNC_PORTS = (first := 6000 + 1000 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]), first + 999)
PATIENCE = 240.0  # seconds that a boot may take on a busy machine without KVM

# Tells on the console, whenever it changes, which disks and interfaces the guest sees; writes to the first volume it sees.
REPORTING = """#!/bin/sh
slot() { basename $(dirname $(readlink -f $1/device)); }
(
    last=
    while :; do
        now=$(
            for disk in /sys/block/vd*; do echo "disk ${disk##*/} size $(cat $disk/size) serial $(cat $disk/serial) on $(slot $disk),"; done
            for nic in /sys/class/net/eth*; do echo "nic $(cat $nic/address) mtu $(cat $nic/mtu) on $(slot $nic),"; done
        )
        [ "$now" = "$last" ] || echo "sees:" $now "." > /dev/console
        last=$now
        for disk in /sys/block/vd*; do
            [ -n "$(cat $disk/serial)" ] && [ ! -e /run/written ] || continue
            echo "written by the guest" | dd of=/dev/${disk##*/} bs=512 conv=sync,fsync 2>/dev/null
            : > /run/written
            echo "volume written" > /dev/console
        done
        sleep 0.5
    done
) < /dev/null > /dev/null 2>&1 &
"""


def guest_image() -> Path:
    """The project's guest image, built when it is not there or not of these sources."""
    image = Path(os.environ.get("MONOSTACK_GUEST_IMAGE") or ROOT / "build" / "guest-image" / "monostack-guest.qcow2")
    subprocess.run([ROOT / "deploy" / "guest-image" / "build.sh", image], check=True, timeout=900, stdout=subprocess.DEVNULL)
    return image


class Surroundings:
    """A directory with an image store, descriptions of guests that could run there, and what the machine shows of them."""

    def __init__(self, directory: Path, image: Path) -> None:
        self.directory = directory
        self.state = directory / "state"
        self.store = directory / "store"
        self.store.mkdir(mode=0o700)
        kept = self.store / "image"
        shutil.copyfile(image, kept)
        self.image = self.describe(kept, "qcow2")

    @property
    def config(self) -> AgentConfig:
        tls = str(self.directory / "tls")
        return AgentConfig(
            host="node-1",
            controller_url="wss://127.0.0.1:1",
            state_dir=str(self.state),
            tls_dir=tls,
            image_dir=str(self.store),
            runtime_dir=str(self.directory / "run"),
            vnc_ports=VNC_PORTS,
            volume_pools={"slow": str(self.directory / "slow")},
        )

    @property
    def daemon(self) -> Daemon:
        return Daemon(self.state / "libvirt", QemuUser.find("libvirt-qemu"), "tcg", VNC_PORTS)

    def spec(self, **changes: Any) -> GuestSpec:
        server_id = changes.pop("server_id", str(uuid.uuid4()))
        metadata = InstanceMetadata(
            meta_data={"uuid": server_id, "hostname": "lab-guest.test", "name": "lab-guest", "public_keys": {}},
            network_data={"links": [], "networks": [], "services": []},
            ec2={"instance-id": "i-00000001"},
            user_data=base64.b64encode(REPORTING.encode()).decode(),
        )
        values: dict[str, Any] = {
            "server_id": server_id,
            "name": "instance-" + server_id[:8],
            "hostname": "lab-guest",
            "vcpus": 1,
            "memory_mib": 128,
            "root": RootDisk(self.image, 1),
            "volumes": [],
            "nics": [],
            "config_drive": True,
            "metadata": metadata,
        }
        return GuestSpec(**(values | changes))

    def describe(self, path: Path, disk_format: str) -> ImageSource:
        """A file of the image store as the controller would."""
        with path.open("rb") as file:
            sha512 = hashlib.file_digest(file, "sha512").hexdigest()
        return ImageSource(id=str(uuid.uuid4()), disk_format=disk_format, size=path.stat().st_size, sha512=sha512, path=str(path))

    def qemu_processes(self, server_id: str) -> list[int]:
        """The processes that run a guest."""
        found = []
        for process in Path("/proc").iterdir():
            try:
                if process.name.isdigit() and f"-uuid\0{server_id}\0".encode() in (process / "cmdline").read_bytes():
                    found.append(int(process.name))
            except (FileNotFoundError, ProcessLookupError):
                continue
        return found


class GuestLab(Surroundings):
    """A host whose agent runs on a loop in a thread, so that tests are plain functions."""

    def __init__(self, directory: Path, image: Path) -> None:
        super().__init__(directory, image)
        self.reports: list[Report] = []
        self._taps: list[str] = []
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self.host = self.open()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=600)

    def open(self) -> RealHost:
        """Start an agent; it finds what a former one left."""
        host = self.run(open_host(self.config, lambda report: SimulatedNetwork()))
        host.agent.subscribe(self.reports.append)
        self.host = host
        return host

    def reopen(self) -> None:
        """End the agent and start the next."""
        self.run(self.host.agent.close())
        self.open()

    def close(self) -> None:
        self.run(self.host.agent.close())
        self.daemon.remove()
        for tap in self._taps:
            subprocess.run(["ip", "link", "del", tap], check=False, stderr=subprocess.DEVNULL)
        self._loop.call_soon_threadsafe(self._loop.stop)

    def ask(self, name: str, args: msgspec.Struct | dict[str, Any], command_id: str | None = None) -> Result:
        data = args if isinstance(args, dict) else msgspec.to_builtins(args)
        return self.run(self.host.agent.handle(Command(id=command_id or str(uuid.uuid4()), name=name, args=data, timeout=600)))

    def do(self, name: str, args: msgspec.Struct | dict[str, Any]) -> dict[str, Any]:
        """The data of a command that must succeed."""
        result = self.ask(name, args)
        assert result.error is None, f"{name}: {result.error}"
        assert result.data is not None
        return result.data

    def refuse(self, name: str, args: msgspec.Struct | dict[str, Any]) -> Failure:
        """The failure of a command that must not succeed."""
        error = self.ask(name, args).error
        assert error is not None, f"{name} succeeded"
        return error

    def nic(self) -> GuestNic:
        """A port with its tap, as the network side would have made it."""
        port_id = str(uuid.uuid4())
        tap = tap_name(port_id)
        subprocess.run(["ip", "tuntap", "add", tap, "mode", "tap"], check=True)
        subprocess.run(["ip", "link", "set", tap, "mtu", "1400", "up"], check=True)
        self._taps.append(tap)
        return GuestNic(port_id, "fa:16:3e:" + ":".join(port_id[index : index + 2] for index in (0, 2, 4)), tap, 1400)

    def volume(self, size_gib: int = 1, device: str = "vdd", **source: Any) -> GuestVolume:
        volume_id = str(uuid.uuid4())
        made = self.do("volume.create", {"volume_id": volume_id, "size_gib": size_gib} | source)
        return GuestVolume(volume_id, str(uuid.uuid4()), device, msgspec.convert(made["connection"], VolumeConnection))

    def console(self, server_id: str, lines: int | None = None) -> str:
        return self.do("guest.console_log", {"server_id": server_id, "lines": lines})["output"]

    def wait_console(self, server_id: str, pattern: str, times: int = 1) -> str:
        """The console once `pattern` was written `times` times."""
        return wait_for(lambda: self._console_with(server_id, pattern, times), PATIENCE, lambda: self.console(server_id)[-3000:])

    def _console_with(self, server_id: str, pattern: str, times: int) -> str | None:
        text = self.console(server_id)
        return text if len(re.findall(pattern, text)) >= times else None

    def wait_sees(self, server_id: str, pattern: str) -> str:
        """What the guest last said that it sees, once `pattern` matches it."""

        def look() -> str | None:
            said = re.findall(r"sees: (.*?) \.", self.console(server_id))
            return said[-1] if said and re.search(pattern, said[-1]) else None

        return wait_for(look, PATIENCE, lambda: self.console(server_id)[-3000:])

    def states(self) -> dict[str, tuple[str, str]]:
        return {guest["server_id"]: (guest["state"], guest["reason"]) for guest in self.do("guest.list", {})["guests"]}


def wait_for(look: Callable[[], T | None], seconds: float, otherwise: Callable[[], object] = lambda: "") -> T:
    """What `look` finds, as soon as it finds something. Fails with `otherwise` after `seconds`."""
    ends = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > ends:
            pytest.fail(f"not within {seconds:g} seconds: {otherwise()}")
        time.sleep(0.3)


@contextmanager
def new_directory() -> Iterator[Path]:
    """A directory that guests' QEMU may pass through, which those of pytest are not."""
    directory = Path(tempfile.mkdtemp(prefix="monostack-test-", dir="/var/tmp"))
    directory.chmod(0o711)
    try:
        yield directory
    finally:
        shutil.rmtree(directory)


@contextmanager
def guest_lab() -> Iterator[GuestLab]:
    """A host for the tests of one file."""
    with new_directory() as directory:
        lab = GuestLab(directory, guest_image())
        try:
            yield lab
        finally:
            for server_id in lab.states():
                lab.ask("guest.destroy", {"server_id": server_id})
            lab.close()


@pytest.fixture(scope="module")
def lab() -> Iterator[GuestLab]:
    """A host of a module's own."""
    with guest_lab() as made:
        yield made
