"""What compute asks of the network: which NICs a boot gets, with Nova's refusals, and what becomes of ports."""

import pytest
from network_api import Net, Told, eventually

from clouds import TestCloud
from monostack.core.errors import Fault
from monostack.services.network import facade
from monostack.services.network.facade import RequestedNic


class Compute:
    """Calls the facade as the compute service does: in a transaction, for a caller."""

    def __init__(self, cloud: TestCloud, net: Net) -> None:
        self.cloud, self.app = cloud, cloud.app.cloud
        caller = cloud.run(self.app.authenticator.authenticate(net.client.token))
        service = next(service for service in self.app.services if service.type == "compute")
        self.request = Asking(self.app, caller, self.app.enforcers["compute"], service)

    def read(self, call):
        return self.cloud.run(self.app.db.read(lambda tx: call(tx, self.request)))

    def write(self, call):
        return self.cloud.run(self.app.db.write(lambda tx: call(tx, self.request)))

    def refused(self, call) -> Fault:
        with pytest.raises(Fault) as caught:
            self.write(call)
        return caught.value


class Asking:
    """As much of a request as a facade looks at."""

    def __init__(self, cloud, caller, enforcer, service) -> None:
        self.cloud, self.caller, self.service, self.request_id = cloud, caller, service, "req-test"
        self.enforcer = enforcer
        self.project_id = caller.project_id

    def allows(self, rule, target=None) -> bool:
        creds = self.caller.creds()
        return self.enforcer.allows(rule, creds, target or {"project_id": creds["project_id"], "user_id": creds["user_id"]})


@pytest.fixture(scope="module")
def compute(cloud: TestCloud, demo: Net) -> Compute:
    return Compute(cloud, demo)


def choose(nics):
    return lambda tx, request: facade.networks_for_boot(tx, request, nics)


def test_without_a_wish_the_one_network_is_taken(cloud: TestCloud, other: Net) -> None:
    compute = Compute(cloud, other)
    assert compute.read(choose(None)) == []
    net = other.network("only", "10.70.0.0/24")
    assert compute.read(choose(None)) == [RequestedNic(network_id=net["id"])]
    second = other.network("second", "10.71.0.0/24")
    assert compute.refused(choose(None)).status == 409
    other.delete("networks", second["id"])
    other.delete("subnets", net["subnet"]["id"])
    assert "requires a subnet" in compute.refused(choose(None)).message


def test_what_a_boot_may_not_ask_for(compute: Compute, demo: Net, other: Net, admin: Net) -> None:
    net, foreign, bare = demo.network("mine", "10.72.0.0/24"), other.network("theirs", "10.73.0.0/24"), demo.network("bare")
    used = demo.create("ports", network_id=net["id"], device_id="somebody", fixed_ips=[{"ip_address": "10.72.0.9"}])
    bald = demo.create("ports", network_id=net["id"], fixed_ips=[])
    outside = admin.create("networks", name="outside", **{"router:external": True})
    admin.create("subnets", network_id=outside["id"], ip_version=4, cidr="10.74.0.0/24")
    unknown = "00000000-0000-0000-0000-000000000000"
    cases = [
        ([RequestedNic(network_id=unknown)], 400, f"Network {unknown} could not be found."),
        ([RequestedNic(network_id=foreign["id"])], 400, f"Network {foreign['id']} could not be found."),
        ([RequestedNic(network_id=bare["id"])], 400, f"Network {bare['id']} requires a subnet in order to boot instances on."),
        ([RequestedNic(port_id=unknown)], 400, f"Port id {unknown} could not be found."),
        ([RequestedNic(port_id=used["id"])], 409, f"Port {used['id']} is still in use."),
        ([RequestedNic(port_id=bald["id"])], 400, f"Port {bald['id']} requires a FixedIP in order to be used."),
        (
            [RequestedNic(network_id=net["id"], fixed_ip="10.72.0.9")],
            400,
            "Fixed IP address 10.72.0.9 is already in use on instance somebody.",
        ),
        ([RequestedNic(network_id=outside["id"])], 403, f"It is not allowed to create an interface on external network {outside['id']}"),
    ]
    for nics, status, message in cases:
        fault = compute.refused(choose(nics))
        assert (fault.status, fault.message) == (status, message)
    used_up = {"quota": {"port": len(demo.list("ports", project_id=demo.project_id)) + 1}}
    admin.act(f"/quotas/{demo.project_id}", {"quota": {**used_up["quota"], "force": True}})
    try:
        many = [RequestedNic(network_id=net["id"])] * 9
        assert (compute.refused(choose(many)).status, compute.refused(choose(many)).message) == (403, "Maximum number of ports exceeded")
    finally:
        admin.client.delete("network", f"/quotas/{demo.project_id}")


