"""Guests on QEMU by libvirt: each method of the driver in order, its steps in the files beside this one by concern."""

import asyncio
import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from monostack.agent.block import qemu_img
from monostack.agent.block.outgoing import OutgoingFiles
from monostack.agent.block.qemu_img import GIB
from monostack.agent.errors import CommandError
from monostack.agent.hypervisor.libvirt import (
    addresses,
    block_moves,
    console,
    devices,
    diagnostics,
    domain_xml,
    inventory,
    kept_disks,
    keys,
    lifecycle,
    remote_consoles,
    rescue,
    suspension,
    tpm_states,
)
from monostack.agent.hypervisor.libvirt.connection import Connection
from monostack.agent.hypervisor.libvirt.daemon import Daemon
from monostack.agent.hypervisor.libvirt.domain_xml import Surroundings
from monostack.agent.hypervisor.libvirt.own_files import GuestFiles
from monostack.agent.hypervisor.libvirt.states import WantedStates
from monostack.agent.metadata.documents import Place
from monostack.agent.threads import in_thread
from monostack.core.streams import Stream
from monostack.protocol.envelope import Inventory
from monostack.protocol.guests import Diagnostics, GuestNic, GuestSpec, GuestState, GuestVolume, RescueGuest, VolumeKey

log = logging.getLogger(__name__)

LOOK_EVERY = 0.2  # seconds
DETACH_WITHIN = 90.0  # seconds a guest has to let a device go
ASK_AGAIN_EVERY = 5.0  # seconds: a guest that is just booting does not hear the first request
TRIM_EVERY = 15.0  # seconds
RESCUE_DISK = domain_xml.own_alias(domain_xml.RESCUE_ROLE)


