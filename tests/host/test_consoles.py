"""The screen of a real guest, as the agent joins it to the controller's stream."""

import asyncio
from collections.abc import Iterator

import pytest
from guest_lab import GuestLab, guest_lab, wait_for

from monostack.core.streams import Stream, pipe
from monostack.protocol.guests import FindConsole, OpenConsole, StopGuest

pytestmark = pytest.mark.host


@pytest.fixture(scope="module")
def lab() -> Iterator[GuestLab]:
    with guest_lab() as made:
        yield made


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
    assert found["host"] == "127.0.0.1" and found["port"] >= 5900
    assert lab.refuse("guest.open_console", OpenConsole(spec.server_id, "vnc", "s")).code == "console.unreachable"
    assert lab.refuse("guest.find_console", FindConsole(spec.server_id, "serial")).code == "console.unavailable"

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
