"""Neutron's own check kinds: ownership, of a parent too, and values of fields."""

import pytest

from monostack.authz.policy import Enforcer, Policy

ALICE = {"user_id": "a", "project_id": "p1", "tenant_id": "p1", "roles": ["member"]}


def allowed(rule: str, target: dict[str, object], creds: dict[str, object] = ALICE) -> bool:
    return Enforcer("network", [Policy("r", rule)]).allows("r", creds, target)


@pytest.mark.parametrize("kind", ["project_id", "tenant_id"])
@pytest.mark.parametrize("field", ["project_id", "tenant_id"])
@pytest.mark.parametrize("name", ["project_id", "tenant_id"])
def test_owner_of_the_resource_by_either_name(kind: str, field: str, name: str) -> None:
    rule = f"{kind}:%({field})s"
    assert allowed(rule, {name: "p1"})
    assert not allowed(rule, {name: "p2"})
    assert not allowed(rule, {})


@pytest.mark.parametrize("parent", ["network", "security_group", "ext_parent"])
def test_owner_of_the_parent_is_read_from_the_target(parent: str) -> None:
    rule = f"project_id:%({parent}:project_id)s"
    assert allowed(rule, {"project_id": "p2", f"{parent}:project_id": "p1"})
    assert allowed(rule, {"project_id": "p2", f"{parent}:tenant_id": "p1"})
    assert not allowed(rule, {"project_id": "p1", f"{parent}:project_id": "p2"})
    assert not allowed(rule, {"project_id": "p1"}), "the parent is not known, so nobody owns it"


@pytest.mark.parametrize(
    ("rule", "target", "expected"),
    [
        ("field:networks:shared=True", {"shared": True}, True),
        ("field:networks:shared=True", {"shared": False}, False),
        ("field:networks:shared=true", {"shared": True}, True),
        ("field:networks:shared=False", {"shared": False}, True),
        ("field:networks:shared=True", {}, False),
        ("field:networks:shared=True", {"network_id": "n", "network:shared": True}, True),
        ("field:networks:shared=True", {"network_id": "n", "network:shared": False}, False),
        ("field:subnetpools:shared=True", {"network:shared": True}, False),
        ("field:networks:router:external=True", {"router:external": True}, True),
        ("field:networks:router:external=True", {"router:external": False}, False),
        ("field:port:device_owner=~^network:", {"device_owner": "network:dhcp"}, True),
        ("field:port:device_owner=~^network:", {"device_owner": "compute:network:"}, False),
        ("field:port:device_owner=~network:", {"device_owner": "compute:network:"}, False),
        ("field:port:device_owner=~^network:", {"device_owner": None}, False),
        ("field:port:device_owner=~^network:", {}, False),
        ("field:rbac_policy:target_project=*", {"target_project": "*"}, True),
        ("field:rbac_policy:target_project=*", {"target_project": "p1"}, False),
        ("not field:rbac_policy:target_project=*", {"target_project": "p1"}, True),
        ("field:x:number=3", {"number": 3}, True),
    ],
)
def test_field(rule: str, target: dict[str, object], expected: bool) -> None:
    assert allowed(rule, target) is expected


@pytest.mark.parametrize("rule", ["field:networks", "field:networks:shared", "field:port:name=~(", "project_id:p1", "tenant_id:x%(a)s"])
def test_a_check_without_meaning_denies_and_is_reported(rule: str, caplog: pytest.LogCaptureFixture) -> None:
    assert not allowed(rule, {"project_id": "p1", "shared": True})
    assert "network: policy r" in caplog.text


def test_other_services_do_not_have_these_kinds() -> None:
    assert not Enforcer("compute", [Policy("r", "field:networks:shared=True")]).allows("r", ALICE, {"shared": True})
