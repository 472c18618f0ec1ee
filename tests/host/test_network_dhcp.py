"""DHCP and names: what a guest is told, at its first question, by the real dnsmasq to a real client."""

import os
import signal
import socket
import struct
from typing import Any

import pytest
from network_lab import Lab, Node, group, items, lab, network, port, waits_for

__all__ = ["lab"]
pytestmark = pytest.mark.host


def lease(lab: Lab, net: dict[str, Any], made: dict[str, Any], *options: str) -> dict[str, str]:
    guest = lab.nodes.get(made["id"][:8]) or lab.guest(made)
    lab.apply(items(network=[net], port=[made]))
    return guest.dhcp(*options)


def routes(told: dict[str, str]) -> dict[str, str]:
    words = told["staticroutes"].split()
    return dict(zip(words[::2], words[1::2], strict=True))


def test_address_and_options_of_the_subnet(lab: Lab) -> None:
    net = network(dns_domain="cloud.test.")
    net["subnets"][0] |= {
        "dns_nameservers": ["9.9.9.9", "1.1.1.1"],
        "host_routes": [{"destination": "192.168.7.0/24", "nexthop": "10.10.0.77"}],
    }
    told = lease(lab, net, port(net, "10.10.0.11", hostname="web"))
    assert told["ip"] == "10.10.0.11"
    assert told["mask"] == "24"
    assert told["router"] == "10.10.0.1"
    assert told["dns"] == "9.9.9.9 1.1.1.1"
    assert told["domain"] == "cloud.test"
    assert told["hostname"] == "web"
    assert told["mtu"] == "1450"
    assert told["lease"] == "86400"
    assert told["serverid"] == "10.10.0.2"
    assert routes(told) == {"169.254.169.254/32": "10.10.0.2", "192.168.7.0/24": "10.10.0.77", "0.0.0.0/0": "10.10.0.1"}


def test_a_subnet_without_gateway_and_with_silent_dns(lab: Lab) -> None:
    net = network()
    net["subnets"][0] |= {"gateway_ip": None, "dns_nameservers": ["0.0.0.0"]}
    told = lease(lab, net, port(net, "10.10.0.11"))
    assert told["ip"] == "10.10.0.11"
    assert told["router"] == ""
    assert told["dns"] == ""
    assert routes(told) == {"169.254.169.254/32": "10.10.0.2"}


def test_other_subnets_of_the_network_are_on_link(lab: Lab) -> None:
    net, other = network(), network("10.11.0.0/24")
    net["subnets"] += other["subnets"]
    first, second = port(net, "10.10.0.11"), port(net, None)
    second["fixed_ips"] = [{"subnet_id": other["subnets"][0]["id"], "ip_address": "10.11.0.9"}]
    told = lease(lab, net, first)
    assert routes(told)["10.11.0.0/24"] == "0.0.0.0"
    told = lease(lab, net, second)
    assert told["ip"] == "10.11.0.9"
    assert told["router"] == "10.11.0.1"


def test_options_of_a_port(lab: Lab) -> None:
    net = network()
    options = [
        {"opt_name": "bootfile-name", "opt_value": "pxelinux.0", "ip_version": 4},
        {"opt_name": "66", "opt_value": "boot.test", "ip_version": 4},
        {"opt_name": "router", "opt_value": "10.10.0.254", "ip_version": 4},
    ]
    told = lease(lab, net, port(net, "10.10.0.11", dhcp_options=options), "-O", "bootfile", "-O", "tftp", "-O", "66", "-O", "67")
    assert told["ip"] == "10.10.0.11"
    assert told["router"] == "10.10.0.254"
    assert told["bootfile"] == "pxelinux.0"
    assert told["tftp"] == "boot.test"


def test_strangers_get_nothing(lab: Lab) -> None:
    net = network()
    lab.apply(items(network=[net], port=[port(net, "10.10.0.11", tap=None)]))
    stranger = lab.node("stranger", "fa:16:3e:99:99:99", "stranger", f"msb{net['id'].replace('-', '')[:11]}")
    with pytest.raises(TimeoutError):
        stranger.dhcp()


def test_a_new_port_and_a_changed_address_are_known_at_once(lab: Lab) -> None:
    net = network()
    for number in range(11, 15):
        assert lease(lab, net, port(net, f"10.10.0.{number}"))["ip"] == f"10.10.0.{number}"
    moving = port(net, "10.10.0.50")
    assert lease(lab, net, moving)["ip"] == "10.10.0.50"
    moving["fixed_ips"][0]["ip_address"] = "10.10.0.51"
    assert lease(lab, net, moving)["ip"] == "10.10.0.51"


