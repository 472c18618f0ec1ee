"""Which URLs pass the import filter, and which address is then connected to."""

import asyncio
import socket
from typing import Any

import pytest

from monostack.core.config.options import ImportFilter
from monostack.services.image.import_filter import Refused, passing


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    """A DNS that knows few names."""
    known = {
        "images.example.": ["192.0.2.10", "2001:db8::10"],
        "rebound.example.": ["127.0.0.1", "192.0.2.11"],
        "inner.example.": ["127.0.0.1"],
        "mapped.example.": ["::ffff:127.0.0.1"],
        "metadata.example.": ["169.254.169.254", "fe80::1%eth0"],
    }

    def look_up(name: str, port: int, *_: Any, **__: Any) -> list[Any]:
        if name not in known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in known[name]]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


def _addresses(url: str, **settings: Any) -> tuple[str, ...] | None:
    try:
        return asyncio.run(passing(ImportFilter(**settings), url)).addresses
    except Refused:
        return None


@pytest.mark.parametrize(
    ("url", "addresses"),
    [
        ("http://images.example/disk", ("192.0.2.10", "2001:db8::10")),
        ("HTTPS://Images.Example:443/disk", ("192.0.2.10", "2001:db8::10")),
        ("http://rebound.example/", ("192.0.2.11",)),
        ("http://10.1.2.3/", ("10.1.2.3",)),
        ("http://[2001:db8::5]/", ("2001:db8::5",)),
        *[
            (url, None)
            for url in (
                "http://images.example:8080/", "http://images.example:99999/", "ftp://images.example/", "images.example/disk", "http://",
                "http://user:secret@images.example/", "http://images.example/a b", "http://images.example/\nx", "http://unknown.example/",
                "http://inner.example/", "http://mapped.example/", "http://metadata.example/", "http://127.0.0.1/", "http://[::1]/",
                "http://[::ffff:127.0.0.1]/", "http://0.0.0.0/", "http://[::]/", "http://169.254.169.254/", "http://[fe80::1]/",
                "http://224.0.0.1/", "http://2130706433/", "http://127.1/", "http://0x7f000001/", "http://0177.0.0.1/", "http://[bad/",
            )
        ],
    ],
)  # fmt: skip
def test_what_passes_by_default(url: str, addresses: tuple[str, ...] | None) -> None:
    assert _addresses(url) == addresses


def test_lists_of_the_operator() -> None:
    assert _addresses("http://images.example/", allowed_schemes=["https"]) is None
    assert _addresses("http://images.example/", allowed_hosts=["other.example"]) is None
    assert _addresses("http://images.example/", disallowed_hosts=["images.example"]) is None
    assert _addresses("http://images.example/", disallowed_hosts=["192.0.2.10"]) == ("2001:db8::10",)
    assert _addresses("http://images.example/", allowed_hosts=["images.example"], disallowed_hosts=["images.example"]) is not None
    assert _addresses("http://inner.example/", allowed_hosts=["inner.example"]) == ("127.0.0.1",)
    assert _addresses("http://images.example:8080/", allowed_ports=[8080]) is not None
    assert _addresses("http://images.example:22/", allowed_ports=[], disallowed_ports=[22]) is None
    assert _addresses("http://images.example:23/", allowed_ports=[], disallowed_ports=[22]) is not None
