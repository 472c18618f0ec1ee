"""Guests on a host: what an agent needs of a driver, whichever runs them (libvirt/, simulated)."""

from collections.abc import Callable
from typing import Protocol

from monostack.core.streams import Stream
from monostack.protocol.envelope import Inventory
from monostack.protocol.guests import Diagnostics, GuestNic, GuestSpec, GuestState, GuestVolume, RescueGuest, VolumeKey


class Hypervisor(Protocol):
    """Runs guests. Every method is idempotent and may be repeated after being cut off at any point.

    The caller runs at most one method per server at a time. All raise CommandError.
    """

    async def inventory(self) -> Inventory:
        """What this host can give to guests."""
        ...

    async def create(self, spec: GuestSpec) -> None:
        """Make the guest's disks and start it; returns once it runs."""
        ...

    async def start(self, spec: GuestSpec) -> None:
        """Start a guest whose disks exist, defined anew from `spec`. A running guest is left alone."""
        ...

    async def stop(self, server_id: str, grace: float) -> None:
        """Ask the guest to shut down and pull the plug after `grace` seconds. A stopped guest is left alone."""
        ...

    async def reboot(self, spec: GuestSpec, hard: bool, grace: float) -> None:
        """Restart; soft asks the guest first and becomes hard after `grace` seconds.

        A stopped guest is started: it may have been stopped by this very command, which was cut off then.
        """
        ...

    async def pause(self, server_id: str) -> None:
        """Have its processors stand still. Raises CommandError `guest.not_running` for one that is off."""
        ...

    async def unpause(self, server_id: str) -> None:
        """Let a paused guest go on. Raises CommandError `guest.not_running` for one that is off."""
        ...

    async def suspend(self, server_id: str) -> None:
        """Keep the guest's memory on the disk and turn it off. Raises CommandError `guest.not_running`."""
        ...

    async def resume(self, spec: GuestSpec) -> None:
        """Let a suspended guest go on where it stood. One whose memory is not kept any more boots."""
        ...

    async def rescue(self, request: RescueGuest) -> None:
        """Shut the guest down, and boot it from a disk made of the rescue image, with its own disks at hand."""
        ...

    async def unrescue(self, spec: GuestSpec, start: bool) -> None:
        """End a rescue at once, drop its disk, and boot the guest from its own disks, or leave it off. Also where no rescue is."""
        ...

    async def keep(self, server_id: str) -> None:
        """Put copies of a stopped guest's own disks aside. Those that are kept already stay. Raises CommandError `guest.running`."""
        ...

    async def resize(self, spec: GuestSpec) -> None:
        """Give a guest whose disks are kept, here or where this host can read them, the sizes of `spec`. It stays off.

        Raises CommandError: `guest.not_kept`, and `guest.disk_shrink` when a disk is larger than it shall be.
        """
        ...

    async def restore(self, spec: GuestSpec) -> None:
        """Turn the guest off and give it the disks that were kept of it. Where none are, it stays as it is."""
        ...

    async def forget_kept(self, server_id: str) -> None:
        """Remove the disks that are kept. Nothing there is success."""
        ...

    async def hand_over(self, server_id: str) -> None:
        """Let another host have a guest as it runs. Raises CommandError `guest.cannot_move` where hosts share no storage."""
        ...

    async def take_over(self, spec: GuestSpec) -> None:
        """Have a guest go on here that another host handed over. Raises CommandError `guest.cannot_move`."""
        ...

    async def destroy(self, server_id: str) -> None:
        """Remove the guest and all that is its own on this host. Nothing there is success."""
        ...

    async def attach_volume(self, server_id: str, volume: GuestVolume) -> None: ...

    async def detach_volume(self, server_id: str, volume_id: str) -> None:
        """Returns once the guest let go. A volume that is not attached is success."""
        ...

    async def attach_nic(self, server_id: str, nic: GuestNic) -> None: ...

    async def detach_nic(self, server_id: str, port_id: str) -> None: ...

    async def console_log(self, server_id: str, lines: int | None) -> str:
        """What the guest wrote to its serial console: the last `lines`, or all that is kept."""
        ...

    async def find_console(self, server_id: str, kind: str) -> tuple[str, int]:
        """Address and port of the guest's vnc or serial console on this host; port -1 while the guest is off, 0 where it has none."""
        ...

    async def open_console(self, server_id: str, kind: str) -> Stream:
        """A connection to the console of a guest that runs."""
        ...

    async def inject_nmi(self, server_id: str) -> None:
        """Send a running guest a non-maskable interrupt. Raises CommandError `guest.not_running`."""
        ...

    async def diagnostics(self, server_id: str) -> Diagnostics:
        """What a running guest has used. Raises CommandError `guest.not_running`."""
        ...

    async def guests(self) -> list[GuestState]:
        """All guests that are ours, whatever their state."""
        ...

    async def resize_volume(self, server_id: str, volume_id: str, size_gib: int) -> bool:
        """Grow a volume that a running guest has open, or tell the guest that it has grown. False: the guest has it not open."""
        ...

    async def copy_volume(self, server_id: str, volume_id: str, target: str, key: VolumeKey | None) -> bool:
        """Copy a volume, as it is at one moment, into the existing empty qcow2 file `target` while the guest runs. False: as above.

        `key` opens the target.
        """
        ...

    async def snapshot(self, server_id: str, image_id: str) -> None:
        """Keep the guest's root disk, as it is at one moment, among the outgoing images; the guest may run meanwhile."""
        ...

    def watch(self, seen: Callable[[GuestState], None]) -> None:
        """Call `seen`, on the event loop, for every change of state that no method asked for."""
        ...

    async def close(self) -> None:
        """Let go of the hypervisor. Guests run on."""
        ...
