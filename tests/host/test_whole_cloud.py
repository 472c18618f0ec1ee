"""The cloud as its users meet it: the demo, the command line, an unmodified client, stopping, starting again, and leaving no trace."""

import json
import re
from typing import Any

import pytest
from guest_lab import guest_image
from whole_machine import Machine, machine

pytestmark = pytest.mark.host

LOGGED_IN = re.compile(r"\nfirst-server\nNAME .*\nvda .*\nvdb .* 1G ", re.S)


def demo(inside: Machine) -> str:
    return inside.monostack("demo", "--image", str(guest_image()), within=400)


def login(inside: Machine) -> dict[str, str]:
    return dict(re.findall(r"^export (\w+)='?([^'\n]*)'?$", inside.monostack("openrc"), re.M))


def openstack(inside: Machine, *words: str) -> Any:
    done = inside.run("openstack", *words, "-f", "json", **login(inside))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_from_nothing_to_a_first_server_and_back() -> None:
    with machine() as inside:
        first = demo(inside)
        assert LOGGED_IN.search(first), first
        kept = openstack(inside, "server", "image", "create", "--name", "kept", "--wait", "first-server")
        assert (kept["status"], kept["disk_format"]) == ("active", "qcow2")
        rebuilt = inside.run("openstack", "server", "rebuild", "--image", "kept", "--wait", "first-server", **login(inside))
        assert rebuilt.returncode == 0, rebuilt.stderr
        again = demo(inside)
        assert LOGGED_IN.search(again), again
        assert " made (" not in again
        assert " booted (" not in again

        address = re.search(r"ssh -i \S+ (cirros@\S+)", again)
        assert address
        options = ["-i", str(inside.state_dir / "demo/id_ed25519"), "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
        public = inside.run("ssh", *options, address[1], "curl -s http://169.254.169.254/latest/meta-data/public-ipv4")
        assert public.stdout == address[1].split("@")[1], "the server does not know its floating IP"

        servers = openstack(inside, "server", "list")
        assert [(one["Name"], one["Status"], one["Image"]) for one in servers] == [("first-server", "ACTIVE", "kept")]
        allocated = openstack(inside, "network", "auto", "allocated", "topology", "create", "--or-show")
        assert openstack(inside, "network", "show", allocated["id"])["name"] == "auto_allocated_network"

        assert "1 hosts connected" in inside.monostack("status")
        password = (inside.state_dir / "admin-password").read_text().strip()
        assert (inside.state_dir / "admin-password").stat().st_mode & 0o777 == 0o600
        for log in (inside.state_dir / "log").iterdir():
            assert password not in log.read_text()

        assert "1 guests shut down" in inside.monostack("down")
        assert LOGGED_IN.search(demo(inside)), "the server did not come back as it was"

        inside.power_off()
        inside.power_on()
        assert LOGGED_IN.search(demo(inside)), "the server did not come back after a reboot"
        assert [one["Status"] for one in openstack(inside, "server", "list")] == ["ACTIVE"]
        assert [one["Status"] for one in openstack(inside, "volume", "list")] == ["in-use"]

        inside.monostack("down", "--purge")
        assert not inside.state_dir.exists()
        links = inside.run("ip", "-o", "link").stdout.splitlines()
        assert [line.split(": ")[1] for line in links] == ["lo"]
        assert inside.run("ip", "netns").stdout == ""
        assert inside.processes() == []
