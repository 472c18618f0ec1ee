"""Trunks: what a guest tags reaches the network of the subport, where the kernel has VLANs; where it has none, that is said."""

from typing import Any

import pytest
from network_lab import Lab, group, items, lab, network, port, rule
from pyroute2 import IPRoute

from monostack.agent.network.linux import requirements

__all__ = ["lab"]
pytestmark = pytest.mark.host

OPEN = group(rule())


def has_tags(lab: Lab) -> bool:
    return next(one.ok for one in lab.on_host(requirements.check) if one.name == "VLAN tags")


def site(lab: Lab) -> dict[str, Any]:
    """A guest on one network that is to be on a second one too, by tag 7; a neighbour on that one."""
    nets = [network(serves_dhcp=False), network("10.20.0.0/24", serves_dhcp=False)]
    parent = port(nets[0], "10.10.0.11", groups=[OPEN["id"]])
    inside = port(nets[1], "10.20.0.11", groups=[OPEN["id"]], parent=parent["id"], vlan=7)
    beside = port(nets[1], "10.20.0.12", groups=[OPEN["id"]])
    return {"nets": nets, "parent": parent, "inside": inside, "beside": beside}


def test_tagged_frames_reach_the_subports_network(lab: Lab) -> None:
    if not has_tags(lab):
        pytest.skip("this kernel has no VLANs")
    made = site(lab)
    guest, beside = lab.guest(made["parent"]), lab.guest(made["beside"])
    guest.address("10.10.0.11/24")
    beside.address("10.20.0.12/24")
    lab.apply(items(network=made["nets"], group=[OPEN], port=[made["inside"], made["parent"], made["beside"]]))

    def tag(netlink: IPRoute, index: int) -> None:
        netlink.link("add", ifname="eth0.7", kind="vlan", link=index, vlan_id=7, address=made["inside"]["mac"])
        inner = netlink.link_lookup(ifname="eth0.7")[0]
        netlink.addr("add", index=inner, address="10.20.0.11", prefixlen=24)
        netlink.link("set", index=inner, state="up")

    guest.netlink(tag)
    assert guest.pings("10.20.0.12")
    lab.apply(items(port=[{**made["inside"], "vlan": 8}]))
    assert guest.pings_in_vain("10.20.0.12")


def test_without_vlans_only_the_subport_fails(lab: Lab) -> None:
    if has_tags(lab):
        pytest.skip("this kernel has VLANs")
    made = site(lab)
    guest, beside = lab.guest(made["parent"]), lab.guest(made["beside"])
    guest.address("10.10.0.11/24")
    beside.address("10.20.0.12/24")
    errors = lab.errors(items(network=made["nets"], group=[OPEN], port=[made["inside"], made["parent"], made["beside"]]))
    assert set(errors) == {f"port/{made['inside']['id']}"}
    assert "cannot make interface" in errors[f"port/{made['inside']['id']}"]
    neighbour = port(made["nets"][0], "10.10.0.12", groups=[OPEN["id"]])
    other = lab.guest(neighbour)
    other.address("10.10.0.12/24")
    lab.errors(items(port=[neighbour]))
    assert guest.pings("10.10.0.12"), "the parent works without its subports"
