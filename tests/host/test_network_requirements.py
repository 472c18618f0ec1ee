"""What the network needs of a machine: found here, and missed where it is not."""

from pathlib import Path

import pytest
from network_lab import Lab, in_namespace, lab

from monostack.agent.errors import CommandError
from monostack.agent.network.linux import nftables, requirements
from monostack.agent.network.linux.dnsmasq import DnsmasqError
from monostack.protocol.network import Apply

__all__ = ["lab"]
pytestmark = pytest.mark.host


def test_this_machine_has_everything_and_keeps_nothing(lab: Lab) -> None:
    before = lab.dump()
    found = lab.on_host(requirements.check)
    assert [(one.name, one.explanation) for one in found if not one.ok and one.name != "VLAN tags"] == []
    assert {"bridges", "virtual interfaces", "nftables", "address translation", "connection tracking", "dnsmasq"} < {
        one.name for one in found
    }
    assert lab.dump() == before


def test_a_firewall_in_the_way_is_told(lab: Lab) -> None:
    lab.on_host(lambda: nftables.run("table ip theirs { chain fw { type filter hook forward priority 0; policy drop; }\n}"))
    found = {one.name: one for one in lab.on_host(requirements.check)}
    assert not found["forwarding"].ok
    assert "ip theirs fw" in found["forwarding"].explanation
    assert found["forwarding"].remedy


def test_without_dnsmasq(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> str:
        raise DnsmasqError("dnsmasq is not installed")

    monkeypatch.setattr(requirements.dnsmasq, "program", nowhere)
    found = {one.name: one for one in in_namespace("", requirements.check)}
    assert not found["dnsmasq"].ok
    assert found["nftables"].ok
    assert [one.name for one in requirements.missing()] == [], "networks without DHCP can be made all the same"


def test_an_old_dnsmasq(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    old = tmp_path / "dnsmasq"
    old.write_text("#!/bin/sh\necho 'Dnsmasq version 2.79  Copyright'\n")
    old.chmod(0o755)
    monkeypatch.setattr(requirements.dnsmasq, "program", lambda: str(old))
    found = {one.name: one for one in requirements.check()}
    assert not found["dnsmasq"].ok
    assert "2.79" in found["dnsmasq"].explanation


def test_a_kernel_without_what_it_takes_is_refused_with_the_reason(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(links: object, name: str, kind: str, *_: object, **__: object) -> None:
        raise RuntimeError(f"cannot make interface {name}: Operation not supported")

    monkeypatch.setattr(requirements.Links, "add", refuse)
    with pytest.raises(CommandError, match="bridges: cannot make interface bridge0: Operation not supported") as refused:
        lab.wait(lab.driver.apply(Apply({})))
    assert refused.value.code == "host.network_unsupported"
    monkeypatch.undo()
    lab.apply({})
