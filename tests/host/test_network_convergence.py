"""Applying: in any order, again, in part, after a restart, over strays; and releasing it all."""

import contextlib
import fcntl
import os
import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from network_cloud import A, C, Cloud
from network_lab import PATIENCE, Lab, Node, external, group, in_namespace, items, lab, network, port, rule, waits_for
from pyroute2 import IPRoute

from monostack.agent.config import ExternalNetwork
from monostack.agent.network.linux import namespaces, nftables, sysctl
from monostack.protocol.network import bridge_name

__all__ = ["lab"]
pytestmark = pytest.mark.host


@contextlib.contextmanager
def talking(caller: Node, called: Node, address: str) -> Iterator[Callable[[], bool]]:
    """A TCP connection, and whether it still carries both ways."""
    with called.listen(80) as listening, caller.connect(address, 80) as here:
        there, _ = listening.accept()
        with there:

            def carries() -> bool:
                for sender, receiver in ((here, there), (there, here)):
                    receiver.settimeout(PATIENCE)
                    sender.send(b"x")
                    if receiver.recv(1) != b"x":
                        return False
                return True

            yield carries


def test_applied_again_nothing_changes(lab: Lab) -> None:
    cloud = Cloud(lab)
    lab.apply(cloud.items)
    assert cloud.works(lab)
    before = lab.dump()
    lab.apply(cloud.items)
    assert lab.dump() == before
    lab.apply(cloud.items, full=True)
    assert lab.dump() == before


def test_the_next_agent_disturbs_nothing(lab: Lab) -> None:
    cloud = Cloud(lab)
    lab.apply(cloud.items)
    with talking(cloud.a, cloud.c, C) as inside, talking(lab.machine(), cloud.a, "172.24.4.50") as floating:
        assert inside() and floating()
        before, servers = lab.dump(), dnsmasq_pids(lab)
        lab.restart()
        lab.apply(cloud.items, full=True)
        assert lab.dump() == before
        assert dnsmasq_pids(lab) == servers
        assert inside() and floating()
    assert cloud.works(lab)


def dnsmasq_pids(lab: Lab) -> dict[str, str]:
    return {str(found): found.read_text() for found in lab.settings.directory.glob("*/*/pid")}


def test_rules_removed_while_no_agent_ran_cut_too(lab: Lab) -> None:
    cloud = Cloud(lab)
    lab.apply(cloud.items)
    with talking(cloud.a, cloud.c, C) as carries:
        assert carries()
        lab.restart()
        cloud.group["rules"] = cloud.group["rules"][:2]
        lab.apply(cloud.items, full=True)
        with pytest.raises(TimeoutError):
            carries()


def test_items_one_by_one_in_the_worst_order(lab: Lab) -> None:
    cloud = Cloud(lab)
    waiting = {}
    for kind in ("router", "port", "metadata", "members", "group", "network"):
        for key in sorted(key for key in cloud.items if key.startswith(kind + "/")):
            waiting = lab.errors({key: cloud.items[key]})
    assert waiting == {}
    assert cloud.works(lab)


def test_what_waits_says_for_what_and_is_made_when_it_comes(lab: Lab) -> None:
    net = network()
    made = port(net, A)
    assert lab.errors(items(port=[made])) == {f"port/{made['id']}": f"waits for network/{net['id']}, which this host has not been told of"}
    assert lab.errors(items(network=[net])) == {}
    assert interface(lab, made["tap"]) is not None


def test_one_fault_stops_nothing_else(lab: Lab) -> None:
    net, strange = network(), network(kind="flat", physical_network="nowhere")
    bad, good = port(net, A, mac="not a mac"), port(net, "10.10.0.12")
    errors = lab.errors({**items(network=[net, strange], port=[bad, good]), "router/" + "e" * 12: {"id": "x"}, "nonsense/1": {}})
    assert set(errors) == {f"network/{strange['id']}", f"port/{bad['id']}", "router/" + "e" * 12, "nonsense/1"}
    assert "'nowhere' (it has: public)" in errors[f"network/{strange['id']}"]
    assert "'not a mac' is not a MAC address" in errors[f"port/{bad['id']}"]
    assert interface(lab, good["tap"]) is not None


def test_a_tap_is_there_for_qemu_to_open(lab: Lab) -> None:
    net = network()
    made = port(net, A)
    lab.apply(items(network=[net], port=[made]))
    found = interface(lab, made["tap"])
    assert found is not None
    assert found.get_attr("IFLA_MTU") == 1450
    assert found.get_attr("IFLA_LINKINFO").get_attr("IFLA_INFO_KIND") == "tun"
    with os.fdopen(lab.on_host(lambda: os.open("/dev/net/tun", os.O_RDWR)), "rb", buffering=0) as tap:
        # IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, as libvirt opens it
        lab.on_host(lambda: fcntl.ioctl(tap, 0x400454CA, struct.pack("16sH22x", made["tap"].encode(), 0x0002 | 0x1000 | 0x4000)))
        waits_for(lambda: bool(interface(lab, made["tap"]).get_attr("IFLA_CARRIER")), "the tap carries")
    assert interface(lab, made["tap"]) is not None, "it stays when the guest is off"
    lab.apply({f"port/{made['id']}": None})
    assert interface(lab, made["tap"]) is None


