"""The default policies of the services: sound in themselves, right for the usual personas, and equal to an installed OpenStack's."""

import importlib
import os
import sys
from typing import Any

import pytest
from installed_policies import TABLES, differences, installed, ours

from monostack.authz.policy import Enforcer


def enforcer(service: str) -> Enforcer:
    return Enforcer(service, importlib.import_module(f"monostack.authz.defaults.{service}").POLICIES)


def creds(*roles: str, **more: Any) -> dict[str, Any]:
    scope = {} if {"system_scope", "domain_id"} & more.keys() else {"project_id": "p1"}
    return {"user_id": "u1", "roles": list(roles), "is_admin_project": True, "service_roles": [], **scope, **more}


READER = creds("reader")
MEMBER = creds("member", "reader")
MANAGER = creds("manager", "member", "reader")
ADMIN = creds("admin", "manager", "member", "reader", project_id="p9")
SERVICE = creds("service", project_id="p9")
SYSTEM_READER = creds("reader", system_scope="all")
DOMAIN_MANAGER = creds("manager", "member", "reader", domain_id="d1")
MINE = {"project_id": "p1", "user_id": "u1"}
OTHERS = {"project_id": "p2", "user_id": "u2"}


@pytest.mark.parametrize("service", TABLES)
def test_every_rule_compiles_and_refers_to_rules_there_are(service: str, caplog: pytest.LogCaptureFixture) -> None:
    assert enforcer(service).policies
    assert not caplog.records


@pytest.mark.parametrize("service", TABLES)
def test_tables_are_those_of_the_installed_service(service: str) -> None:
    python = os.environ.get("OPENSTACK_PYTHON", sys.executable)
    real = installed(python, TABLES[service])
    if real is None:
        pytest.skip(f"{TABLES[service]} is not installed for {python}; OPENSTACK_PYTHON names another interpreter")
    assert not differences(ours(service), real)


def test_differences_name_what_is_missing_superfluous_and_changed() -> None:
    table = {"same": ("@", ()), "gone": ("@", ()), "changed": ("role:a", ("project",))}
    real = {"same": ("@", ()), "new": ("!", ()), "changed": ("role:b", ("project",))}
    assert differences(table, real) == [
        '- "changed": "role:a",  # project',
        '+ "changed": "role:b",  # project',
        '- "gone": "@",  # any scope',
        '+ "new": "!",  # any scope',
    ]


