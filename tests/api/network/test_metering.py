"""Metering labels: which routers count by them, and what is refused."""

from network_api import Net, Told, eventually

LABELS, RULES = "metering/metering-labels", "metering/metering-label-rules"


def label(admin: Net, **values: object) -> str:
    answer = admin.client.post("network", f"/{LABELS}", {"metering_label": {"name": "m", **values}})
    assert answer.status_code == 201, answer.text
    return answer.json()["metering_label"]["id"]


def test_routers_of_the_project_count_by_its_labels(admin: Net, demo: Net, told: Told) -> None:
    mine, everybody = label(admin, project_id=demo.project_id), label(admin, shared=True)
    theirs = label(admin)
    assert admin.client.get("network", f"/{LABELS}/{theirs}").json()["metering_label"]["shared"] is False
    router = demo.create("routers", name="counted")
    key = f"router/{router['id']}"
    eventually(lambda: told.having(key))
    assert {meter.id for meter in told.item(key).meters} == {mine, everybody}
    rule = {"metering_label_id": mine, "direction": "ingress", "remote_ip_prefix": "10.0.0.0/24"}
    made = admin.client.post("network", f"/{RULES}", {"metering_label_rule": rule}).json()["metering_label_rule"]

    def rules() -> list[tuple[str, str | None, str | None]]:
        found = next(meter for meter in told.item(key).meters if meter.id == mine)
        return [(one.direction, one.source, one.destination) for one in found.rules]

    eventually(lambda: rules() == [("ingress", None, "10.0.0.0/24")])
    assert admin.client.delete("network", f"/{RULES}/{made['id']}").status_code == 204
    eventually(lambda: rules() == [])
    for id in (mine, everybody, theirs):
        assert admin.client.delete("network", f"/{LABELS}/{id}").status_code == 204
    eventually(lambda: told.item(key).meters == [])


def test_rules_that_say_nothing_or_too_much_are_refused(admin: Net) -> None:
    id = label(admin)
    for prefixes in ({}, {"remote_ip_prefix": "x"}, {"remote_ip_prefix": "10.0.0.0/24", "source_ip_prefix": "10.0.0.0/24"}):
        body = {"metering_label_rule": {"metering_label_id": id, "direction": "egress", **prefixes}}
        assert admin.refused("POST", f"/{RULES}", 400, body)["type"] == "Invalid"
