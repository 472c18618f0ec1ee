"""Streams that hosts dial over mutual TLS: consoles."""

import asyncio
from pathlib import Path

import pytest
from agent_steps import spec, until
from dialled_in import cloud_in, linked
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from monostack.agent import identity
from monostack.agentlink import CommandFailed
from monostack.core.streams import pipe, relay
from monostack.protocol.enrolment import CONTROLLER_NAME
from monostack.protocol.guests import OpenConsole


def test_a_host_dials_the_console_it_is_asked_for(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cloud_in(tmp_path) as cloud:
            await identity.enrol(cloud.url, cloud.token_for("node-1"), tmp_path / "tls")
            async with linked(cloud, "node-1", tmp_path / "tls"):
                await until(cloud.hosts.connected)
                guest = spec()
                await cloud.hosts.call("node-1", "guest.create", guest, id="a", timeout=10)

                def open_console(stream_id: str) -> OpenConsole:
                    return OpenConsole(guest.server_id, "vnc", stream_id)

                stream = await cloud.hosts.open_stream("node-1", "guest.open_console", open_console, timeout=10)
                assert await stream.receive() == b"RFB 003.008\n"
                await stream.send(b"RFB 003.008\n")
                assert await stream.receive() == b"\1\1"
                await stream.close()
                assert await stream.receive() == b""
                with pytest.raises(CommandFailed, match="not on this host"):
                    await cloud.hosts.open_stream(
                        "node-1", "guest.open_console", lambda id: OpenConsole(spec().server_id, "vnc", id), timeout=10
                    )

    asyncio.run(scenario())


def test_nobody_else_dials_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cloud_in(tmp_path) as cloud:
            await identity.enrol(cloud.url, cloud.token_for("node-1"), tmp_path / "one")
            await identity.enrol(cloud.url, cloud.token_for("node-2"), tmp_path / "two")
            arrival = asyncio.get_running_loop().create_future()
            cloud.hosts._awaited["wanted"] = "node-1", arrival
            context = identity.client_context(tmp_path / "two")
            for stream_id in ("wanted", "never-asked-for"):
                url = f"{cloud.url}/stream/{stream_id}"
                async with connect(url, ssl=context, server_hostname=CONTROLLER_NAME, proxy=None) as connection:
                    with pytest.raises(ConnectionClosed, match="nobody waits"):
                        await connection.recv()
            assert not arrival.done()

    asyncio.run(scenario())


def test_when_one_end_leaves_both_are_closed() -> None:
    async def scenario() -> None:
        user, near = pipe()
        far, guest = pipe()
        joined = asyncio.create_task(relay(near, far))
        await user.send(b"to the guest")
        assert await guest.receive() == b"to the guest"
        await guest.send(b"back")
        assert await user.receive() == b"back"
        await user.close()
        await joined
        assert await guest.receive() == b"" and await user.receive() == b""

    asyncio.run(scenario())