PERSONAS = [
    ("compute", "os_compute_api:servers:show", READER, MINE, True),
    ("compute", "os_compute_api:servers:show", READER, OTHERS, False),
    ("compute", "os_compute_api:servers:show", ADMIN, OTHERS, True),
    ("compute", "os_compute_api:servers:show", SYSTEM_READER, MINE, False),
    ("compute", "os_compute_api:servers:create", READER, MINE, False),
    ("compute", "os_compute_api:servers:create", MEMBER, MINE, True),
    ("compute", "os_compute_api:servers:create:forced_host", MEMBER, MINE, False),
    ("compute", "os_compute_api:os-keypairs:show", READER, MINE, True),
    ("compute", "os_compute_api:os-keypairs:show", READER, OTHERS, False),
    ("compute", "os_compute_api:os-migrate-server:migrate_live", MEMBER, MINE, False),
    ("compute", "os_compute_api:os-migrate-server:migrate_live", MANAGER, MINE, True),
    ("compute", "os_compute_api:os-server-external-events:create", SERVICE, {}, True),
    ("network", "create_network:shared", MEMBER, MINE, False),
    ("network", "create_network:shared", ADMIN, OTHERS, True),
    ("network", "get_network", READER, {**OTHERS, "shared": True, "router:external": False}, True),
    ("network", "get_network", READER, {**OTHERS, "shared": False, "router:external": True}, True),
    ("network", "get_network", READER, {**OTHERS, "shared": False, "router:external": False}, False),
    ("network", "create_port", MEMBER, {**MINE, "network:project_id": "p2", "network:shared": True}, True),
    ("network", "create_port", MEMBER, {**MINE, "network:project_id": "p2", "network:shared": False}, False),
    ("network", "create_port:mac_address", MEMBER, {**MINE, "network:project_id": "p1"}, True),
    ("network", "create_port:mac_address", MEMBER, {**MINE, "network:project_id": "p2", "network:shared": True}, False),
    ("network", "create_port:device_owner", MEMBER, {**MINE, "network:project_id": "p2", "device_owner": "compute:nova"}, True),
    ("network", "create_port:device_owner", MEMBER, {**MINE, "network:project_id": "p2", "device_owner": "network:dhcp"}, False),
    ("network", "create_port:binding:profile", ADMIN, MINE, False),
    ("network", "create_port:binding:profile", SERVICE, MINE, True),
    ("network", "delete_port", MEMBER, {**MINE, "network:project_id": "p1", "device_owner": ""}, True),
    ("network", "delete_port", MEMBER, {**MINE, "network:project_id": "p1", "device_owner": "compute:nova"}, False),
    ("network", "create_security_group_rule", MEMBER, {**MINE, "security_group:project_id": "p1"}, True),
    ("network", "create_security_group_rule", MEMBER, {**MINE, "security_group:project_id": "p2"}, False),
    ("network", "create_rbac_policy:target_project", MEMBER, {**MINE, "target_project": "*"}, False),
    ("network", "create_rbac_policy:target_project", MEMBER, {**MINE, "target_project": "p2"}, True),
    ("volume", "volume:create", MEMBER, MINE, True),
    ("volume", "volume:create", READER, MINE, False),
    ("volume", "volume:force_delete", MEMBER, MINE, False),
    ("volume", "volume:force_delete", ADMIN, OTHERS, True),
    ("image", "get_image", READER, {"project_id": "p2", "member_id": "p2", "visibility": "public"}, True),
    ("image", "get_image", READER, {"project_id": "p2", "member_id": "p1", "visibility": "shared"}, True),
    ("image", "get_image", READER, {"project_id": "p2", "member_id": "p2", "visibility": "private"}, False),
    ("image", "publicize_image", MEMBER, {"project_id": "p1"}, False),
    ("placement", "placement:usages", READER, {"project_id": "p1"}, True),
    ("placement", "placement:usages", READER, {"project_id": "p2"}, False),
    ("placement", "placement:allocations:update", MEMBER, {}, False),
    ("placement", "placement:allocations:update", SERVICE, {}, True),
    ("identity", "identity:get_project", READER, {"target": {"project": {"id": "p1", "domain_id": "d1"}}}, True),
    ("identity", "identity:get_project", READER, {"target": {"project": {"id": "p2", "domain_id": "d1"}}}, False),
    ("identity", "identity:get_project", SYSTEM_READER, {"target": {"project": {"id": "p2", "domain_id": "d1"}}}, True),
    ("identity", "identity:create_project", DOMAIN_MANAGER, {"target": {"project": {"domain_id": "d1"}}}, True),
    ("identity", "identity:create_project", DOMAIN_MANAGER, {"target": {"project": {"domain_id": "d2"}}}, False),
    ("identity", "identity:create_project", DOMAIN_MANAGER, {"target": {"project": {"domain_id": None}}}, False),
    ("identity", "identity:create_service", SYSTEM_READER, {}, False),
    ("identity", "identity:list_services", SYSTEM_READER, {}, True),
    ("identity", "identity:create_service", ADMIN, {}, True),
]


@pytest.mark.parametrize(("service", "rule", "caller", "target", "expected"), PERSONAS)
def test_personas(service: str, rule: str, caller: dict[str, Any], target: dict[str, Any], expected: bool) -> None:
    decides = enforcer(service)
    assert rule in decides.policies
    assert decides.allows(rule, caller, target) is expected
