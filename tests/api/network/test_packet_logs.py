"""Packet logs: which ports hosts are told to log, and until when."""

from typing import Any

import pytest
from network_api import Net, Told, eventually

from clouds import TestCloud
from monostack.services.network import facade


@pytest.fixture(scope="module")
def site(cloud: TestCloud, demo: Net, told: Told) -> dict[str, Any]:
    """A port in two groups, on a host."""
    net = demo.network("logged", "10.94.0.0/24")
    groups = [demo.create("security-groups", name=name)["id"] for name in ("logged", "beside")]
    port = demo.create("ports", network_id=net["id"], security_groups=groups)
    app, host = cloud.app.cloud, told.hosts[0]
    cloud.run(app.db.write(lambda tx: facade.bind(tx, app, [port["id"]], host, holder="")))
    cloud.run(facade.wire(app, host, [port["id"]]))
    return {"net": net, "groups": groups, "port": port, "host": host}


def make(user: Net, **values: Any) -> str:
    answer = user.client.post("network", "/log/logs", {"log": {"resource_type": "security_group", **values}})
    assert answer.status_code == 201, answer.text
    return answer.json()["log"]["id"]


def logged(told: Told, site: dict[str, Any], port_id: str = "") -> dict[str, tuple[bool, bool, str | None]]:
    item = told.items(site["host"])[f"port/{port_id or site['port']['id']}"]
    return {log.id: (log.accepted, log.dropped, log.group) for log in item.logs}


def test_a_port_is_logged_by_itself_by_its_groups_and_by_its_project(site: dict[str, Any], admin: Net, demo: Net, told: Told) -> None:
    group, port = site["groups"][0], site["port"]["id"]
    mine = make(admin, target_id=port, event="DROP")
    ours = make(admin, resource_id=group, event="ACCEPT")
    everything = make(admin, project_id=demo.project_id)
    elsewhere = make(admin)
    wanted = {mine: (False, True, None), ours: (True, False, group), everything: (True, True, None)}
    eventually(lambda: logged(told, site) == wanted)
    demo.update("ports", port, security_groups=site["groups"][1:])
    eventually(lambda: set(logged(told, site)) == {mine, everything})
    for id in (mine, everything):
        assert admin.client.put("network", f"/log/logs/{id}", {"log": {"enabled": False}}).status_code == 200
    eventually(lambda: logged(told, site) == {})
    assert admin.client.put("network", f"/log/logs/{mine}", {"log": {"enabled": True}}).status_code == 200
    eventually(lambda: set(logged(told, site)) == {mine})
    for id in (mine, ours, everything, elsewhere):
        assert admin.client.delete("network", f"/log/logs/{id}").status_code == 204
    eventually(lambda: logged(told, site) == {})


def test_what_is_not_filtered_is_not_logged(site: dict[str, Any], admin: Net, demo: Net, told: Told) -> None:
    port = site["port"]["id"]
    log = make(admin, target_id=port)
    eventually(lambda: set(logged(told, site)) == {log})
    demo.update("ports", port, security_groups=[], port_security_enabled=False)
    eventually(lambda: logged(told, site) == {})
    assert admin.client.delete("network", f"/log/logs/{log}").status_code == 204