def test_the_server_outlives_many_changes(lab: Lab) -> None:
    """Each new host makes dnsmasq read its files again, and each lease before gives it something to trip over."""
    net = network()
    options = [{"opt_name": "bootfile-name", "opt_value": "pxelinux.0", "ip_version": 4}]
    lease(lab, net, port(net, "10.10.0.10", dhcp_options=options))
    pid = server_pid(lab, net)
    for number in range(11, 19):
        assert lease(lab, net, port(net, f"10.10.0.{number}"))["ip"] == f"10.10.0.{number}"
    assert server_pid(lab, net) == pid


def test_an_address_given_to_another_port_is_free_at_once(lab: Lab) -> None:
    net = network()
    old, new = port(net, "10.10.0.11"), port(net, "10.10.0.11")
    assert lease(lab, net, old)["ip"] == "10.10.0.11"
    lab.apply({f"port/{old['id']}": None})
    assert lease(lab, net, new)["ip"] == "10.10.0.11"


def test_the_server_is_found_again_by_a_later_agent_and_replaced_when_it_dies(lab: Lab) -> None:
    net = network()
    made = port(net, "10.10.0.11")
    assert lease(lab, net, made)["ip"] == "10.10.0.11"
    pid = server_pid(lab, net)
    lab.restart()
    lab.apply(items(network=[net], port=[made]), full=True)
    assert server_pid(lab, net) == pid
    os.kill(pid, signal.SIGKILL)
    waits_for(lambda: server_pid(lab, net) not in (0, pid) and running(server_pid(lab, net)), "a new server runs")
    assert lab.nodes[made["id"][:8]].dhcp()["ip"] == "10.10.0.11"
    lab.apply({f"network/{net['id']}": None, f"port/{made['id']}": None})
    waits_for(lambda: not list((lab.settings.directory / "dhcp").iterdir()), "its files are gone")


def server_pid(lab: Lab, net: dict[str, Any]) -> int:
    found = lab.settings.directory / "dhcp" / net["id"].replace("-", "")[:11] / "pid"
    return int(found.read_text() or 0) if found.exists() else 0


def running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_names_of_the_network_are_resolved(lab: Lab) -> None:
    net = network(dns_domain="cloud.test.")
    everything = group()
    made, other = port(net, "10.10.0.11", hostname="web", groups=[everything["id"]]), port(net, "10.10.0.12", tap=None)
    guest = lab.guest(made)
    lab.apply(items(network=[net], port=[made, other], group=[everything]))
    guest.address("10.10.0.11/24")
    assert resolve(guest, "10.10.0.2", "web.cloud.test") == ["10.10.0.11"]
    assert resolve(guest, "10.10.0.2", "host-10-10-0-12.cloud.test") == ["10.10.0.12"]
    assert resolve(guest, "10.10.0.2", "nobody.cloud.test") == []


def resolve(guest: Node, server: str, name: str) -> list[str]:
    """IPv4 addresses by name (RFC 1035)."""
    question = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0" + struct.pack("!HH", 1, 1)
    with guest.open(kind=socket.SOCK_DGRAM) as wire:
        wire.settimeout(20)
        wire.sendto(struct.pack("!HHHHHH", 7, 0x0100, 1, 0, 0, 0) + question, (server, 53))
        answer = wire.recv(2048)
    count = struct.unpack("!H", answer[6:8])[0]
    return [socket.inet_ntoa(answer[-4:])] if count else []


def test_a_network_without_dhcp_has_no_server(lab: Lab) -> None:
    net = network()
    net["subnets"][0]["dhcp"] = False
    lab.apply(items(network=[net]))
    assert lab.settings.dhcp_namespace(net["id"]) not in os.listdir("/run/netns")
    net["subnets"][0]["dhcp"] = True
    lab.apply(items(network=[net]))
    assert lab.settings.dhcp_namespace(net["id"]) in os.listdir("/run/netns")
    lab.apply(items(network=[{**net, "serves_dhcp": False}]))
    assert lab.settings.dhcp_namespace(net["id"]) not in os.listdir("/run/netns")


def test_bad_option_values_are_refused(lab: Lab) -> None:
    net = network()
    bad = port(net, "10.10.0.11", dhcp_options=[{"opt_name": "client-id", "opt_value": "x,10.10.0.99", "ip_version": 4}])
    worse = port(net, "10.10.0.12", dhcp_options=[{"opt_name": "router", "opt_value": "1.1.1.1\ndhcp-script=/bin/sh", "ip_version": 4}])
    errors = lab.errors(items(network=[net], port=[bad, worse]))
    assert set(errors) == {f"port/{bad['id']}", f"port/{worse['id']}"}


def test_a_dhcp_port_that_is_down_answers_nobody(lab: Lab) -> None:
    net = network(dhcp_up=False)
    made = port(net, "10.10.0.11")
    guest = lab.guest(made)
    lab.apply(items(network=[net], port=[made]))
    with pytest.raises(TimeoutError):
        guest.dhcp()
    lab.apply(items(network=[{**net, "dhcp_up": True}]))
    assert guest.dhcp()["ip"] == "10.10.0.11"