def interface(lab: Lab, name: str) -> Any:
    def look() -> Any:
        with IPRoute() as netlink:
            return next((link for link in netlink.link("dump") if link.get_attr("IFLA_IFNAME") == name), None)

    return lab.on_host(look)


def test_a_change_of_mtu_reaches_every_interface(lab: Lab) -> None:
    cloud = Cloud(lab)
    lab.apply(cloud.items)
    lab.apply(items(network=[{**cloud.nets[0], "mtu": 1400}]))
    name = bridge_name(cloud.nets[0]["id"])
    assert interface(lab, name).get_attr("IFLA_MTU") == 1400
    assert interface(lab, cloud.ports[0]["tap"]).get_attr("IFLA_MTU") == 1400
    assert cloud.a.dhcp()["mtu"] == "1400"
    # A packet that no longer fits is answered by the router with the size that does.
    with cloud.c.open(kind=socket.SOCK_DGRAM) as wire:
        wire.setsockopt(socket.IPPROTO_IP, 10, 2)  # IP_MTU_DISCOVER: IP_PMTUDISC_DO
        wire.connect((A, 9))
        wire.send(b"x" * 1400)
        waits_for(lambda: wire.getsockopt(socket.IPPROTO_IP, 14) == 1400, "the path's MTU is known")  # IP_MTU


def test_full_removes_strays_and_puts_right_what_was_changed(lab: Lab) -> None:
    cloud = Cloud(lab)
    lab.apply(cloud.items)
    before = lab.dump()

    def meddle() -> None:
        with IPRoute() as netlink:
            for name in ("msb0123456789a", "mst0123456789a"):
                netlink.link("add", ifname=name, kind="bridge")
            netlink.link("add", ifname="msr0123456789a", kind="veth", peer="peer0")
            netlink.link("add", ifname="mst-of-others", kind="bridge")
            netlink.link("set", index=netlink.link_lookup(ifname=cloud.ports[0]["tap"])[0], master=0)
        nftables.run("flush table bridge monostack")

    lab.on_host(meddle)
    stray = lab.settings.router_namespace("0123456789ab")
    in_namespace("", lambda: namespaces.ensure(stray))
    in_namespace(lab.settings.router_namespace(cloud.router["id"]), lambda: nftables.run("delete table ip monostack"))
    lab.apply(cloud.items, full=True)
    assert stray not in namespaces.names()
    assert interface(lab, "mst-of-others") is not None, "only what bears a name of ours is ours"
    lab.on_host(lambda: remove_link("mst-of-others"))
    assert lab.dump() == before
    assert cloud.works(lab)


def remove_link(name: str) -> None:
    with IPRoute() as netlink:
        netlink.link("del", ifname=name)


def test_full_removes_what_is_not_named(lab: Lab) -> None:
    cloud = Cloud(lab)
    lab.apply(cloud.items)
    lab.restart()
    kept = {key: item for key, item in cloud.items.items() if key in (f"network/{cloud.nets[0]['id']}", f"port/{cloud.ports[0]['id']}")}
    lab.apply(kept, full=True)
    assert [name for name in namespaces.names() if lab.settings.is_namespace(name)] == [lab.settings.dhcp_namespace(cloud.nets[0]["id"])]
    assert interface(lab, bridge_name(cloud.nets[1]["id"])) is None
    assert interface(lab, lab.external.bridge) is None
    assert interface(lab, cloud.ports[1]["tap"]) is None
    assert interface(lab, cloud.ports[0]["tap"]) is not None
    lab.apply({}, full=True)
    assert links_of(lab) == {"lo"}


def links_of(lab: Lab) -> set[str]:
    def look() -> set[str]:
        with IPRoute() as netlink:
            return {link.get_attr("IFLA_IFNAME") for link in netlink.link("dump")}

    return lab.on_host(look)


def test_a_part_is_refused_while_the_whole_is_not_known(lab: Lab) -> None:
    """Otherwise the filters of every other port would be gone."""
    cloud = Cloud(lab)
    lab.apply(cloud.items)
    before = lab.dump()
    lab.restart()
    errors = lab.errors(items(port=[cloud.ports[0]]))
    assert "not been told yet of all its items" in errors[f"port/{cloud.ports[0]['id']}"]
    assert lab.dump() == before
    lab.apply(cloud.items, full=True)
    lab.apply(items(port=[cloud.ports[0]]))


