"""The machine: its system, programs, libraries, memory, disk, and whether it runs guests quickly."""

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from monostack.agent.errors import CommandError
from monostack.agent.hypervisor.probe import probe
from monostack.agent.network.linux import nftables
from monostack.cli.doctor.finding import Finding, fail, ok, warn
from monostack.core.config import Config

SETUP = "run `make setup`, or apt-get install {}"
GIB = 1 << 30
MEMORY = (1 * GIB, 4 * GIB)  # below the first nothing fits beside the cloud itself, below the second little does
DISK = (2 * GIB, 20 * GIB)

# Program: Debian package, how it tells its version, the oldest that will do.
PROGRAMS: dict[str, tuple[str, tuple[str, ...], tuple[int, ...]]] = {
    "qemu-system-x86_64": ("qemu-system-x86", ("--version",), (7, 2)),
    "qemu-img": ("qemu-utils", ("--version",), (7, 2)),
    "libvirtd": ("libvirt-daemon libvirt-daemon-driver-qemu", ("--version",), (9, 0)),
    "unshare": ("util-linux", ("--version",), ()),
    "prlimit": ("util-linux", ("--version",), ()),
    "setpriv": ("util-linux", ("--version",), ()),
    "fallocate": ("util-linux", ("--version",), ()),
    "useradd": ("passwd", (), ()),
    "ssh": ("openssh-client", (), ()),
}
# Program: its packages, and what there is not without it.
DISPENSABLE = {"swtpm": ("swtpm swtpm-tools", "servers get no emulated TPMs")}


def system() -> Finding:
    release = platform.freedesktop_os_release()
    found = f"{release.get('PRETTY_NAME', 'Linux')}, kernel {platform.release()}, Python {platform.python_version()}"
    if platform.machine() != "x86_64":
        return fail("system", f"{found}, {platform.machine()}", "guests are x86-64: use an x86-64 machine, or `monostack dev`")
    if release.get("ID") != "debian" or not release.get("VERSION_ID", "").startswith("12"):
        return warn("system", found, "tested on Debian 12; elsewhere the packages may have other names")
    return ok("system", found)


def programs() -> Iterator[Finding]:
    """Those the agent and the demo call. What is there and new enough takes one line together."""
    there: list[str] = []
    for name, (package, flags, oldest) in PROGRAMS.items():
        path = _found(name)
        if path is None:
            yield fail(name, "not installed", SETUP.format(package))
            continue
        version = _version([path, *flags]) if oldest else ()
        if version < oldest:
            yield fail(name, f"version {_dotted(version)} is too old", f"Monostack needs {_dotted(oldest)} or newer")
            continue
        there.append(f"{name} {_dotted(version)}".rstrip())
    for name, (packages, without) in DISPENSABLE.items():
        if _found(name) is None:
            yield warn(name, f"not installed: {without}", SETUP.format(packages))
        else:
            there.append(name)
    if there:
        yield ok("programs", ", ".join(there))


def _found(program: str) -> str | None:
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def _version(command: list[str]) -> tuple[int, ...]:
    said = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False).stdout
    found = re.search(r"\d+(\.\d+)+", said)
    return tuple(int(part) for part in found[0].split(".")) if found else ()


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(str(part) for part in version)


def libraries() -> Iterator[Finding]:
    """Those that come from Debian and not from the lock."""
    try:
        import libvirt
    except ImportError as error:
        yield fail("libvirt binding", str(error), SETUP.format("python3-libvirt") + ", and use .venv/bin/monostack")
    else:
        number = libvirt.getVersion()
        yield ok("libvirt binding", f"libvirt {number // 1_000_000}.{number // 1000 % 1000}.{number % 1000}")
    try:
        nftables.run("")
    except nftables.NftablesError as error:
        yield fail("libnftables", str(error), SETUP.format("libnftables1"))
    else:
        yield ok("libnftables", "loads")


def memory() -> Finding:
    facts = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    total, free = (int(facts[name].split()[0]) * 1024 for name in ("MemTotal", "MemAvailable"))
    found = f"{free / GIB:.1f} GiB free of {total / GIB:.1f}"
    if free < MEMORY[0]:
        return fail("memory", found, "the cloud takes about 0.2 GiB and each guest its flavor: free some")
    if free < MEMORY[1]:
        return warn("memory", found, "enough for a few small guests (m1.nano takes 192 MiB)")
    return ok("memory", found)


def disk(config: Config) -> Finding:
    place = Path(config.state_dir)
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    found = f"{free / GIB:.1f} GiB free for {config.state_dir}"
    if free < DISK[0]:
        return fail("disk", found, "images, guests' disks and volumes go there: free some, or set state_dir")
    if free < DISK[1]:
        return warn("disk", found, "enough for a few small guests; disks grow as they are written")
    return ok("disk", found)


async def acceleration() -> list[Finding]:
    """Whether KVM is really there, by the clock."""
    try:
        verdict = await probe()
    except CommandError as error:
        return [fail("guests", str(error), SETUP.format("qemu-system-x86"))]
    if verdict.accelerator == "kvm":
        return [ok("guests", verdict.reason)]
    remedy = "guests run under emulation (TCG), 10 to 20 times slower; turn on virtualization in the firmware, or nested virtualization"
    return [warn("guests", verdict.reason, remedy)]
