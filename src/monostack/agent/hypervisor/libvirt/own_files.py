"""The files of a guest: root disk, ephemeral disks, swap, config drive, console log. They go with the guest."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from monostack.agent.block import qemu_img
from monostack.agent.block.images import ImageCache
from monostack.agent.block.qemu_img import GIB
from monostack.agent.errors import CommandError, require_uuid
from monostack.agent.hypervisor.libvirt import config_drive
from monostack.agent.hypervisor.libvirt.domain_xml import DISK_PREFIXES, OwnDisk, OwnFiles
from monostack.agent.metadata.documents import Place, located
from monostack.agent.programs import run
from monostack.agent.qemu_user import QemuUser
from monostack.agent.threads import in_thread
from monostack.protocol.guests import GuestSpec, ImageSource, RootDisk

BASE = "base.img"  # and rescue-base.img: a link to the image's bits: the image may leave the cache while a guest needs it
RESCUE, RESCUE_BASE = "rescue.qcow2", f"rescue-{BASE}"
MIB = 1 << 20
FORMAT_WITHIN = 120.0  # seconds


class GuestFiles:
    """Keeps each guest's files in a directory of `root` named by the server's id."""

    def __init__(self, root: Path, images: ImageCache, user: QemuUser) -> None:
        self._root = root
        self._images = images
        self._user = user
        user.let_in(root)
        qemu_img.sweep_unfinished(root)

    def directory(self, server_id: str) -> Path:
        return self._root / require_uuid(server_id, "server")

    def root_disk(self, server_id: str) -> Path:
        return self.directory(server_id) / "root.qcow2"

    def console_log(self, server_id: str) -> Path:
        return self.directory(server_id) / "console.log"

    async def make(self, spec: GuestSpec) -> OwnFiles:
        """Everything the guest needs, made where it is missing. Disks that exist are kept as they are."""
        directory = self.directory(spec.server_id)
        await in_thread(self._user.let_in, directory)
        if spec.root is not None:
            await self._make_root(directory, spec.root)
        for index, size in enumerate(spec.ephemeral_gib):
            await self._make_blank(directory / f"ephemeral{index}.img", size * GIB, "mkfs.ext4", "-q", "-F", "-L", f"ephemeral{index}")
        if spec.swap_mib:
            await self._make_blank(directory / "swap.img", spec.swap_mib * MIB, "mkswap")
        return await self.refresh(spec)

    async def refresh(self, spec: GuestSpec) -> OwnFiles:
        """What the guest needs to start again: its disks must be there, the console log is made. `write_drive` writes the config drive.

        Raises CommandError when a disk is missing.
        """
        disks = self._disks(spec)
        for disk in disks:
            if not await in_thread(os.path.exists, disk.path):
                raise CommandError("guest.disk_missing", f"server {spec.server_id} has lost its {disk.role} disk: {disk.path}")
        log = self.console_log(spec.server_id)
        await in_thread(self._own, log)
        socket = self.directory(spec.server_id) / "serial.sock"
        return OwnFiles(disks, str(log), str(socket), str(self._drive(spec.server_id)) if spec.config_drive else None)

    def write_drive(self, spec: GuestSpec, places: Mapping[str, Place]) -> None:
        """Write the config drive anew, if the guest has one. `places`: where it has its devices. Not for the event loop."""
        if not spec.config_drive:
            return
        content = config_drive.build(located(spec.metadata, places))
        with qemu_img.unfinished(self._drive(spec.server_id)) as fresh:
            fresh.write_bytes(content)
            self._user.give(fresh)

    def _drive(self, server_id: str) -> Path:
        return self.directory(server_id) / "config.iso"

    async def make_rescue(self, server_id: str, source: ImageSource) -> str:
        """The path of a disk with the bits of a rescue image, made where it is missing."""
        path = self.directory(server_id) / RESCUE
        if not await in_thread(path.exists):
            image = await self._images.obtain(source)
            await in_thread(_link, image.path, path.with_name(RESCUE_BASE))
            await self._make_overlay(path, image.virtual_size, RESCUE_BASE, image.disk_format)
        return str(path)

    async def drop_rescue(self, server_id: str) -> None:
        """Nothing there is success."""
        for name in (RESCUE, RESCUE_BASE):
            await in_thread((self.directory(server_id) / name).unlink, missing_ok=True)

    def _disks(self, spec: GuestSpec) -> list[OwnDisk]:
        """Devices are named in this order; letters that volumes have are left out."""
        directory = self.directory(spec.server_id)
        bus = spec.properties.get("hw_disk_bus", "virtio")
        prefix = DISK_PREFIXES.get(bus, "vd")
        taken = {volume.device for volume in spec.volumes}
        letters = (f"{prefix}{chr(letter)}" for letter in range(ord("a"), ord("z") + 1) if f"{prefix}{chr(letter)}" not in taken)
        disks = []
        if spec.root is not None:
            disks.append(OwnDisk(str(self.root_disk(spec.server_id)), "qcow2", next(letters), bus, "root", boots=True))
        for index in range(len(spec.ephemeral_gib)):
            disks.append(OwnDisk(str(directory / f"ephemeral{index}.img"), "raw", next(letters), bus, f"ephemeral{index}"))
        if spec.swap_mib:
            disks.append(OwnDisk(str(directory / "swap.img"), "raw", next(letters), bus, "swap"))
        return disks

    async def _make_root(self, directory: Path, root: RootDisk) -> None:
        path = directory / "root.qcow2"
        if await in_thread(path.exists):
            return
        image = await self._images.obtain(root.image)
        size = root.size_gib * GIB or image.virtual_size
        if size < image.virtual_size:
            needs = -(-image.virtual_size // GIB)
            raise CommandError("guest.disk_too_small", f"image {root.image.id} needs {needs} GiB, the flavor's disk has {root.size_gib}")
        await in_thread(_link, image.path, directory / BASE)
        await self._make_overlay(path, size, BASE, image.disk_format)

    async def _make_overlay(self, path: Path, size: int, base: str, base_format: str) -> None:
        """An image of `size` bytes that shows the bits of `base`, a file beside it, until they are written over."""
        with qemu_img.unfinished(path) as fresh:
            await qemu_img.create(fresh, size, backing=base, backing_format=base_format)
            await in_thread(self._user.give, fresh)

    async def _make_blank(self, path: Path, size: int, *format_with: str) -> None:
        """A sparse disk with an empty file system or swap space on it."""
        if await in_thread(path.exists):
            return
        with qemu_img.unfinished(path) as fresh:
            await run("truncate", "--size", str(size), str(fresh), within=FORMAT_WITHIN)
            await run(*format_with, str(fresh), within=FORMAT_WITHIN)
            await in_thread(self._user.give, fresh)

    def _own(self, log: Path) -> None:
        log.touch(mode=0o600)
        self._user.give(log)

    async def remove(self, server_id: str) -> None:
        """All files of a guest. Nothing there is success."""
        directory = self.directory(server_id)
        await in_thread(shutil.rmtree, directory, ignore_errors=False, onerror=_unless_missing)

    def kept(self) -> list[str]:
        """The servers that have files here."""
        return sorted(path.name for path in self._root.iterdir() if path.is_dir())

    def used_images(self) -> set[int]:
        """The inodes of image bits that guests need."""
        return {base.stat().st_ino for base in self._root.glob(f"*/*{BASE}")}


def _link(image: Path, base: Path) -> None:
    """Have `base` be `image`, also where an earlier attempt linked other bits: no overlay is on them yet."""
    if base.exists() and base.samefile(image):
        return
    with qemu_img.unfinished(base) as fresh:
        os.link(image, fresh)


def _unless_missing(function: object, path: str, failure: tuple[type[BaseException], BaseException, object]) -> None:
    if not isinstance(failure[1], FileNotFoundError):
        raise failure[1]
