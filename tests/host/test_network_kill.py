"""An agent killed in the middle of an application: the next one makes everything good."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from network_cloud import Cloud
from network_lab import Lab, lab

from monostack.agent.network.linux import namespaces

__all__ = ["lab"]
pytestmark = pytest.mark.host

AGENT = """
import asyncio, json, sys
from pathlib import Path
from monostack.agent.config import ExternalNetwork
from monostack.agent.network.linux import LinuxNetwork, Settings
from monostack.protocol.network import Apply

async def main():
    told = json.load(sys.stdin)
    public = {"public": ExternalNetwork(bridge=told["bridge"], address="172.24.4.1/24", masquerade=True)}
    settings = Settings(Path(told["directory"]), public, namespace_prefix=told["host"], host_namespace=told["host"])
    driver = LinuxNetwork(settings, print)
    await driver.apply(Apply({}, full=True))
    print("now", flush=True)
    await driver.apply(Apply(told["items"], full=True))
    print("done", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def run_until(lab: Lab, cloud: Cloud, delay: float | None) -> float:
    """Have another process apply, and kill it some seconds into it; None: once it is done. Returns how long that took."""
    told = {"bridge": lab.external.bridge, "directory": str(lab.settings.directory), "host": lab.host, "items": cloud.items}
    process = subprocess.Popen([sys.executable, "-c", AGENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(told))
        process.stdin.close()
        assert process.stdout.readline() == "now\n"
        began = time.monotonic()
        if delay is None:
            assert process.stdout.readline() == "done\n"
        else:
            time.sleep(delay)
        return time.monotonic() - began
    finally:
        process.kill()
        process.wait()


def test_killed_at_any_moment(lab: Lab) -> None:
    cloud = Cloud(lab)
    whole = run_until(lab, cloud, None)
    for part in range(1, 11):
        # Taps are gone with each clearing, and the guests' cables with them.
        for node in (cloud.a, cloud.c):
            node.remove()
        run_until(lab, cloud, whole * part / 10)
    fresh = Cloud(lab)
    lab.apply(fresh.items, full=True)
    assert fresh.works(lab)
    expected = {lab.settings.dhcp_namespace(net["id"]) for net in fresh.nets[:2]} | {lab.settings.router_namespace(fresh.router["id"])}
    assert {name for name in namespaces.names() if lab.settings.is_namespace(name)} == expected
    assert dnsmasqs(lab) == 2, "none of those that were killed left a process behind"


def dnsmasqs(lab: Lab) -> int:
    """Processes whose configuration is below this lab's directory."""
    found = 0
    for arguments in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += f"--conf-file={lab.settings.directory}/" in arguments.read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found
