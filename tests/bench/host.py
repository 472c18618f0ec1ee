"""A real host: `POST /servers` until the guest runs, beside libvirt alone defining and starting the same domain; memory.

The cloud runs in network and mount namespaces of its own, as in tests/host; this module is run there, too: python host.py URL STATE_DIR
"""

import contextlib
import os
import shutil
import subprocess
import sys
import time
import uuid
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from cloud import Cloud
from measure import line, memory_lines, memory_mib, sample_here, say

sys.path.insert(0, str(Path(__file__).parents[1] / "host"))
TIMES = 5
TAP = "bench-floor"
# What an agent cannot be without: the binding with a connection, and netlink.
BARE_AGENT = "import asyncio, ssl, sys, time, libvirt, pyroute2; c = libvirt.open(sys.argv[1]); print(flush=True); time.sleep(60)"
BARE_CONTROLLER = "import asyncio, sqlalchemy, uvicorn, cryptography.fernet; print(flush=True); import time; time.sleep(60)"


def measure_host(args: Namespace) -> None:
    """A server on a real host beside libvirt alone, and memory. Needs root, libvirt and QEMU."""
    if os.geteuid() != 0 or shutil.which("libvirtd") is None:
        say("skipped: a real host needs root and libvirtd")
        return
    from whole_machine import machine

    with machine() as inside:
        began = time.perf_counter()
        inside.monostack("up")
        say(f"real host: `monostack up` took {time.perf_counter() - began:.1f} s")
        url = (inside.state_dir / "url").read_text().strip()
        done = inside.run(sys.executable, __file__, url, str(inside.state_dir), within=300)
        sys.stdout.write(done.stdout)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)


@contextlib.contextmanager
def _bare(script: str, *words: str) -> Iterator[int]:
    """A Python that has imported something and does no more; its id."""
    process = subprocess.Popen([sys.executable, "-c", script, *words], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
    finally:
        process.kill()
        process.wait()


class Twin:
    """A copy of a guest's domain, with a disk, a console and a tap device of its own, for libvirt alone."""

    def __init__(self, uri: str, server: str) -> None:
        import libvirt

        self._connection = libvirt.open(uri)
        domain = self._connection.lookupByUUIDString(server)
        tree = ElementTree.fromstring(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
        me = str(uuid.uuid4())
        for path, value in (("name", "bench-floor"), ("uuid", me), ("sysinfo/system/entry[@name='uuid']", me)):
            element = tree.find(path)
            assert element is not None
            element.text = value
        tree.remove(tree.find("metadata"))  # by which the agent would know it as one of its own
        for source in tree.findall("devices/*/source[@file]") + tree.findall("devices/*/source[@path]"):
            attribute = "file" if "file" in source.attrib else "path"
            source.set(attribute, self._copy(Path(source.attrib[attribute])))
        target = tree.find("devices/interface/target")
        assert target is not None
        target.set("dev", TAP)
        subprocess.run(["ip", "tuntap", "add", "dev", TAP, "mode", "tap"], check=True)
        self._xml = ElementTree.tostring(tree, encoding="unicode")

    @staticmethod
    def _copy(path: Path) -> str:
        if path.is_socket():  # QEMU makes it; the paths of sockets are short
            return str(path.with_name("floor"))
        copy = path.with_name(f"floor-{path.name}")
        shutil.copy2(path, copy)
        about = path.stat()
        os.chown(copy, about.st_uid, about.st_gid)
        return str(copy)

    def start(self) -> None:
        self._domain = self._connection.defineXML(self._xml)
        self._domain.create()

    def remove(self) -> None:
        self._domain.destroy()
        self._domain.undefine()


def _inside(url: str, state: Path) -> None:
    pids = {name: int((state / "run" / f"{name}.pid").read_text()) for name in ("server", "agent")}
    cloud = Cloud(url, state, pids["server"])
    ours = sample_here(cloud.boot, TIMES, warm=1, after=cloud.delete)
    uri = (state / "agent" / "libvirt" / "uri").read_text()
    twin = Twin(uri, cloud.boot())
    line("POST /servers until the guest runs", ours, sample_here(twin.start, TIMES, warm=1, after=lambda _: twin.remove()), wall=True)
    with _bare(BARE_CONTROLLER) as bare:
        memory_lines("the controller, real host", pids["server"], bare, real=True)
    with _bare(BARE_AGENT, uri) as bare:
        memory_lines("the agent, one guest", pids["agent"], bare)
    for kind, real in (("Rss", 6148), ("Pss", 4008)):
        total = sum(memory_mib(pid, kind) for pid in pids.values())
        say(f"controller and agent together: {total:.0f} MiB {kind.upper()}   OpenStack {real} MiB = 1/{real / total:.0f}")


if __name__ == "__main__":
    _inside(sys.argv[1], Path(sys.argv[2]))
