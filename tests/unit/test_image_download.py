"""Fetching an image's bits from the image service, which may answer anything."""

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from monostack.agent.block.download import download
from monostack.agent.errors import CommandError
from monostack.protocol.guests import ImageSource

BITS = bytes(range(256)) * 5000


class Answers(BaseHTTPRequestHandler):
    """An image service with one image, and paths where something goes wrong."""

    def do_GET(self) -> None:
        if self.headers.get("Authorization") != "Bearer secret":
            self.send_error(401)
        elif self.path == "/good":
            self._send(BITS)
        elif self.path == "/longer":
            self._send(BITS + b"more")
        elif self.path == "/other":
            self._send(b"x" * len(BITS))
        elif self.path == "/broken-off":
            self.send_response(200)
            self.send_header("Content-Length", str(len(BITS)))
            self.end_headers()
            self.wfile.write(BITS[:1000])
        elif self.path == "/elsewhere":
            self.send_response(302)
            self.send_header("Location", "/good")
            self.end_headers()
        else:
            self.send_error(404)

    def _send(self, content: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Tests are quiet."""


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def image(url: str, token: str | None = "secret", size: int = len(BITS)) -> ImageSource:
    return ImageSource(id="image", disk_format="raw", size=size, sha512=hashlib.sha512(BITS).hexdigest(), url=url, token=token)


def test_the_bits_arrive(service: str, tmp_path: Path) -> None:
    download(image(service + "/good"), tmp_path / "image")
    assert (tmp_path / "image").read_bytes() == BITS


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/longer", "image.corrupt"),
        ("/other", "image.corrupt"),
        ("/broken-off", "image.corrupt"),
        ("/elsewhere", "image.unreachable"),  # the token is not taken along
        ("/nothing", "image.unreachable"),
    ],
)
def test_what_is_not_the_image_is_refused(service: str, tmp_path: Path, path: str, code: str) -> None:
    with pytest.raises(CommandError) as refused:
        download(image(service + path), tmp_path / "image")
    assert refused.value.code == code


def test_without_its_token_it_is_not_given(service: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="answered 401") as refused:
        download(image(service + "/good", token=None), tmp_path / "image")
    assert "secret" not in refused.value.message


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/x", "nonsense", "http://127.0.0.1:1/"])
def test_nothing_but_http_is_opened(tmp_path: Path, url: str) -> None:
    with pytest.raises(CommandError) as refused:
        download(image(url), tmp_path / "image")
    assert refused.value.code == "image.unreachable"
    assert not (tmp_path / "image").exists()


def test_an_image_larger_than_the_disk_is_not_begun(service: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError) as refused:
        download(image(service + "/good", size=1 << 60), tmp_path / "image")
    assert (refused.value.code, refused.value.retry) == ("host.disk_full", True)
    assert not (tmp_path / "image").exists()
