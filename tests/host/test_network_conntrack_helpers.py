"""Conntrack helpers: what a protocol announces is let through a router, and translated."""

import pytest
from network_lab import PATIENCE, Lab, items, lab
from network_site import OUTER, A, Site

__all__ = ["lab"]
pytestmark = pytest.mark.host


def test_active_ftp_through_a_router(lab: Lab) -> None:
    """The client behind the router tells the server where to call it: with the helper the router's address, which leads back to it."""
    site = Site(lab)
    site.router["helpers"] = [{"helper": "ftp", "protocol": "tcp", "port": 2121}]
    lab.apply(items(router=[site.router]))
    # Port 20 is where data comes from; 0x1F90 is 8080, where the client listens for it.
    command = f"PORT {A.replace('.', ',')},31,144\r\n".encode()
    with site.out.listen(2121) as server, site.a.listen(8080) as data, site.a.connect(OUTER, 2121) as control:
        there, _ = server.accept()
        there.settimeout(PATIENCE)
        control.sendall(b"USER x\r\n")  # the helper reads from the second line on
        assert there.recv(100) == b"USER x\r\n"
        control.sendall(command)
        heard = there.recv(100).decode()
        assert heard.startswith("PORT 172,24,4,10,"), heard
        high, low = heard.strip().split(",")[-2:]
        data.settimeout(PATIENCE)
        with site.out.connect("172.24.4.10", int(high) * 256 + int(low)):
            arrived, peer = data.accept()
            arrived.close()
            assert peer[0] == OUTER


def test_without_a_helper_nothing_is_read_along(lab: Lab) -> None:
    site = Site(lab)
    site.router["helpers"] = [{"helper": "ftp", "protocol": "tcp", "port": 2121}]
    lab.apply(items(router=[site.router]))
    site.router["helpers"] = []
    lab.apply(items(router=[site.router]))
    command = f"PORT {A.replace('.', ',')},31,144\r\n".encode()
    with site.out.listen(2121) as server, site.a.connect(OUTER, 2121) as control:
        there, _ = server.accept()
        there.settimeout(PATIENCE)
        control.sendall(b"USER x\r\n")
        assert there.recv(100) == b"USER x\r\n"
        control.sendall(command)
        assert there.recv(100) == command
