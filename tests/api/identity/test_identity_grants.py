"""Roles on projects, domains and the system, of users and groups, inherited or not."""

import pytest


@pytest.fixture(scope="module")
def targets(accounts):
    domain = accounts.make("domain")
    return {"project": f"projects/{accounts.make('project')['id']}", "domain": f"domains/{domain['id']}", "system": "system"}


@pytest.fixture(scope="module")
def actors(accounts):
    return {"user": f"users/{accounts.user()['id']}", "group": f"groups/{accounts.make('group')['id']}"}


@pytest.mark.parametrize("actor", ["user", "group"])
@pytest.mark.parametrize(
    ("target", "inherited"), [("project", False), ("domain", False), ("system", False), ("project", True), ("domain", True)]
)
def test_a_role_is_given_seen_and_taken_away(accounts, targets, actors, target, actor, inherited):
    admin, role = accounts.admin, accounts.roles["reader"]
    start, end = ("/OS-INHERIT/", "/inherited_to_projects") if inherited else ("/", "")
    roles = f"{start}{targets[target]}/{actors[actor]}/roles"
    one = f"{roles}/{role}{end}"
    assert admin.get("identity", one).status_code == 404
    assert admin.put("identity", one).status_code == 204
    assert admin.get("identity", one).status_code == 204
    assert [each["id"] for each in admin.get("identity", roles + end).json()["roles"]] == [role]
    listed = admin.get("identity", f"/role_assignments?{actor}.id={actors[actor].split('/')[1]}").json()["role_assignments"]
    assert [("OS-INHERIT:inherited_to" in each["scope"]) for each in listed] == [inherited]
    assert admin.delete("identity", one).status_code == 204
    assert admin.get("identity", one).status_code == 404
    assert admin.delete("identity", one).status_code == 404
    assert admin.get("identity", f"/role_assignments?{actor}.id={actors[actor].split('/')[1]}").json()["role_assignments"] == []
