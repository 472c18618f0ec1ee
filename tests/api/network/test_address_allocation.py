"""Which addresses ports get: right when many ask at once, when pools run out, and when thousands are taken."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from netaddr import IPAddress, IPNetwork
from network_api import Net

from clouds import TestCloud
from monostack.services.network.addresses import free
from monostack.services.network.addresses.rules import eui64, is_eui64


def addresses(port: dict) -> list[str]:
    return [one["ip_address"] for one in port["fixed_ips"]]


def test_many_at_once_get_different_addresses(demo: Net) -> None:
    net = demo.network("crowded", "10.30.0.0/24", enable_dhcp=False)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: demo.client.post("network", "/ports", {"port": {"network_id": net["id"]}}), range(60)))
    assert {answer.status_code for answer in answers} == {201}
    given = [addresses(answer.json()["port"])[0] for answer in answers]
    assert len(set(given)) == 60
    assert len({answer.json()["port"]["mac_address"] for answer in answers}) == 60
    assert all(address in IPNetwork("10.30.0.0/24") and address != "10.30.0.1" for address in given)


def test_one_address_asked_for_by_many_goes_to_one(demo: Net) -> None:
    net = demo.network("wanted", "10.31.0.0/24", enable_dhcp=False)
    body = {"port": {"network_id": net["id"], "fixed_ips": [{"ip_address": "10.31.0.7"}]}}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: demo.client.post("network", "/ports", body), range(16)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 15
    assert {answer.json()["NeutronError"]["type"] for answer in answers if answer.status_code == 409} == {"IpAddressAlreadyAllocated"}


def test_a_pool_that_is_used_up_is_refused_and_leaves_nothing(demo: Net) -> None:
    pool = [{"start": "10.32.0.10", "end": "10.32.0.12"}]
    net = demo.network("small", "10.32.0.0/24", enable_dhcp=False, allocation_pools=pool)
    ports = [demo.create("ports", network_id=net["id"]) for _ in range(3)]
    assert {addresses(port)[0] for port in ports} == {"10.32.0.10", "10.32.0.11", "10.32.0.12"}
    fault = demo.refused("POST", "/ports", 409, {"port": {"network_id": net["id"]}})
    assert fault["type"] == "IpAddressGenerationFailure" and net["id"] in fault["message"]
    assert len(demo.list("ports", network_id=net["id"])) == 3
    demo.delete("ports", ports[1]["id"])
    assert addresses(demo.create("ports", network_id=net["id"])) == addresses(ports[1])


def test_an_address_outside_the_pools_may_be_asked_for(demo: Net) -> None:
    net = demo.network("pooled", "10.33.0.0/24", enable_dhcp=False, allocation_pools=[{"start": "10.33.0.10", "end": "10.33.0.12"}])
    port = demo.create("ports", network_id=net["id"], fixed_ips=[{"ip_address": "10.33.0.200"}])
    assert addresses(port) == ["10.33.0.200"]


def test_the_second_subnet_serves_when_the_first_is_full(demo: Net) -> None:
    net = demo.network("two", "10.34.0.0/30", enable_dhcp=False)
    demo.create("subnets", network_id=net["id"], ip_version=4, cidr="10.34.1.0/30", enable_dhcp=False)
    ports = [demo.create("ports", network_id=net["id"]) for _ in range(2)]
    assert [addresses(port) for port in ports] == [["10.34.0.2"], ["10.34.1.2"]]


def test_both_versions_are_given(demo: Net) -> None:
    net = demo.network("dual", "10.35.0.0/24", enable_dhcp=False)
    demo.create("subnets", network_id=net["id"], ip_version=6, cidr="fd00:35::/64", enable_dhcp=False)
    four, six = addresses(demo.create("ports", network_id=net["id"]))
    assert IPAddress(four).version == 4 and IPAddress(six) in IPNetwork("fd00:35::/64")


def test_guests_make_automatic_addresses_from_their_mac(demo: Net) -> None:
    net = demo.network("slaac", "fd00:36::/64", ipv6_ra_mode="slaac", ipv6_address_mode="slaac")
    port = demo.create("ports", network_id=net["id"], mac_address="fa:16:3e:12:34:56")
    assert addresses(port) == ["fd00:36::f816:3eff:fe12:3456"] == [eui64("fd00:36::/64", port["mac_address"])]
    assert is_eui64(addresses(port)[0])
    slaac = {"ipv6_ra_mode": "slaac", "ipv6_address_mode": "slaac"}
    second = demo.create("subnets", network_id=net["id"], ip_version=6, cidr="fd00:37::/64", **slaac)
    assert set(addresses(demo.show("ports", port["id"]))) == {"fd00:36::f816:3eff:fe12:3456", "fd00:37::f816:3eff:fe12:3456"}
    demo.delete("subnets", second["id"])
    assert addresses(demo.show("ports", port["id"])) == ["fd00:36::f816:3eff:fe12:3456"]


def test_a_new_mac_makes_new_automatic_addresses(demo: Net, admin: Net) -> None:
    net = demo.network("renewed", "fd00:38::/64", ipv6_ra_mode="slaac", ipv6_address_mode="slaac")
    port = demo.create("ports", network_id=net["id"])
    changed = admin.update("ports", port["id"], mac_address="fa:16:3e:00:00:09")
    assert addresses(changed) == ["fd00:38::f816:3eff:fe00:9"]
    assert admin.update("ports", port["id"], mac_address=None)["mac_address"] not in (port["mac_address"], "fa:16:3e:00:00:09")


def test_service_subnets_serve_their_kind_of_port(demo: Net, admin: Net) -> None:
    net = demo.network("kinds", "10.39.0.0/24", enable_dhcp=False)
    demo.update("subnets", net["subnet"]["id"], service_types=["compute:nova"])
    assert addresses(demo.create("ports", network_id=net["id"], device_owner="compute:nova"))[0].startswith("10.39.0.")
    fault = demo.refused("POST", "/ports", 409, {"port": {"network_id": net["id"], "device_owner": "compute:other"}})
    assert fault["type"] == "IpAddressGenerationFailureNoMatchingSubnet"


@pytest.mark.parametrize("cidr", ["10.40.0.0/16", "fd00:40::/64"])
def test_the_search_does_not_grow_with_what_is_taken(cloud: TestCloud, demo: Net, cidr: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With many taken, the next address is found by looking at one row, wherever the search begins in a new process."""
    net = demo.network(f"large {cidr[:5]}", cidr, enable_dhcp=False)
    body = {"ports": [{"network_id": net["id"]} for _ in range(120)]}
    assert cloud.demo.post("network", "/ports", body).status_code == 201
    looked: list[int] = []
    real = free._search

    def watching(tx, subnet_id, start, end, version):
        counted = CountingTransaction(tx)
        found = real(counted, subnet_id, start, end, version)
        looked.append(counted.rows_seen)
        return found

    monkeypatch.setattr(free, "_search", watching)
    demo.create("ports", network_id=net["id"])
    free._places.clear()
    demo.create("ports", network_id=net["id"])
    assert looked == [0, 0]


class CountingTransaction:
    """Counts the rows that come back."""

    def __init__(self, tx) -> None:
        self.tx = tx
        self.rows_seen = 0

    def rows(self, statement, params):
        found = self.tx.rows(statement, params)
        self.rows_seen += len(found)
        return found


def test_a_full_pool_is_searched_around_its_end(demo: Net, cloud: TestCloud) -> None:
    """What is given back in the middle of a full pool is found, and the search ends when there is nothing."""
    net = demo.network("full", "10.41.0.0/26", enable_dhcp=False)
    body = {"ports": [{"network_id": net["id"]} for _ in range(61)]}
    made = cloud.demo.post("network", "/ports", body).json()["ports"]
    demo.refused("POST", "/ports", 409, {"port": {"network_id": net["id"]}})
    gone = next(port for port in made if addresses(port) == ["10.41.0.33"])
    demo.delete("ports", gone["id"])
    free._places.clear()
    assert addresses(demo.create("ports", network_id=net["id"])) == ["10.41.0.33"]
