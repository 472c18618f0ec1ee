"""Guests without a computer: every state and rule of a real hypervisor, none of its weight."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from monostack.agent.block.simulated import GIB, SimulatedOutgoing, SimulatedStorage
from monostack.agent.errors import CommandError
from monostack.agent.hypervisor.simulated_consoles import SimulatedConsoles
from monostack.agent.network.simulated import SimulatedNetwork
from monostack.agent.simulation import GuestFaults
from monostack.core.streams import Stream
from monostack.protocol.envelope import Inventory
from monostack.protocol.guests import (
    CpuUse,
    Diagnostics,
    DiskUse,
    GuestDevices,
    GuestNic,
    GuestNode,
    GuestSpec,
    GuestState,
    GuestVolume,
    NicUse,
    RescueGuest,
    VolumeKey,
)
from monostack.protocol.network import tap_name


@dataclass(slots=True)
class SimulatedGuest:
    """One guest: as little as tells its state, since there may be many thousands."""

    name: str
    hostname: str
    root_size: int  # bytes; 0: it boots from a volume
    ephemeral: list[int]  # GiB of each
    swap: int  # MiB
    faults: GuestFaults
    state: str = "stopped"
    reason: str = ""
    boots: int = 0
    vcpus: int = 1
    memory: int = 0  # MiB
    interrupts: int = 0  # that were not maskable
    keeps: bool = False  # copies of its disks are on the storage, and are its own
    rescue: str | None = None  # the image it was booted from to be rescued
    volumes: dict[str, str] = field(default_factory=dict)  # device by volume id
    nics: dict[str, str] = field(default_factory=dict)  # MAC by port id
    tpms: dict[str, str] = field(default_factory=dict)  # what opens the state of its TPM, by version
    tpm: str = ""  # the version that it has
    numa_nodes: list[GuestNode] = field(default_factory=list[GuestNode])
    devices: GuestDevices = field(default_factory=GuestDevices)
    mischief: asyncio.TimerHandle | None = None  # stops it without being asked

    @property
    def is_on(self) -> bool:
        return self.state in ("running", "paused")

    def define(self, spec: GuestSpec) -> None:
        """What it has from its next start on."""
        self.volumes = {volume.volume_id: volume.device for volume in spec.volumes}
        self.nics = {nic.port_id: nic.mac for nic in spec.nics}
        self.vcpus, self.memory = spec.vcpus, spec.memory_mib
        self.numa_nodes = spec.numa_nodes
        self.tpm = spec.tpm.version if spec.tpm is not None else ""
        self.devices = spec.devices

    def keep_present_tpm(self) -> None:
        self.tpms = {version: passphrase for version, passphrase in self.tpms.items() if version == self.tpm}


class SimulatedHypervisor:
    """Hypervisor driver of a simulated host. What a real host refuses (no such tap, volume, guest) is refused here too."""

    def __init__(
        self, inventory: Inventory, network: SimulatedNetwork, storage: SimulatedStorage, outgoing: SimulatedOutgoing,
        *, snapshot_seconds: float = 0,
    ) -> None:  # fmt: skip
        self._inventory = inventory
        self._snapshot_seconds = snapshot_seconds
        self._network = network
        self._storage = storage
        self._outgoing = outgoing
        self._seen: Callable[[GuestState], None] = lambda state: None
        self._consoles = SimulatedConsoles()
        self.known: dict[str, SimulatedGuest] = {}  # by server id

    async def inventory(self) -> Inventory:
        return self._inventory

    async def create(self, spec: GuestSpec) -> None:
        guest = self.known.get(spec.server_id)
        if guest is None:
            taken = next((server for server, other in self.known.items() if other.name == spec.name), None)
            if taken is not None:
                raise CommandError("guest.name_taken", f"server {taken} is the guest {spec.name} already")
            guest = self.known[spec.server_id] = _guest_of(spec)
        # What fails here leaves a stopped guest behind, as a domain that was defined and did not start.
        guest.faults.strike("create")
        await self._boot(guest, spec)

    async def start(self, spec: GuestSpec) -> None:
        guest = self._guest(spec.server_id)
        guest.faults.strike("start")
        await self._boot(guest, spec)

    async def _boot(self, guest: SimulatedGuest, spec: GuestSpec) -> None:
        if guest.is_on:
            return
        for nic in spec.nics:
            self._require_tap(nic)
        for volume in spec.volumes:
            self._open(volume, spec.server_id)
        if spec.tpm is not None and guest.tpms.setdefault(spec.tpm.version, spec.tpm.passphrase) != spec.tpm.passphrase:
            raise CommandError("guest.tpm_key", f"the TPM of server {spec.server_id} does not open with the key {spec.tpm.id}")
        guest.define(spec)
        if guest.faults.boot_delay:
            await asyncio.sleep(guest.faults.boot_delay)
        guest.state, guest.reason = "running", ""
        guest.boots += 1
        self._consoles.switch_on(spec.server_id)
        self._plan_mischief(spec.server_id, guest)

    async def stop(self, server_id: str, grace: float) -> None:
        guest = self._guest(server_id)
        guest.faults.strike("stop")
        await self._halt(server_id, guest, grace)

    async def _halt(self, server_id: str, guest: SimulatedGuest, grace: float) -> None:
        if guest.is_on:
            delay = min(guest.faults.stop_delay, grace)
            if delay:
                await asyncio.sleep(delay)
            self._off(server_id, guest, "stopped", "destroyed")

    async def reboot(self, spec: GuestSpec, hard: bool, grace: float) -> None:
        guest = self._guest(spec.server_id)
        guest.faults.strike("reboot")
        await self._halt(spec.server_id, guest, 0 if hard else grace)
        await self._boot(guest, spec)

    async def pause(self, server_id: str) -> None:
        guest = self._running(server_id)
        guest.faults.strike("pause")
        guest.state = "paused"

    async def unpause(self, server_id: str) -> None:
        guest = self._running(server_id)
        guest.faults.strike("unpause")
        guest.state = "running"

    async def suspend(self, server_id: str) -> None:
        if self._guest(server_id).reason == "saved":
            return
        guest = self._running(server_id)
        guest.faults.strike("suspend")
        self._off(server_id, guest, "stopped", "saved")

    async def resume(self, spec: GuestSpec) -> None:
        guest = self._guest(spec.server_id)
        guest.faults.strike("resume")
        saved = guest.reason == "saved"
        await self._boot(guest, spec)
        if saved:
            guest.boots -= 1  # it goes on where it stood

    async def rescue(self, request: RescueGuest) -> None:
        spec = request.spec
        guest = self._guest(spec.server_id)
        guest.faults.strike("rescue")
        if guest.is_on and guest.rescue is not None:
            return
        await self._halt(spec.server_id, guest, request.timeout)
        guest.rescue = request.image.id
        await self._boot(guest, spec if request.stable else msgspec.structs.replace(spec, volumes=[]))

    async def unrescue(self, spec: GuestSpec, start: bool) -> None:
        guest = self._guest(spec.server_id)
        guest.faults.strike("unrescue")
        if guest.rescue is not None:
            self._off(spec.server_id, guest, "stopped", "destroyed")
            guest.rescue = None
        if start:
            await self._boot(guest, spec)
        elif not guest.is_on:
            guest.define(spec)

    async def keep(self, server_id: str) -> None:
        guest = self._off_guest(server_id)
        guest.faults.strike("keep")
        self._storage.kept.setdefault(server_id, guest.root_size)
        self._storage.kept_tpms[server_id] = dict(guest.tpms)
        guest.keeps = True

    async def resize(self, spec: GuestSpec) -> None:
        kept = self._storage.kept.get(spec.server_id)
        if kept is None:
            raise CommandError("guest.not_kept", f"no disks of server {spec.server_id} are kept")
        guest = self.known.get(spec.server_id)
        if guest is None:
            guest = self.known[spec.server_id] = _guest_of(spec)
            guest.tpms = {version: key for version, key in self._storage.kept_tpms[spec.server_id].items() if version == guest.tpm}
        self._off_guest(spec.server_id).faults.strike("resize")
        size = _root_size(spec)
        if size < kept:
            raise CommandError("guest.disk_shrink", f"the root disk of server {spec.server_id} has {kept} bytes, {size} are too few")
        guest.root_size, guest.ephemeral, guest.swap = size, spec.ephemeral_gib, spec.swap_mib
        guest.define(spec)

    async def restore(self, spec: GuestSpec) -> None:
        guest = self._guest(spec.server_id)
        guest.faults.strike("restore")
        if guest.is_on:
            self._off(spec.server_id, guest, "stopped", "destroyed")
        if guest.keeps:
            guest.root_size, guest.ephemeral, guest.swap = self._storage.kept[spec.server_id], spec.ephemeral_gib, spec.swap_mib
        guest.define(spec)
        guest.keep_present_tpm()
        self._forget_kept(spec.server_id, guest)

    async def forget_kept(self, server_id: str) -> None:
        guest = self.known.get(server_id)
        if guest is not None:
            guest.faults.strike("forget_kept")
            guest.keep_present_tpm()
            self._forget_kept(server_id, guest)

    def _forget_kept(self, server_id: str, guest: SimulatedGuest) -> None:
        if guest.keeps:
            self._storage.kept.pop(server_id, None)
            self._storage.kept_tpms.pop(server_id, None)
            guest.keeps = False

    async def hand_over(self, server_id: str) -> None:
        if server_id in self._storage.travelling:
            return
        guest = self._running(server_id)
        guest.faults.strike("hand_over")
        self._storage.travelling[server_id] = self.known.pop(server_id)
        self._consoles.switch_off(server_id)

    async def take_over(self, spec: GuestSpec) -> None:
        guest = self._storage.travelling.get(spec.server_id)
        if guest is None:
            self._running(spec.server_id)
            return
        guest.faults.strike("take_over")
        for nic in spec.nics:
            self._require_tap(nic)
        self.known[spec.server_id] = self._storage.travelling.pop(spec.server_id)
        self._consoles.switch_on(spec.server_id)

    async def destroy(self, server_id: str) -> None:
        guest = self.known.get(server_id)
        if guest is None:
            return
        guest.faults.strike("destroy")
        self._off(server_id, guest, "stopped", "destroyed")
        self._forget_kept(server_id, guest)
        del self.known[server_id]

    async def attach_volume(self, server_id: str, volume: GuestVolume) -> None:
        guest = self._guest(server_id)
        guest.faults.strike("attach_volume")
        if volume.volume_id in guest.volumes:
            return
        if volume.device in guest.volumes.values():
            raise CommandError("guest.device_taken", f"server {server_id} has a disk {volume.device} already")
        if guest.is_on:
            self._open(volume, server_id)
        guest.volumes[volume.volume_id] = volume.device

    async def detach_volume(self, server_id: str, volume_id: str) -> None:
        guest = self.known.get(server_id)
        if guest is None:
            return
        guest.faults.strike("detach_volume")
        if guest.volumes.pop(volume_id, None) is not None:
            self._storage.let_go(volume_id, server_id)

    async def attach_nic(self, server_id: str, nic: GuestNic) -> None:
        guest = self._guest(server_id)
        guest.faults.strike("attach_nic")
        self._require_tap(nic)
        guest.nics[nic.port_id] = nic.mac

    async def detach_nic(self, server_id: str, port_id: str) -> None:
        guest = self.known.get(server_id)
        if guest is not None:
            guest.faults.strike("detach_nic")
            guest.nics.pop(port_id, None)

    async def console_log(self, server_id: str, lines: int | None) -> str:
        text = console_text(self._guest(server_id)).splitlines(keepends=True)
        return "".join(text if lines is None else text[len(text) - min(lines, len(text)) :])

    async def find_console(self, server_id: str, kind: str) -> tuple[str, int]:
        self._guest(server_id)
        return self._consoles.address(server_id, kind)

    async def open_console(self, server_id: str, kind: str) -> Stream:
        guest = self._running(server_id)
        return self._consoles.open(server_id, kind, guest.name, guest.hostname)

    async def inject_nmi(self, server_id: str) -> None:
        guest = self._running(server_id)
        guest.faults.strike("inject_nmi")
        guest.interrupts += 1

    async def diagnostics(self, server_id: str) -> Diagnostics:
        guest = self._running(server_id)
        memory = guest.memory << 10
        return Diagnostics(
            guest.state, "qemu", [CpuUse(number, 0) for number in range(guest.vcpus)],
            [DiskUse(device, 0, 0, 0, 0, 0) for device in (["vda"] if guest.root_size else []) + sorted(guest.volumes.values())],
            [NicUse(tap_name(port), mac, 0, 0, 0, 0, 0, 0, 0, 0) for port, mac in guest.nics.items()], memory, memory, {"actual": memory},
        )  # fmt: skip

    async def guests(self) -> list[GuestState]:
        return [GuestState(server_id, guest.state, guest.reason) for server_id, guest in self.known.items()]

    async def resize_volume(self, server_id: str, volume_id: str, size_gib: int) -> bool:
        return server_id in self._storage.holders.get(volume_id, ())

    async def copy_volume(self, server_id: str, volume_id: str, target: str, key: VolumeKey | None) -> bool:
        return server_id in self._storage.holders.get(volume_id, ())

    async def snapshot(self, server_id: str, image_id: str) -> None:
        guest = self._guest(server_id)
        guest.faults.strike("snapshot")
        if not guest.root_size:
            raise CommandError("guest.disk_missing", f"server {server_id} has no root disk on this host")
        if self._snapshot_seconds:
            await asyncio.sleep(self._snapshot_seconds)
        self._outgoing.sizes[image_id] = guest.root_size

    def watch(self, seen: Callable[[GuestState], None]) -> None:
        self._seen = seen

    async def close(self) -> None:
        for guest in self.known.values():
            if guest.mischief is not None:
                guest.mischief.cancel()

    def _guest(self, server_id: str) -> SimulatedGuest:
        guest = self.known.get(server_id)
        if guest is None:
            raise CommandError("guest.not_found", f"server {server_id} is not on this host")
        return guest

    def _running(self, server_id: str) -> SimulatedGuest:
        guest = self._guest(server_id)
        if not guest.is_on:
            raise CommandError("guest.not_running", f"the guest of server {server_id} is off")
        return guest

    def _off_guest(self, server_id: str) -> SimulatedGuest:
        guest = self._guest(server_id)
        if guest.is_on:
            raise CommandError("guest.running", f"the guest of server {server_id} runs")
        return guest

    def _require_tap(self, nic: GuestNic) -> None:
        if not self._network.has_tap(nic.port_id, nic.tap):
            raise CommandError("guest.tap_missing", f"port {nic.port_id} has no interface {nic.tap} on this host yet", retry=True)

    def _open(self, volume: GuestVolume, server_id: str) -> None:
        volume_id = volume.volume_id
        if volume_id not in self._storage.volumes:
            raise CommandError("volume.not_found", f"volume {volume_id} is not on this storage")
        self._storage.unlock(volume_id, volume.connection.key)
        self._storage.hold(volume_id, server_id)

    def _off(self, server_id: str, guest: SimulatedGuest, state: str, reason: str) -> None:
        guest.state, guest.reason = state, reason
        self._consoles.switch_off(server_id)
        for volume_id in guest.volumes:
            self._storage.let_go(volume_id, server_id)
        if guest.mischief is not None:
            guest.mischief.cancel()
            guest.mischief = None

    def _plan_mischief(self, server_id: str, guest: SimulatedGuest) -> None:
        faults = guest.faults
        after, state, reason = (
            (faults.crash_after, "crashed", "crashed") if faults.crash_after is not None else (faults.shutdown_after, "stopped", "shutdown")
        )
        if after is not None:
            guest.mischief = asyncio.get_running_loop().call_later(after, self.fall, server_id, state, reason)

    def fall(self, server_id: str, state: str, reason: str) -> None:
        """Let a running guest stop or crash by itself, and tell about it."""
        guest = self._guest(server_id)
        if guest.is_on:
            self._off(server_id, guest, state, reason)
            self._seen(GuestState(server_id, state, reason))

    def lose_power(self) -> None:
        """The host restarts: every guest is off, and nothing is told; the network's items are gone."""
        for server_id, guest in self.known.items():
            if guest.is_on:
                self._off(server_id, guest, "stopped", "host_restart")
        self._network.items.clear()


