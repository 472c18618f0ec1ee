"""Ports with several bindings: one host after the other has the port, as the service that moves a server says."""

import pytest
from network_api import Net, Told, eventually

from clouds import TestCloud


@pytest.fixture(scope="module")
def mover(cloud: TestCloud) -> Net:
    """A service user."""
    admin = cloud.admin
    roles = admin.get("identity", "/roles", params={"name": "service"}).json()["roles"]
    role = roles[0] if roles else admin.post("identity", "/roles", {"role": {"name": "service"}}).json()["role"]
    user = admin.post("identity", "/users", {"user": {"name": "mover", "password": "mover-password"}}).json()["user"]
    for name in (role["id"], admin.get("identity", "/roles", params={"name": "admin"}).json()["roles"][0]["id"]):
        assert admin.put("identity", f"/projects/{admin.project_id}/users/{user['id']}/roles/{name}").status_code == 204
    return Net(cloud.client("mover", "mover-password", "admin"))


def bind(user: Net, port_id: str, host: str) -> None:
    answer = user.client.post("network", f"/ports/{port_id}/bindings", {"binding": {"host": host}})
    assert answer.status_code == 201, answer.text


def states(user: Net, port_id: str) -> dict[str, tuple[str, str]]:
    found = user.client.get("network", f"/ports/{port_id}/bindings").json()["bindings"]
    return {one["host"]: (one["status"], one["vif_type"]) for one in found}


def test_a_port_moves_to_the_host_that_is_activated(demo: Net, mover: Net, told: Told) -> None:
    net = demo.network("moving", "10.35.0.0/24", enable_dhcp=False)
    port = demo.create("ports", network_id=net["id"], device_owner="compute:nova", device_id="server")
    first, second, third = told.hosts
    path, key = f"/ports/{port['id']}/bindings", f"port/{port['id']}"
    bind(mover, port["id"], first)
    eventually(lambda: told.having(key) == [first])
    bind(mover, port["id"], second)
    assert states(mover, port["id"]) == {first: ("ACTIVE", "bridge"), second: ("INACTIVE", "bridge")}
    assert told.having(key) == [first]
    assert mover.refused("POST", path, 409, {"binding": {"host": second}})["type"] == "PortBindingAlreadyExists"
    assert mover.refused("POST", path, 409, {"binding": {"host": "nowhere"}})["type"] == "PortBindingError"
    assert mover.refused("PUT", f"{path}/{first}/activate", 409)["type"] == "PortBindingAlreadyActive"
    assert mover.refused("PUT", f"{path}/{third}/activate", 404)["type"] == "PortBindingNotFound"
    assert mover.act(f"{path}/{second}", {"binding": {"profile": {"a": "b"}}})["binding"]["profile"] == {"a": "b"}
    assert mover.act(f"{path}/{second}/activate", None)["binding"]["status"] == "ACTIVE"
    assert states(mover, port["id"]) == {second: ("ACTIVE", "bridge"), first: ("INACTIVE", "unbound")}
    eventually(lambda: told.having(key) == [second])
    shown = mover.show("ports", port["id"])
    assert shown["binding:host_id"] == second and shown["binding:profile"] == {"a": "b"}
    eventually(lambda: demo.show("ports", port["id"])["status"] == "ACTIVE")
    for host in (first, second):
        assert mover.client.delete("network", f"{path}/{host}").status_code == 204
    eventually(lambda: told.having(key) == [])
    assert mover.refused("DELETE", f"{path}/{first}", 404)["type"] == "PortBindingNotFound"
    mover.delete("ports", port["id"])
