"""Packet logs: what a port's groups let pass and what is dropped stands in the file of the host, as long as somebody asks for it."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from network_lab import Lab, group, items, network, port, rule, waits_for

from monostack.agent.config import PacketLog

pytestmark = pytest.mark.host

A, B = "10.10.0.11", "10.10.0.12"
ROOM = 4000
PROJECT, FIRST, SECOND = "a1" * 16, "b1" * 16, "b2" * 16


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    made = Lab(packet_log=PacketLog(file=str(tmp_path / "packets.log"), max_bytes=ROOM))
    yield made
    made.close()


def web(number: int) -> dict[str, Any]:
    return rule(protocol="tcp", port_min=number, port_max=number)


class Site:
    """`a` calls `b`, whose groups let in port 80, or 81."""

    def __init__(self, lab: Lab) -> None:
        self.lab, self.net = lab, network(serves_dhcp=False)
        self.groups = [group(rule()), group(web(80)), group(web(81))]
        both = [made["id"] for made in self.groups[1:]]
        self.ports = [port(self.net, A, groups=[self.groups[0]["id"]]), port(self.net, B, groups=both)]
        self.a, self.b = (lab.guest(made) for made in self.ports)
        self.a.address(A + "/24")
        self.b.address(B + "/24")
        lab.apply(items(network=[self.net], group=self.groups, port=self.ports))

    def log(self, *logs: dict[str, Any]) -> None:
        """What is logged of `b`."""
        self.ports[1]["logs"] = [{"project_id": PROJECT, "accepted": False, "dropped": False, **log} for log in logs]
        self.lab.apply(items(port=[self.ports[1]]))

    def lines(self) -> list[str]:
        """What is written of IPv4: of the other, guests say something by themselves."""
        path = self.lab.settings.packet_log_file
        return [line for line in path.read_text().splitlines() if "ethertype=2048" in line] if path.exists() else []

    def told(self, *parts: str) -> list[str]:
        return [line for line in self.lines() if all(part in line for part in parts)]

    def speak(self, number: int) -> None:
        """A connection from `a` to `b` and several packets over it."""
        with self.b.listen(number) as server, self.a.connect(B, number) as here:
            there, _ = server.accept()
            with there:
                for _ in range(3):
                    here.send(b"x")
                    assert there.recv(1) == b"x"


def test_the_first_packet_of_what_is_let_pass_and_all_that_is_dropped(lab: Lab) -> None:
    site = Site(lab)
    site.log({"id": FIRST, "accepted": True, "dropped": True})
    site.speak(80)
    assert site.a.is_kept_from(B, 22)
    waits_for(lambda: bool(site.told("action=ACCEPT") and site.told("action=DROP")), "both are told")
    passed, dropped = site.told("action=ACCEPT", "dst_port=80"), site.told("action=DROP", "dst_port=22")
    assert len(passed) == 1 == len(site.told("action=ACCEPT")), "the connection, once"
    assert len(dropped) == len(site.told("action=DROP")), "nothing else was dropped"
    about = f"project_id={PROJECT} log_resource_ids=['{FIRST}'] vm_port={site.ports[1]['id']} pkt=ethernet(dst='{site.b.mac}',"
    assert all(about in line and f"ipv4(dst='{B}',proto=6,src='{A}'" in line for line in [*passed, *dropped])
    site.log()
    before = site.told(FIRST)
    site.speak(80)
    assert site.a.is_kept_from(B, 22)
    site.log({"id": SECOND, "dropped": True})
    assert site.a.is_kept_from(B, 23)
    waits_for(lambda: bool(site.told(SECOND)), "it is logged again")
    assert site.told(FIRST) == before, "nothing was while nobody asked"
    assert not site.told("action=ACCEPT", SECOND)


def test_what_one_group_lets_pass(lab: Lab) -> None:
    site = Site(lab)
    site.log({"id": FIRST, "accepted": True, "group": site.groups[2]["id"]})
    site.speak(80)
    assert site.a.is_kept_from(B, 22)
    site.speak(81)
    waits_for(lambda: bool(site.told("dst_port=81")), "what the group lets pass is told")
    assert len(site.lines()) == 1, "and nothing else"
    site.groups[2]["rules"] = site.groups[2]["rules"][:2]
    lab.apply(items(group=[site.groups[2]]))
    assert site.a.is_kept_from(B, 81), "a copy of the group's rules follows them"


def test_who_claims_an_address_is_told_of_and_the_file_stays_small(lab: Lab) -> None:
    site = Site(lab)
    site.log({"id": FIRST, "dropped": True})
    site.b.address("10.10.0.77/24")
    site.b.neighbour(A, site.a.mac)
    path = lab.settings.packet_log_file
    older = path.with_name(path.name + ".1")
    with site.b.open(kind=socket.SOCK_DGRAM) as caller:
        caller.bind(("10.10.0.77", 0))

        def enough() -> bool:
            for _ in range(5):
                caller.sendto(b"x", (A, 53))
            return older.exists() and path.exists()

        waits_for(enough, "a full file makes room")
    assert ROOM <= older.stat().st_size < 12 * ROOM
    assert site.told("action=DROP", "src='10.10.0.77'", "udp(dst_port=53")