def test_an_allocated_port_goes_with_its_server_and_an_adopted_one_stays(compute: Compute, demo: Net, told: Told) -> None:
    net = demo.network("lending", "10.75.0.0/24")
    own = demo.create("ports", network_id=net["id"], name="mine")
    host = told.hosts[0]

    def make(tx, request):
        common = {"device_id": "server-1", "device_owner": "compute:nova", "host": host}
        made = facade.allocate_port(tx, request, net["id"], hostname="web", **common)
        return made, facade.adopt_port(tx, request, own["id"], **common)

    made, adopted = compute.write(make)
    assert (made.preserve, adopted.preserve) == (False, True)
    assert made.network_name == "lending" and made.host == host and made.tap and made.mtu == 1450
    assert demo.show("ports", made.id)["dns_name"] == "web"
    listed = compute.read(lambda tx, request: facade.ports_of(tx, ["server-1", "server-2"]))
    assert [port.id for port in listed["server-1"]] == [own["id"], made.id] and listed["server-2"] == []
    assert compute.read(lambda tx, request: facade.security_group_names(tx, ["server-1"])) == {"server-1": ["default"]}
    found = compute.read(lambda tx, request: facade.server_of_address(tx, net["id"], made.fixed_ips[0].ip_address))
    assert found == "server-1"
    second = {"device_id": "server-2", "device_owner": "compute:nova"}
    assert compute.refused(lambda tx, request: facade.adopt_port(tx, request, own["id"], **second)).status == 409
    eventually(lambda: f"port/{made.id}" in told.items(host))
    compute.write(lambda tx, request: facade.release_ports(tx, request.cloud, "server-1"))
    left = demo.show("ports", own["id"])
    assert (left["device_id"], left["device_owner"], left["status"], left["name"]) == ("", "", "DOWN", "mine")
    demo.refused("GET", f"/ports/{made.id}", 404)
    eventually(lambda: f"port/{made.id}" not in told.items(host))
    # Nobody is plugged in there any more; the one host that runs the network's DHCP goes on knowing the address.
    key = f"port/{own['id']}"
    eventually(lambda: not any(told.items(name)[key].tap for name in told.having(key)))
    compute.write(lambda tx, request: facade.release_ports(tx, request.cloud, "server-1"))  # may be repeated


def test_groups_are_found_by_name_or_id(compute: Compute, demo: Net) -> None:
    one = demo.create("security-groups", name="web")
    for _ in range(2):
        demo.create("security-groups", name="twin")

    def find(*wanted):
        return lambda tx, request: facade.find_security_groups(tx, request, wanted)

    assert compute.write(find("web", one["id"])) == [one["id"]] * 2
    assert len(compute.write(find("default"))) == 1
    assert compute.refused(find("nowhere")).message == "Unable to find security_group with name or id 'nowhere'"
    assert compute.refused(find("twin")).status == 409


def test_addresses_show_the_floating_ips_that_lead_to_them(compute: Compute, demo: Net, admin: Net) -> None:
    outside = admin.create("networks", name="world", **{"router:external": True})
    admin.create("subnets", network_id=outside["id"], ip_version=4, cidr="172.29.0.0/24", enable_dhcp=False)
    net = demo.network("homes", "10.76.0.0/24", dns_nameservers=["10.76.0.3"])
    router = demo.create("routers", name="street", external_gateway_info={"network_id": outside["id"]})
    demo.act(f"/routers/{router['id']}/add_router_interface", {"subnet_id": net["subnet"]["id"]})
    port = demo.create("ports", network_id=net["id"], device_id="server-3", device_owner="compute:nova")
    floating = demo.create("floatingips", floating_network_id=outside["id"], port_id=port["id"])
    (info,) = compute.read(lambda tx, request: facade.ports_of(tx, ["server-3"]))["server-3"]
    (fixed,) = info.fixed_ips
    assert fixed.floating_ips == (floating["floating_ip_address"],)
    assert (fixed.cidr, fixed.gateway_ip, fixed.dns_nameservers, fixed.version) == ("10.76.0.0/24", "10.76.0.1", ("10.76.0.3",), 4)
