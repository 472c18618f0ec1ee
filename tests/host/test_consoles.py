"""The screen and the serial line of a real guest, as the agent joins them to the controller's streams."""

import asyncio

import pytest
from guest_lab import PATIENCE, VNC_PORTS, GuestLab, lab, wait_for

from monostack.core.streams import Stream, pipe
from monostack.protocol.guests import ConsoleLog, FindConsole, OpenConsole, StopGuest

__all__ = ["lab"]
pytestmark = pytest.mark.host


async def _shake_hands(viewer: Stream) -> bytes:
    """The name of the desktop, once QEMU let the viewer in."""

    async def take(count: int) -> bytes:
        data = b""
        while len(data) < count:
            data += await viewer.receive() or b"\0" * count
        return data

    version = await take(12)
    await viewer.send(version)
    kinds = await take(2)
    assert 1 in kinds[1:], kinds  # no password: who reaches the address has passed the controller
    await viewer.send(b"\1")
    assert await take(4) == b"\0\0\0\0"
    await viewer.send(b"\1")
    return version + await take(24)


def test_a_screen_is_joined_to_a_stream_and_ends_with_the_guest(lab: GuestLab) -> None:
    spec = lab.spec()
    assert lab.refuse("guest.find_console", FindConsole(spec.server_id, "vnc")).code == "guest.not_found"
    lab.do("guest.create", spec)
    found = lab.do("guest.find_console", FindConsole(spec.server_id, "vnc"))
    assert found["host"] == "127.0.0.1" and VNC_PORTS[0] <= found["port"] <= VNC_PORTS[1]
    assert lab.refuse("guest.open_console", OpenConsole(spec.server_id, "vnc", "s")).code == "console.unreachable"
    assert lab.refuse("guest.find_console", FindConsole(spec.server_id, "spice")).code == "console.unavailable"

    viewer, far = pipe()

    async def dial(stream_id: str) -> Stream:
        assert stream_id == "s"
        return far

    lab.host.agent.reach(dial)
    lab.do("guest.open_console", OpenConsole(spec.server_id, "vnc", "s"))
    seen = lab.run(asyncio.wait_for(_shake_hands(viewer), 30))
    assert seen.startswith(b"RFB 003.008\n") and len(seen) >= 36

    lab.do("guest.stop", StopGuest(spec.server_id, 0))
    assert wait_for(lambda: lab.run(viewer.receive()) == b"" or None, 30)
    assert lab.do("guest.find_console", FindConsole(spec.server_id, "vnc"))["port"] == -1
    assert lab.refuse("guest.open_console", OpenConsole(spec.server_id, "vnc", "s")).code == "guest.not_running"
    lab.do("guest.destroy", {"server_id": spec.server_id})


def test_who_types_on_the_serial_line_is_heard_and_logged(lab: GuestLab) -> None:
    spec = lab.spec()
    lab.do("guest.create", spec)
    assert lab.do("guest.find_console", FindConsole(spec.server_id, "serial"))["port"] == 0
    assert wait_for(lambda: "login:" in lab.do("guest.console_log", ConsoleLog(spec.server_id, None))["output"] or None, PATIENCE)

    async def log_in() -> str:
        seen = ""
        await viewer.send(b"\r")
        for expected, typed in (
            ("login:", b"cirros\r"),
            ("assword:", b"gocubsgo\r"),
            ("$", b"echo $((6 * 7)) is it\r"),
            ("42 is it", b"exit\r"),
        ):
            while expected not in seen:
                seen += (await viewer.receive()).decode(errors="replace")
            await viewer.send(typed)
            seen = seen.rpartition(expected)[2]
        return seen

    viewer, far = pipe()

    async def dial(_: str) -> Stream:
        return far

    lab.host.agent.reach(dial)
    lab.do("guest.open_console", OpenConsole(spec.server_id, "serial", "s"))
    lab.run(asyncio.wait_for(log_in(), 120))
    assert "42 is it" in lab.do("guest.console_log", ConsoleLog(spec.server_id, None))["output"]
    lab.do("guest.destroy", {"server_id": spec.server_id})
