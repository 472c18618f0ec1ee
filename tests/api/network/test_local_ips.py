"""Local IPs: what hosts are told, and what becomes of them when ports and servers go."""

from typing import Any

import pytest
import sqlalchemy as sa
from network_api import Net, Told, eventually

from clouds import TestCloud
from monostack.services.network import facade
from monostack.services.network.ports.table import PORTS

ALLOCATED = sa.update(PORTS.table).where(PORTS.table.c.id == sa.bindparam("the_id")).values(allocated_for="keeper")


@pytest.fixture(scope="module")
def net(demo: Net) -> dict[str, Any]:
    return demo.network("local-ips", "10.93.0.0/24")


def lead(user: Net, local_ip: dict[str, Any], port: dict[str, Any]) -> dict[str, Any]:
    answer = user.client.post(
        "network", f"/local_ips/{local_ip['id']}/port_associations", {"port_association": {"fixed_port_id": port["id"]}}
    )
    assert answer.status_code == 201, answer.text
    return answer.json()["port_association"]


def test_the_host_of_a_port_hears_what_leads_to_it(net: dict[str, Any], cloud: TestCloud, demo: Net, told: Told) -> None:
    port, local_ip = demo.create("ports", network_id=net["id"]), demo.create("local_ips", network_id=net["id"])
    app, host = cloud.app.cloud, told.hosts[1]
    assert lead(demo, local_ip, port)["host"] == ""
    cloud.run(app.db.write(lambda tx: facade.bind(tx, app, [port["id"]], host, holder="")))
    cloud.run(facade.wire(app, host, [port["id"]]))

    def led() -> list[tuple[str, str]]:
        return [(one.local_ip, one.fixed_ip) for one in told.items(host)[f"port/{port['id']}"].local_ips]

    assert led() == [(local_ip["local_ip_address"], port["fixed_ips"][0]["ip_address"])]
    path = f"/local_ips/{local_ip['id']}/port_associations/{port['id']}"
    assert demo.client.get("network", path).json()["port_association"]["host"] == host
    assert demo.client.delete("network", path).status_code == 204
    eventually(lambda: led() == [])
    other = demo.create("local_ips", local_port_id=port["id"])
    assert other["local_ip_address"] == port["fixed_ips"][0]["ip_address"]
    demo.delete("local_ips", other["id"])
    demo.delete("local_ips", local_ip["id"])
    demo.delete("ports", port["id"])


def test_pages_of_associations(net: dict[str, Any], demo: Net) -> None:
    local_ip = demo.create("local_ips", network_id=net["id"])
    ports = [demo.create("ports", network_id=net["id"]) for _ in range(3)]
    made = [lead(demo, local_ip, port) for port in ports]
    path, found = f"/local_ips/{local_ip['id']}/port_associations?limit=2", []
    while path:
        page = demo.client.get("network", path).json()
        found += page["port_associations"]
        following = [link["href"] for link in page["port_associations_links"] if link["rel"] == "next"]
        path = following[0].partition("/v2.0")[2] if following else ""
    assert sorted(found, key=str) == sorted(made, key=str)
    again = {"port_association": {"fixed_port_id": ports[0]["id"]}}
    fault = demo.refused("POST", f"/local_ips/{local_ip['id']}/port_associations", 409, again)
    assert fault["type"] == "NeutronDbObjectDuplicateEntry"
    unknown = {"port_association": {"fixed_port_id": local_ip["id"]}}
    assert demo.refused("POST", f"/local_ips/{local_ip['id']}/port_associations", 400, unknown)["type"] == "BadRequest"


def test_local_ips_of_others_are_none(net: dict[str, Any], demo: Net, other: Net) -> None:
    local_ip = demo.create("local_ips", network_id=net["id"])
    assert other.list("local_ips") == []
    assert other.refused("GET", f"/local_ips/{local_ip['id']}", 404)["type"] == "LocalIPNotFound"
    body = {"port_association": {"fixed_port_id": local_ip["local_port_id"]}}
    assert other.refused("POST", f"/local_ips/{local_ip['id']}/port_associations", 404, body)["type"] == "LocalIPNotFound"
    demo.delete("local_ips", local_ip["id"])


def test_a_port_whose_address_is_that_of_a_local_ip_outlives_its_server(net: dict[str, Any], cloud: TestCloud, demo: Net) -> None:
    app = cloud.app.cloud
    ports = [demo.create("ports", network_id=net["id"], device_id="keeper", device_owner="compute:nova") for _ in range(2)]
    local_ip = demo.create("local_ips", local_port_id=ports[0]["id"])

    def leave(tx: Any) -> None:
        for port in ports:
            tx.execute(ALLOCATED, {"the_id": port["id"]})
        facade.release_ports(tx, app, "keeper")

    cloud.run(app.db.write(leave))
    kept = demo.show("ports", ports[0]["id"])
    assert kept["device_id"] == "" and demo.show("local_ips", local_ip["id"])["local_port_id"] == kept["id"]
    assert demo.refused("GET", f"/ports/{ports[1]['id']}", 404)["type"] == "PortNotFound"
