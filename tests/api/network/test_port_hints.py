"""Hints for the back end of a port, which operators give."""

import pytest
from network_api import Net

HINTS = {"openvswitch": {"other_config": {"tx-steering": "hash"}}}


def test_hints_are_kept_for_operators(demo: Net, admin: Net) -> None:
    net = demo.network("hinting", "10.36.0.0/24", enable_dhcp=False)
    port = admin.create("ports", network_id=net["id"], project_id=demo.project_id, hints=HINTS)
    assert port["hints"] == HINTS
    assert "hints" not in demo.show("ports", port["id"])
    assert demo.client.put("network", f"/ports/{port['id']}", {"port": {"hints": None}}).status_code == 403
    assert admin.update("ports", port["id"], hints=None)["hints"] is None
    demo.delete("ports", port["id"])


@pytest.mark.parametrize(
    ("hints", "reason"),
    [
        ("fast", "'fast' is not a dictionary"),
        ({"bridge": {}}, "Unexpected keys supplied: bridge"),
        ({"openvswitch": {"other_config": {"tx-steering": "best"}}}, "best is not in valid_values"),
    ],
)
def test_hints_that_nobody_understands_are_refused(demo: Net, admin: Net, hints: object, reason: str) -> None:
    net = demo.network("hinting", "10.36.0.0/24", enable_dhcp=False)
    fault = admin.refused("POST", "/ports", 400, {"port": {"network_id": net["id"], "hints": hints}})
    assert reason in fault["message"]
