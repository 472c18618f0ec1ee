"""Consoles: URLs with tokens, and the WebSockets behind them, on simulated hosts with real screens and serial lines."""

import struct
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import sqlalchemy as sa
from waiting import at, wait_for
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from clouds import Client, TestCloud
from monostack.services.compute.consoles.tokens import console_tokens

Boot = Callable[..., dict[str, Any]]


def _console(client: Client, server_id: str, protocol: str, kind: str, version: str = "2.96") -> httpx.Response:
    body = {"remote_console": {"protocol": protocol, "type": kind}}
    return client.post("compute", f"/servers/{server_id}/remote-consoles", body, headers=at(version))


def _url(client: Client, server_id: str, protocol: str = "vnc", kind: str = "novnc") -> str:
    answer = _console(client, server_id, protocol, kind)
    assert answer.status_code == 200, answer.text
    return answer.json()["remote_console"]["url"]


def _socket(url: str) -> str:
    """The WebSocket that noVNC opens from a console's page."""
    page = urlsplit(url)
    return f"ws://{page.netloc}/{parse_qs(page.query)['path'][0]}"


def _open(url: str, **options: Any) -> ClientConnection:
    return connect(url, proxy=None, open_timeout=20, close_timeout=5, **options)


@pytest.fixture(scope="module")
def server(boot: Boot) -> str:
    return boot("watched")["id"]


def test_a_screen_is_seen(cloud: TestCloud, server: str) -> None:
    url = _url(cloud.demo, server)
    page = httpx.get(url, trust_env=False)
    assert page.status_code == 200 and "noVNC" in page.text and "<script" in page.text and page.headers["cache-control"] == "no-store"
    with _open(_socket(url), subprotocols=["binary"]) as socket:
        assert socket.subprotocol == "binary"
        assert socket.recv(20) == b"RFB 003.008\n"
        socket.send(b"RFB 003.008\n")
        assert socket.recv(20) == b"\1\1"  # one security type: None
        socket.send(b"\1")
        assert socket.recv(20) == b"\0\0\0\0"
        socket.send(b"\1")
        init = socket.recv(20)
        assert isinstance(init, bytes)
        width, height = struct.unpack(">HH", init[:4])
        assert init[24:].startswith(b"instance-") and len(init) == 24 + struct.unpack(">I", init[20:24])[0]
        socket.send(struct.pack(">BBHHHH", 3, 0, 0, 0, width, height))
        picture = b""
        while len(picture) < 16 + width * height * 4:
            picture += socket.recv(20)  # type: ignore[operator]
        assert struct.unpack(">BxHHHHHi", picture[:16]) == (0, 1, 0, 0, width, height, 0)
        assert set(picture[16::4]) == {0x60} and len(picture) == 16 + width * height * 4  # blue, and nothing else


def test_a_serial_line_is_spoken_to(cloud: TestCloud, server: str) -> None:
    url = _url(cloud.demo, server, "serial", "serial")
    assert url.startswith("ws://")
    with _open(url) as socket:
        assert socket.recv(20) == b"\r\nwatched login: "
        socket.send(b"root\r")
        assert socket.recv(20) == b"root\r\nLogin incorrect\r\n\r\nwatched login: "
    old = cloud.demo.post("compute", f"/servers/{server}/action", {"os-getSerialConsole": {"type": "serial"}})
    assert old.json()["console"]["url"].startswith("ws://")


def test_a_console_ends_with_the_guest(cloud: TestCloud, boot: Boot) -> None:
    server = boot("leaves")["id"]
    url = _url(cloud.demo, server)
    with _open(_socket(url)) as socket:
        assert socket.recv(20) == b"RFB 003.008\n"
        assert cloud.demo.post("compute", f"/servers/{server}/action", {"os-stop": None}).status_code == 202
        with pytest.raises(ConnectionClosed):
            socket.recv(20)
    wait_for(cloud.demo, server, "SHUTOFF")
    with pytest.raises(InvalidStatus):
        _open(_socket(url))  # the token is good, the guest is off
    cloud.demo.delete("compute", f"/servers/{server}")


def test_only_the_token_opens_a_console(cloud: TestCloud, server: str) -> None:
    socket = _socket(_url(cloud.demo, server))
    base, token = socket.split("=")
    for wrong in (base + "=" + token[::-1], base, base + "=", socket.replace("/console", "/consoles")):
        with pytest.raises(InvalidStatus) as refused:
            _open(wrong)
        assert refused.value.response.status_code == 403
    with pytest.raises(InvalidStatus):
        _open(socket, origin="http://evil.example")  # type: ignore[arg-type]
    with _open(f"{base.partition('?')[0]}", additional_headers={"cookie": f"lang=en; token={token}"}) as old:
        assert old.recv(20) == b"RFB 003.008\n"
    kept = cloud.run(cloud.app.db.read(lambda tx: [tuple(row) for row in tx.rows(sa.select(console_tokens))]))
    assert kept and token not in str(kept)


def test_tokens_are_shown_to_administrators(cloud: TestCloud, server: str) -> None:
    token = _socket(_url(cloud.demo, server)).split("=")[1]
    shown = cloud.admin.get("compute", f"/os-console-auth-tokens/{token}", headers=at("2.31")).json()["console"]
    assert (shown["instance_uuid"], shown["host"], shown["internal_access_path"]) == (server, "127.0.0.1", None)
    assert shown["port"] >= 5900
    assert cloud.demo.get("compute", f"/os-console-auth-tokens/{token}", headers=at("2.31")).status_code == 403
    assert cloud.admin.get("compute", f"/os-console-auth-tokens/{token}").status_code == 400
    assert cloud.admin.get("compute", "/os-console-auth-tokens/nosuch", headers=at("2.31")).status_code == 404


def test_who_may_have_a_console(cloud: TestCloud, server: str) -> None:
    assert _console(cloud.reader, server, "vnc", "novnc").status_code == 403
    assert _console(cloud.other, server, "vnc", "novnc").status_code == 404
    assert _console(cloud.demo, server, "vnc", "novnc", "2.5").status_code == 404
    old = cloud.demo.post("compute", f"/servers/{server}/action", {"os-getVNCConsole": {"type": "novnc"}})
    assert old.status_code == 200 and old.json()["console"]["type"] == "novnc"
    for kind in ("xvpvnc", "serial"):
        refused = _console(cloud.demo, server, "vnc", kind)
        assert (refused.status_code, refused.json()["badRequest"]["message"]) == (400, f"Invalid console type {kind}")
