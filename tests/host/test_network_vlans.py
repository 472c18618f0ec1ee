"""VLANs of a physical network: guests talk to what sends their tag there, and to nothing else."""

import pytest
from network_lab import Lab, group, items, lab, network, port, rule
from pyroute2 import IPRoute

from monostack.agent.network.linux import requirements

__all__ = ["lab"]
pytestmark = pytest.mark.host

OPEN = group(rule())


def test_frames_carry_the_tag_on_the_physical_network(lab: Lab) -> None:
    if not next(one.ok for one in lab.on_host(requirements.check) if one.name == "VLAN tags"):
        pytest.skip("this kernel has no VLANs")
    net = network(serves_dhcp=False, kind="vlan", physical_network="public", segment=7)
    made = port(net, "10.10.0.11", groups=[OPEN["id"]])
    guest = lab.guest(made)
    guest.address("10.10.0.11/24")
    lab.apply(items(network=[net], group=[OPEN], port=[made]))
    outside = lab.node("outside", "fa:16:3e:00:00:07", "outside", lab.external.bridge)

    def tag(netlink: IPRoute, index: int) -> None:
        netlink.link("add", ifname="eth0.7", kind="vlan", link=index, vlan_id=7)
        inner = netlink.link_lookup(ifname="eth0.7")[0]
        netlink.addr("add", index=inner, address="10.10.0.99", prefixlen=24)
        netlink.link("set", index=inner, state="up")

    outside.netlink(tag)
    assert guest.pings("10.10.0.99")
    lab.apply(items(network=[{**net, "segment": 8}]))
    assert guest.pings_in_vain("10.10.0.99")
    lab.apply({f"port/{made['id']}": None, f"network/{net['id']}": None})
    left = lab.on_host(lambda: [link.get_attr("IFLA_IFNAME") for link in IPRoute().get_links()])
    assert not [name for name in left if name.startswith(("msv", "msb")) or name == lab.external.bridge]