def test_release_leaves_the_host_as_it_was() -> None:
    public = ExternalNetwork(bridge="br-lab", address="172.24.4.1/24", masquerade=True)
    lab = Lab(external_networks={"public": public})
    try:
        lab.on_host(lambda: sysctl.write("ipv4/ip_forward", 0))
        before = whole_machine(lab)
        cloud = Cloud(lab)
        lab.apply(cloud.items)
        assert cloud.works(lab)
        assert lab.on_host(lambda: sysctl.read("ipv4/ip_forward")) == "1"
        pids = dnsmasq_pids(lab)
        lab.restart()  # what an earlier process made is released too
        foreign = lab.settings.directory / "of-others"
        foreign.touch()
        lab.wait(lab.driver.release())
        assert whole_machine(lab) == before
        assert [*lab.settings.directory.iterdir()] == [foreign]
        assert not any(
            Path(f"/proc/{pid.strip()}/cmdline").exists() and b"dnsmasq" in Path(f"/proc/{pid.strip()}/cmdline").read_bytes()
            for pid in pids.values()
        )
        lab.wait(lab.driver.release())
    finally:
        lab.close()


def whole_machine(lab: Lab) -> list[str]:
    """What `ip link`, `nft list ruleset`, `ip netns` and the changed settings would say."""
    settings = [str(lab.on_host(lambda name=name: sysctl.read(name))) for name in ("ipv4/ip_forward", "ipv4/conf/all/forwarding")]
    spaces = [name for name in namespaces.names() if lab.settings.is_namespace(name)]
    return [*sorted(links_of(lab)), lab.on_host(lambda: nftables.run("list ruleset")), *spaces, *settings]


def test_a_bridge_of_others_is_used_and_left_as_it_was(lab: Lab) -> None:
    def theirs() -> None:
        with IPRoute() as netlink:
            netlink.link("add", ifname=lab.external.bridge, kind="bridge", mtu=1500)
            index = netlink.link_lookup(ifname=lab.external.bridge)[0]
            netlink.link("set", index=index, state="up")
            netlink.addr("add", index=index, address="172.24.4.7", prefixlen=24)

    lab.on_host(theirs)
    before = str(filtered(lab))
    cloud = Cloud(lab)
    lab.apply(cloud.items)
    assert lab.machine().pings("172.24.4.50")
    lab.wait(lab.driver.release())
    assert links_of(lab) == {"lo", lab.external.bridge}
    assert str(filtered(lab)) == before


def filtered(lab: Lab) -> tuple[int, int]:
    data = interface(lab, lab.external.bridge).get_attr("IFLA_LINKINFO").get_attr("IFLA_INFO_DATA")
    return data.get_attr("IFLA_BR_NF_CALL_IPTABLES"), data.get_attr("IFLA_BR_NF_CALL_IP6TABLES")


def test_masquerade_lets_out_and_keeps_out() -> None:
    public = ExternalNetwork(bridge="br-lab", address="172.24.4.1/24", masquerade=True)
    lab = Lab(external_networks={"public": public})
    try:
        cloud = Cloud(lab)
        lab.apply(cloud.items)
        world = lab.node("world", "fa:16:3e:88:88:88", "uplink")
        world.address("198.51.100.9/24")

        def uplink() -> None:
            with IPRoute() as netlink:
                index = netlink.link_lookup(ifname="uplink")[0]
                netlink.link("set", index=index, state="up")
                netlink.addr("add", index=index, address="198.51.100.1", prefixlen=24)

        lab.on_host(uplink)
        with world.listen(80) as listening:
            listening.settimeout(PATIENCE)
            with cloud.a.connect("198.51.100.9", 80):
                assert listening.accept()[1][0] == "198.51.100.1"
        world.route("172.24.4.0/24", "198.51.100.1")
        assert world.pings_in_vain("172.24.4.50")
        forward = "table ip admin { chain in { type nat hook prerouting priority -100; iifname uplink icmp type 8 dnat to 172.24.4.50; }\n}"
        lab.on_host(lambda: nftables.run(forward))
        assert world.pings("198.51.100.1"), "what the administrator forwards gets there"
        assert lab.machine().pings("172.24.4.50")
    finally:
        lab.close()


def test_a_guest_on_the_external_network_itself(lab: Lab) -> None:
    """Its filter holds towards the host too, and the host answers it."""
    public, rules = external(), group()
    made = port(public, "172.24.4.77", groups=[rules["id"]])
    guest = lab.guest(made)
    guest.address("172.24.4.77/24", "172.24.4.1")
    lab.apply(items(network=[public], port=[made], group=[rules]))
    assert guest.pings("172.24.4.1")
    assert lab.machine().pings_in_vain("172.24.4.77")
    lab.apply(items(group=[{**rules, "rules": [*rules["rules"], rule(protocol="icmp")]}]))
    assert lab.machine().pings("172.24.4.77")
