"""Single ports of a floating IP that lead to servers."""

from typing import Any

import pytest
from network_lab import PATIENCE, Lab, items, lab
from network_site import FLOATING, OUTER, A, B, Site, caller_seen, silent

__all__ = ["lab"]
pytestmark = pytest.mark.host


def forwarding(
    number: int, external: tuple[int, int], internal_ip: str, internal: tuple[int, int], protocol: str = "tcp"
) -> dict[str, Any]:
    return {
        "id": f"f0{number:06d}-0000-4000-8000-000000000000", "floating_ip": FLOATING, "protocol": protocol,
        "external_ports": external, "internal_ip": internal_ip, "internal_ports": internal,
    }  # fmt: skip


def forward(site: Site, *wanted: dict[str, Any]) -> None:
    site.router["port_forwardings"] = list(wanted)
    site.lab.apply(items(router=[site.router]))


def answers(site: Site, called: int, listening: int, node: Any, caller: Any = None) -> str:
    """Whom the server takes its caller for."""
    with node.listen(listening) as server:
        server.settimeout(PATIENCE)
        with (caller or site.out).connect(FLOATING, called) as here:
            there, peer = server.accept()
            with there:
                there.settimeout(PATIENCE)
                here.sendall(b"hello")
                assert there.recv(16) == b"hello"
    return str(peer[0])


def test_ports_of_one_floating_ip_lead_to_several_servers(lab: Lab) -> None:
    site = Site(lab)
    forward(
        site,
        forwarding(1, (2000, 2000), A, (80, 80)),
        forwarding(2, (2001, 2001), B, (80, 80)),
        forwarding(3, (3000, 3002), A, (8000, 8002)),
        forwarding(4, (4000, 4002), B, (443, 443)),
        forwarding(5, (2000, 2000), B, (53, 53), "udp"),
        forwarding(6, (1, 1), B, (1, 1), "icmp"),
    )
    assert answers(site, 2000, 80, site.a) == OUTER, "the server sees who calls"
    assert answers(site, 2001, 80, site.b) == OUTER
    assert answers(site, 3002, 8002, site.a) == OUTER, "ranges go one to one"
    assert answers(site, 4001, 443, site.b) == OUTER, "or all to one"
    assert answers(site, 2000, 80, site.a, site.c) == "172.24.4.10", "a neighbour is answered through the router"
    assert site.out.pings(FLOATING)
    with pytest.raises(ConnectionRefusedError):
        site.out.connect(FLOATING, 2002)
    assert caller_seen(site.a, site.out, OUTER) == "172.24.4.10", "the way out is the router's as before"


def test_a_forwarding_that_changes_cuts_its_connections(lab: Lab) -> None:
    site = Site(lab)
    forward(site, forwarding(1, (2000, 2000), A, (80, 80)), forwarding(2, (2001, 2001), A, (80, 80)))
    with site.a.listen(80) as server, site.out.connect(FLOATING, 2000) as here, site.out.connect(FLOATING, 2001) as other:
        pairs = {}
        for _ in range(2):
            there, peer = server.accept()
            pairs[peer[1]] = there
        for end in (here, other):
            end.send(b"1")
            assert pairs[end.getsockname()[1]].recv(1) == b"1"
        forward(site, forwarding(1, (2000, 2000), A, (81, 81)), forwarding(2, (2001, 2001), A, (80, 80)))
        other.send(b"2")
        assert pairs[other.getsockname()[1]].recv(1) == b"2", "one that is as it was goes on"
        assert silent(here, pairs[here.getsockname()[1]])
    assert answers(site, 2000, 81, site.a) == OUTER
    forward(site)
    assert site.out.pings_in_vain(FLOATING)