class LibvirtHypervisor:
    """Hypervisor driver over libvirt. `files` keeps the guests' own files, `volume_path` says where a volume's file must be."""

    def __init__(
        self,
        daemon: Daemon,
        uri: str | None,
        files: GuestFiles,
        host: Surroundings,
        volume_path: Callable[[str], Path],
        outgoing: OutgoingFiles,
        reserved_memory_mib: int = 0,
    ) -> None:
        self._files = files
        self._host = host
        self._volume_path = volume_path
        self._outgoing = outgoing
        self._reserved_memory_mib = reserved_memory_mib
        self._tpm_states = daemon.tpm_states
        self._states = WantedStates(self._look)
        self._libvirt = Connection(uri, daemon, self._states.changed)
        self._trimming: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect, and take in the guests that are there. Raises CommandError."""
        await self._libvirt.call(lifecycle.settle, self._host.home)
        self._states.found(await self.guests())
        self._trimming = asyncio.create_task(self._trim_consoles())

    async def inventory(self) -> Inventory:
        disk = await in_thread(shutil.disk_usage, self._host.home)
        # swtpm runs as the user that our libvirtd runs guests as; another libvirtd may run it as one whose sockets they cannot open.
        has_tpms = self._libvirt.is_own
        return await self._libvirt.call(inventory.read, self._host.accelerator, disk.total // GIB, self._reserved_memory_mib, has_tpms)

    async def create(self, spec: GuestSpec) -> None:
        with self._states.changing(spec.server_id, "running"):
            if await self._libvirt.call(lifecycle.is_running, spec.server_id):
                return
            await self._start(spec, await self._files.make(spec))

    async def start(self, spec: GuestSpec) -> None:
        with self._states.changing(spec.server_id, "running"):
            if await self._libvirt.call(lifecycle.is_running, spec.server_id):
                return
            await self._start(spec, await self._files.refresh(spec))

    async def _start(self, spec: GuestSpec, files: domain_xml.OwnFiles) -> None:
        await self._require_all(spec)
        xml = domain_xml.domain(spec, files, self._host)

        def ready(completed: str) -> None:
            self._files.write_drive(spec, addresses.places(completed))

        await self._libvirt.call(keys.using, keys.keys_of(spec), lifecycle.start, spec.server_id, xml, ready)

    async def stop(self, server_id: str, grace: float) -> None:
        with self._states.changing(server_id, "stopped"):
            if await self._look(server_id) is None:
                raise CommandError("guest.not_found", f"server {server_id} is not on this host")
            if not await self._shut_down(server_id, grace):
                await self._libvirt.call(lifecycle.pull_plug, server_id)

    async def _shut_down(self, server_id: str, grace: float) -> bool:
        """Whether the guest went down by itself. It is asked again now and then: one that is booting hears nothing yet."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + grace
        ask_at = loop.time()
        while await self._libvirt.call(lifecycle.is_running, server_id):
            if loop.time() >= ends:
                return False
            if loop.time() >= ask_at:
                await self._libvirt.call(lifecycle.press_power_button, server_id)
                ask_at = loop.time() + ASK_AGAIN_EVERY
            await asyncio.sleep(LOOK_EVERY)
        return True

    async def reboot(self, spec: GuestSpec, hard: bool, grace: float) -> None:
        with self._states.changing(spec.server_id, "running"):
            if hard or not await self._shut_down(spec.server_id, grace):
                await self._libvirt.call(lifecycle.pull_plug, spec.server_id)
            await self._start(spec, await self._files.refresh(spec))

    async def pause(self, server_id: str) -> None:
        with self._states.changing(server_id, "paused"):
            await self._libvirt.call(suspension.pause, server_id)

    async def unpause(self, server_id: str) -> None:
        with self._states.changing(server_id, "running"):
            await self._libvirt.call(suspension.unpause, server_id)

    async def suspend(self, server_id: str) -> None:
        with self._states.changing(server_id, "stopped"):
            await self._libvirt.call(suspension.save, server_id)

    async def resume(self, spec: GuestSpec) -> None:
        with self._states.changing(spec.server_id, "running"):
            files = await self._files.refresh(spec)
            await self._require_all(spec)
            if not await self._libvirt.call(keys.using, keys.keys_of(spec), suspension.restore, spec.server_id):
                await self._start(spec, files)

    async def rescue(self, request: RescueGuest) -> None:
        spec = request.spec
        with self._states.changing(spec.server_id, "running"):
            if await self._look(spec.server_id) is None:
                raise CommandError("guest.not_found", f"server {spec.server_id} is not on this host")
            is_running = await self._libvirt.call(lifecycle.is_running, spec.server_id)
            if is_running and await self._libvirt.call(devices.is_attached, spec.server_id, RESCUE_DISK):
                return
            # What may fail comes before the guest is turned off.
            path = await self._files.make_rescue(spec.server_id, request.image)
            arranged = rescue.arranged(request, await self._files.refresh(spec), path)
            if is_running and not await self._shut_down(spec.server_id, request.timeout):
                await self._libvirt.call(lifecycle.pull_plug, spec.server_id)
            await self._start(*arranged)

    async def unrescue(self, spec: GuestSpec, start: bool) -> None:
        with self._states.changing(spec.server_id, "running" if start else "stopped"):
            if await self._libvirt.call(devices.is_attached, spec.server_id, RESCUE_DISK):
                await self._libvirt.call(lifecycle.pull_plug, spec.server_id)
            if not await self._libvirt.call(lifecycle.is_running, spec.server_id):
                files = await self._files.refresh(spec)
                if start:
                    await self._start(spec, files)
                else:
                    await self._define(spec, files)
            await self._files.drop_rescue(spec.server_id)

    async def keep(self, server_id: str) -> None:
        await self._require_off(server_id)
        await kept_disks.keep(self._files.directory(server_id), self._host.user)

    async def resize(self, spec: GuestSpec) -> None:
        await self._require_off(spec.server_id)
        await kept_disks.grow(self._files.directory(spec.server_id), spec)
        await self._define(spec, await self._files.make(spec))

    async def restore(self, spec: GuestSpec) -> None:
        with self._states.changing(spec.server_id, "stopped"):
            await self._libvirt.call(lifecycle.pull_plug, spec.server_id)
            await kept_disks.restore(self._files.directory(spec.server_id))
            await self._define(spec, await self._files.refresh(spec))
            await self._libvirt.call(tpm_states.keep_present, self._tpm_states, spec.server_id)

    async def forget_kept(self, server_id: str) -> None:
        await self._libvirt.call(tpm_states.keep_present, self._tpm_states, server_id)
        await kept_disks.forget(self._files.directory(server_id))

    async def _require_off(self, server_id: str) -> None:
        if await self._look(server_id) is None:
            raise CommandError("guest.not_found", f"server {server_id} is not on this host")
        if await self._libvirt.call(lifecycle.is_running, server_id):
            raise CommandError("guest.running", f"the guest of server {server_id} runs")

    async def _define(self, spec: GuestSpec, files: domain_xml.OwnFiles) -> None:
        await self._libvirt.call(lifecycle.define, domain_xml.domain(spec, files, self._host))

    async def hand_over(self, server_id: str) -> None:
        raise CommandError("guest.cannot_move", f"server {server_id}: this host shares its disks with no other")

    async def take_over(self, spec: GuestSpec) -> None:
        raise CommandError("guest.cannot_move", f"server {spec.server_id}: this host shares its disks with no other")

    async def destroy(self, server_id: str) -> None:
        with self._states.changing(server_id, "stopped"):
            await self._libvirt.call(lifecycle.remove, server_id)
            await in_thread(tpm_states.remove, self._tpm_states, server_id)
            await self._files.remove(server_id)
        self._states.forget(server_id)

    async def attach_volume(self, server_id: str, volume: GuestVolume) -> None:
        await self._require_volume(volume)
        key, alias = volume.connection.key, domain_xml.volume_alias(volume.volume_id)
        xml = domain_xml.volume(volume)
        await self._libvirt.call(keys.using, [key] if key is not None else [], devices.attach, server_id, alias, xml)

    async def detach_volume(self, server_id: str, volume_id: str) -> None:
        await self._detach(server_id, domain_xml.volume_alias(volume_id), f"volume {volume_id}")

    async def attach_nic(self, server_id: str, nic: GuestNic) -> None:
        await self._require_tap(nic)
        await self._libvirt.call(devices.attach, server_id, domain_xml.nic_alias(nic.port_id), domain_xml.nic(nic))

    async def detach_nic(self, server_id: str, port_id: str) -> None:
        await self._detach(server_id, domain_xml.nic_alias(port_id), f"port {port_id}")

    async def _detach(self, server_id: str, alias: str, name: str) -> None:
        loop = asyncio.get_running_loop()
        ends = loop.time() + DETACH_WITHIN
        ask_at = 0.0
        while True:
            if loop.time() >= ask_at:
                if await self._libvirt.call(devices.request_detach, server_id, alias):
                    return
                ask_at = loop.time() + ASK_AGAIN_EVERY
            elif not await self._libvirt.call(devices.is_attached, server_id, alias):
                return
            if loop.time() >= ends:
                refusal = f"the guest of server {server_id} did not let {name} go within {DETACH_WITHIN:g} seconds"
                raise CommandError("guest.detach_refused", refusal, retry=True)
            await asyncio.sleep(LOOK_EVERY)

    async def find_console(self, server_id: str, kind: str) -> tuple[str, int]:
        place = await self._libvirt.call(remote_consoles.find, server_id, kind)
        return place.host, place.port

    async def open_console(self, server_id: str, kind: str) -> Stream:
        place = await self._libvirt.call(remote_consoles.find, server_id, kind)
        if place.port < 0:
            raise CommandError("guest.not_running", f"the guest of server {server_id} is off")
        return await remote_consoles.connect(place)

    async def console_log(self, server_id: str, lines: int | None) -> str:
        if await self._look(server_id) is None:
            raise CommandError("guest.not_found", f"server {server_id} is not on this host")
        return await in_thread(console.read, self._files.console_log(server_id), lines)

    async def inject_nmi(self, server_id: str) -> None:
        await self._libvirt.call(diagnostics.inject_nmi, server_id)

    async def places(self, server_id: str) -> dict[str, Place]:
        """Where a guest has its devices, as its metadata tells it."""
        return await self._libvirt.call(addresses.read, server_id)

    async def diagnostics(self, server_id: str) -> Diagnostics:
        return await self._libvirt.call(diagnostics.read, server_id)

    async def guests(self) -> list[GuestState]:
        """Also those whose files are all that is left, or all that is made yet: nobody else would know of them."""
        with_files = await in_thread(self._files.kept)
        states = await self._libvirt.call(lifecycle.all_states, self._host.home)
        known = {state.server_id for state in states}
        return [*states, *(GuestState(server_id, "stopped", "unknown") for server_id in with_files if server_id not in known)]

    async def resize_volume(self, server_id: str, volume_id: str, size_gib: int) -> bool:
        return await self._libvirt.call(devices.resize, server_id, domain_xml.volume_alias(volume_id), size_gib * GIB)

    async def copy_volume(self, server_id: str, volume_id: str, target: str, key: VolumeKey | None) -> bool:
        return await self._copy(server_id, domain_xml.volume_alias(volume_id), target, key)

    async def volume_source(self, server_id: str, volume_id: str) -> str | None:
        return await self._libvirt.call(block_moves.source, server_id, domain_xml.volume_alias(volume_id))

    async def move_volume(self, server_id: str, volume_id: str, target: Path, key: VolumeKey | None, in_step: Callable[[], None]) -> None:
        await block_moves.move(self._libvirt, server_id, domain_xml.volume_alias(volume_id), target, key, in_step)

    async def stay(self, server_id: str, volume_id: str) -> None:
        await self._libvirt.call(block_moves.stay, server_id, domain_xml.volume_alias(volume_id))

    async def snapshot(self, server_id: str, image_id: str) -> None:
        target, root = self._outgoing.path(image_id), self._files.root_disk(server_id)
        if await in_thread(target.exists):
            return
        if not await in_thread(root.exists):
            raise CommandError("guest.disk_missing", f"server {server_id} has no root disk on this host")
        with qemu_img.unfinished(target) as fresh:
            await qemu_img.create(fresh, (await qemu_img.info(root, "qcow2")).virtual_size)
            await in_thread(self._host.user.give, fresh)
            if not await self._copy(server_id, domain_xml.own_alias("root"), str(fresh)):
                await qemu_img.convert(root, "qcow2", fresh)

    async def _copy(self, server_id: str, alias: str, target: str, key: VolumeKey | None = None) -> bool:
        """Copy a disk, as it is at one moment, into the empty qcow2 file `target`, which `key` opens. False: no running guest has it."""
        opened_by, key_id = ([key], key.id) if key is not None else ([], None)
        if not await self._libvirt.call(keys.using, opened_by, devices.begin_copy, server_id, alias, target, key_id):
            return False
        try:
            while not await self._libvirt.call(devices.copy_is_done, server_id):  # noqa: ASYNC110 - libvirt is asked, it tells nobody
                await asyncio.sleep(LOOK_EVERY)
        except asyncio.CancelledError:
            await self._libvirt.call(devices.abort_copy, server_id)
            raise
        return True

    def watch(self, seen: Callable[[GuestState], None]) -> None:
        self._states.seen = seen

    async def close(self) -> None:
        if self._trimming is not None:
            self._trimming.cancel()
            await asyncio.gather(self._trimming, return_exceptions=True)
        await self._states.close()
        await self._libvirt.close()

    async def _look(self, server_id: str) -> GuestState | None:
        return await self._libvirt.call(lifecycle.state_of, server_id)

    async def _require_all(self, spec: GuestSpec) -> None:
        for nic in spec.nics:
            await self._require_tap(nic)
        for volume in spec.volumes:
            await self._require_volume(volume)

    async def _require_tap(self, nic: GuestNic) -> None:
        if "/" in nic.tap or not await in_thread(os.path.exists, f"/sys/class/net/{nic.tap}"):
            raise CommandError("guest.tap_missing", f"port {nic.port_id} has no interface {nic.tap} on this host yet", retry=True)

    async def _require_volume(self, volume: GuestVolume) -> None:
        """A guest opens the file of its volume and no other, whatever path the command names."""
        connection = volume.connection
        if connection.driver != "file":
            raise CommandError("volume.driver", f"volume {volume.volume_id}: this host cannot open {connection.driver!r} volumes")
        path = await in_thread(self._volume_path, volume.volume_id)
        if path.parent / connection.path != path or connection.format != path.suffix.removeprefix("."):
            raise CommandError("command.invalid", f"volume {volume.volume_id} is not kept at {connection.path}")
        connection.path = str(path)  # the controller knows it relative to a directory that is ours to choose
        if not await in_thread(path.exists):
            raise CommandError("volume.not_found", f"volume {volume.volume_id} is not on this host")

    async def _trim_consoles(self) -> None:
        while True:
            for server_id in await in_thread(self._files.kept):
                try:
                    await console.trim(self._files.console_log(server_id))
                except (FileNotFoundError, CommandError) as error:
                    log.debug("console of server %s: %s", server_id, error)
            await asyncio.sleep(TRIM_EVERY)
