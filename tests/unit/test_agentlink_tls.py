"""Agents dial in over mutual TLS: enrolment, names, refusals, reconnection."""

import asyncio
import ssl
from pathlib import Path

import msgspec
import pytest
from agent_steps import spec, until
from dialled_in import Cloud, cloud_in, linked
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from monostack.agent import identity, link
from monostack.agent.identity import EnrolmentError
from monostack.agent.link import Link
from monostack.agentlink import CommandFailed, HostUnreachable
from monostack.agentlink.authority import Authority, BadRequestError
from monostack.agentlink.enrolment import require_host_name
from monostack.agentlink.listener import MAX_STRANGER_MESSAGE
from monostack.core import clock
from monostack.protocol import Report, encode
from monostack.protocol.enrolment import CONTROLLER_NAME
from monostack.testing.hosts import simulated_host


def test_a_host_enrols_once_and_serves_commands(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cloud_in(tmp_path) as cloud:
            token = cloud.token_for("node-1")
            assert await identity.enrol(cloud.url, token, tmp_path / "tls") == "node-1"
            assert (tmp_path / "tls" / "agent.pem").stat().st_mode & 0o777 == 0o600
            assert (tmp_path / "ca" / "authority.pem").stat().st_mode & 0o777 == 0o600
            with pytest.raises(EnrolmentError, match="unknown, used or expired"):
                await identity.enrol(cloud.url, token, tmp_path / "again")
            assert not (tmp_path / "again").exists()
            heard: list[Report] = []
            cloud.hosts.on_report.append(lambda host, report: heard.append(report))
            agent = simulated_host("node-1")
            running = asyncio.create_task(Link(agent, cloud.url, tmp_path / "tls").run())
            await until(cloud.hosts.connected)
            guest = spec()
            assert await cloud.hosts.call("node-1", "guest.create", guest, id="a", timeout=10) == {}
            with pytest.raises(CommandFailed, match="not on this host"):
                await cloud.hosts.call("node-1", "guest.start", spec(), id="b", timeout=10)
            agent.drivers.hypervisor.fall(guest.server_id, "crashed", "crashed")
            await until(lambda: heard)
            assert heard[0].data["server_id"] == guest.server_id
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await until(lambda: not cloud.hosts.connected())

    asyncio.run(scenario())


def test_a_token_pins_the_authority(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cloud_in(tmp_path / "one") as one, cloud_in(tmp_path / "two") as two:
            with pytest.raises(EnrolmentError, match="not the controller that made this token"):
                await identity.enrol(one.url, two.token_for("node-1"), tmp_path / "tls")
            assert two.tokens  # it was not shown to the wrong controller
            with pytest.raises(EnrolmentError, match=r"SECRET\.FINGERPRINT"):
                await identity.enrol(one.url, "rubbish", tmp_path / "tls")

    asyncio.run(scenario())


def test_the_certificate_decides_who_a_host_is(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cloud_in(tmp_path) as cloud:
            cloud.members = {"node-1", "node-2"}
            cloud.authority.issue_host("node-1", tmp_path / "tls")
            context = identity.client_context(tmp_path / "tls")
            async with connect(cloud.url + "/agent", ssl=context, server_hostname=CONTROLLER_NAME, proxy=None) as pretender:
                await pretender.send(encode(await simulated_host("node-2").hello()))
                with pytest.raises(ConnectionClosed) as closed:
                    await pretender.recv()
            assert closed.value.rcvd is not None
            assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, "the certificate is for node-1")
            assert cloud.hosts.connected() == set()

    asyncio.run(scenario())


def test_who_is_not_let_in(tmp_path: Path) -> None:
    async def refusal(cloud: Cloud, path: str, tls_dir: Path | None) -> int:
        if tls_dir is None:
            context = ssl.create_default_context(cadata=cloud.authority.pem.decode())
        else:
            context = identity.client_context(tls_dir)
        with pytest.raises(InvalidStatus) as refused:
            await connect(cloud.url + path, ssl=context, server_hostname=CONTROLLER_NAME, proxy=None)
        return refused.value.response.status_code

    async def scenario() -> None:
        async with cloud_in(tmp_path) as cloud:
            cloud.authority.issue_host("removed", tmp_path / "removed")
            assert await refusal(cloud, "/agent", None) == 401
            assert await refusal(cloud, "/renew", None) == 401
            assert await refusal(cloud, "/agent", tmp_path / "removed") == 403
            assert await refusal(cloud, "/renew", tmp_path / "removed") == 403
            assert await refusal(cloud, "/elsewhere", None) == 404
            # A certificate of another authority: the handshake itself fails.
            Authority.open(tmp_path / "foreign-ca").issue_host("node-1", tmp_path / "foreign")
            (tmp_path / "foreign" / "ca.crt").write_bytes(cloud.authority.pem)
            context = identity.client_context(tmp_path / "foreign")
            with pytest.raises((OSError, InvalidHandshake)) as refused:
                await connect(cloud.url + "/agent", ssl=context, server_hostname=CONTROLLER_NAME, proxy=None)
            assert not isinstance(refused.value, InvalidStatus)  # not by an answer: no HTTP was spoken
            assert cloud.hosts.connected() == set()

    asyncio.run(scenario())


def test_a_stranger_can_send_little_and_only_a_request(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cloud_in(tmp_path) as cloud:
            context = ssl.create_default_context(cadata=cloud.authority.pem.decode())

            async def say(message: bytes) -> bytes | str:
                async with connect(cloud.url + "/enrol", ssl=context, server_hostname=CONTROLLER_NAME, proxy=None) as stranger:
                    await stranger.send(message)
                    return await stranger.recv()

            assert b"not a request" in await say(b"{}")
            token = cloud.token_for("node-1").rpartition(".")[0]
            assert b"cannot be read" in await say(msgspec.json.encode({"type": "enrol", "token": token, "csr": "x"}))
            assert cloud.tokens  # a bad request does not use the token up
            with pytest.raises(ConnectionClosed, match="1009"):
                await say(b"x" * (MAX_STRANGER_MESSAGE + 1))

    asyncio.run(scenario())


def test_an_agent_comes_back_after_the_controller_restarted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "BACKOFF", (0.05, 0.2))

    async def scenario() -> None:
        async with cloud_in(tmp_path) as cloud:
            cloud.members = {"node-1"}
            cloud.authority.issue_host("node-1", tmp_path / "tls")
            seen: list[str] = []
            cloud.hosts.on_connect.append(lambda host, hello: seen.append(hello.instance))
            async with linked(cloud, "node-1", tmp_path / "tls"):
                await until(cloud.hosts.connected)
                slow = spec(faults={"boot_delay": 1})
                waiting = asyncio.create_task(cloud.hosts.call("node-1", "guest.create", slow, id="op", timeout=20))
                await asyncio.sleep(0.2)
                await cloud.listener.close()
                with pytest.raises(HostUnreachable) as broken:
                    await waiting
                assert broken.value.sent
                cloud.listener = cloud.new_listener()
                await cloud.listener.start("127.0.0.1", cloud.port)
                await until(cloud.hosts.connected)
                assert await cloud.hosts.call("node-1", "guest.create", slow, id="op", timeout=20) == {}
            assert len(seen) == 2
            assert len(set(seen)) == 1  # the same process

    asyncio.run(scenario())


def test_the_newest_connection_of_a_host_counts(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cloud_in(tmp_path) as cloud:
            cloud.members = {"node-1"}
            cloud.authority.issue_host("node-1", tmp_path / "tls")
            context = identity.client_context(tmp_path / "tls")
            events: list[str] = []
            cloud.hosts.on_connect.append(lambda host, hello: events.append("connect"))
            cloud.hosts.on_disconnect.append(lambda host: events.append("disconnect"))
            async with connect(cloud.url + "/agent", ssl=context, server_hostname=CONTROLLER_NAME, proxy=None) as old:
                await old.send(encode(await simulated_host("node-1").hello()))
                await until(lambda: events == ["connect"])
                async with linked(cloud, "node-1", tmp_path / "tls"):
                    with pytest.raises(ConnectionClosed):
                        await old.recv()
                    await until(cloud.hosts.connected)
                    assert await cloud.hosts.call("node-1", "guest.list", None, id="x", timeout=10) == {"guests": []}
            assert events[:3] == ["connect", "disconnect", "connect"]

    asyncio.run(scenario())


def test_a_certificate_is_renewed_before_it_ends(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cloud_in(tmp_path) as cloud:
            cloud.members = {"node-1"}
            now = clock.timestamp()
            clock.use(now=lambda: now - 300 * 86400)
            try:
                cloud.authority.issue_host("node-1", tmp_path / "tls")
            finally:
                clock.use()
            before = (tmp_path / "tls" / "agent.pem").read_bytes()
            assert identity.is_due(tmp_path / "tls")
            async with linked(cloud, "node-1", tmp_path / "tls"):
                await until(cloud.hosts.connected)
            assert (tmp_path / "tls" / "agent.pem").read_bytes() != before
            assert not identity.is_due(tmp_path / "tls")

    asyncio.run(scenario())


def test_the_authority_is_kept_and_signs_no_weak_key(tmp_path: Path) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    first = Authority.open(tmp_path / "ca")
    assert Authority.open(tmp_path / "ca").pem == first.pem
    weak = rsa.generate_private_key(65537, 1024)
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(weak, hashes.SHA256())
    with pytest.raises(BadRequestError, match="too weak"):
        first.sign_host(request.public_bytes(serialization.Encoding.PEM).decode(), "node-1")


@pytest.mark.parametrize("name", ["", "-x", "a b", "a/b", "x" * 64, "host-", "a\n"])
def test_a_bad_host_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be a host's name"):
        require_host_name(name)


def test_a_good_host_name_is_taken() -> None:
    assert require_host_name("node-1.rack_2.example.org") == "node-1.rack_2.example.org"
