"""Conntrack helpers reach the host of their router."""

from network_api import Net, Told, eventually


def test_a_router_with_helpers(demo: Net, other: Net, told: Told) -> None:
    router = demo.create("routers", name="helping")
    path, key = f"/routers/{router['id']}/conntrack_helpers", f"router/{router['id']}"
    made = demo.client.post("network", path, {"conntrack_helper": {"protocol": "tcp", "port": 21, "helper": "ftp"}})
    assert made.status_code == 201, made.text
    helper = made.json()["conntrack_helper"]
    known = eventually(lambda: told.having(key) and told.item(key).helpers)
    assert [(one.helper, one.protocol, one.port) for one in known] == [("ftp", "tcp", 21)]
    demo.act(f"{path}/{helper['id']}", {"conntrack_helper": {"port": 2121}})
    eventually(lambda: [one.port for one in told.item(key).helpers] == [2121])
    assert other.refused("GET", path, 404)["type"] == "RouterNotFound"
    assert demo.show("routers", router["id"])["conntrack_helpers"] == [{"protocol": "tcp", "port": 2121, "helper": "ftp"}]
    demo.delete("routers", router["id"])
    eventually(lambda: not told.having(key))