def _root_size(spec: GuestSpec) -> int:
    if spec.root is None:
        return 0
    whole_sectors = -(-(spec.root.image.virtual_size or spec.root.image.size) // 512) * 512
    return spec.root.size_gib * GIB or whole_sectors


def _guest_of(spec: GuestSpec) -> SimulatedGuest:
    faults = GuestFaults.read(spec.faults)
    guest = SimulatedGuest(spec.name, spec.hostname, _root_size(spec), spec.ephemeral_gib, spec.swap_mib, faults)
    guest.define(spec)
    return guest


def console_text(guest: SimulatedGuest) -> str:
    """What a simulated guest has written to its console: every boot, and the prompt or the end."""
    boot = [
        "[    0.000000] Linux version 0.0.0-simulated",
        f"[    0.000000] Command line: console=ttyS0 guest={guest.name}",
        *(f"[    0.500000] virtio_blk: {device} is volume {volume_id}" for volume_id, device in guest.volumes.items()),
        *(f"[    0.600000] virtio_net: eth{index} has address {mac}" for index, mac in enumerate(guest.nics.values())),
        "",
    ]
    kept = min(guest.boots, 20)  # as a console that is bounded in size keeps the latest
    booted = "\n".join([*boot, f"{guest.hostname} login: ", ""])
    return booted * kept + ("" if guest.state == "running" else "[   10.000000] reboot: Power down\n" * (kept > 0))
