"""Nobody gets more than was given to him: other domains, other projects, delegations that would widen themselves."""

import pytest
from accounts import SYSTEM, domain, fresh, project


@pytest.fixture(scope="module")
def two_domains(accounts):
    """Two domains, each with a manager, a project and a user."""
    made = []
    for _ in range(2):
        home = accounts.make("domain")
        manager = accounts.user(home["id"])
        accounts.grant(manager, "manager", f"domains/{home['id']}")
        made.append({
            "id": home["id"],
            "manager": accounts.token(manager, domain(home["id"])),
            "project": accounts.make("project", domain_id=home["id"]),
            "user": accounts.user(home["id"]),
            "group": accounts.make("group", domain_id=home["id"]),
        })  # fmt: skip
    return made


def test_manager_of_a_domain_manages_it(accounts, two_domains):
    own = two_domains[0]
    ask = lambda method, path, **options: accounts.ask(own["manager"], method, path, **options).status_code  # noqa: E731
    assert ask("GET", f"/users/{own['user']['id']}") == 200
    assert ask("PATCH", f"/users/{own['user']['id']}", json={"user": {"email": "x"}}) == 200
    assert ask("POST", "/projects", json={"project": {"name": fresh("p"), "domain_id": own["id"]}}) == 201
    role = f"/projects/{own['project']['id']}/users/{own['user']['id']}/roles/{accounts.roles['member']}"
    assert ask("PUT", role) == 204
    assert ask("DELETE", role) == 204


def test_manager_of_a_domain_touches_no_other(accounts, two_domains):
    own, other = two_domains
    calls = [
        ("GET", f"/users/{other['user']['id']}", None),
        ("PATCH", f"/users/{other['user']['id']}", {"user": {"email": "x"}}),
        ("PATCH", f"/users/{other['user']['id']}", {"user": {"password": "x"}}),
        ("DELETE", f"/users/{other['user']['id']}", None),
        ("POST", "/users", {"user": {"name": fresh("u"), "domain_id": other["id"]}}),
        ("GET", f"/projects/{other['project']['id']}", None),
        ("PATCH", f"/projects/{other['project']['id']}", {"project": {"enabled": False}}),
        ("DELETE", f"/projects/{other['project']['id']}", None),
        ("POST", "/projects", {"project": {"name": fresh("p"), "domain_id": other["id"]}}),
        ("PUT", f"/groups/{other['group']['id']}/users/{own['user']['id']}", None),
        ("PUT", f"/projects/{other['project']['id']}/users/{own['user']['id']}/roles/{accounts.roles['member']}", None),
        ("PUT", f"/projects/{own['project']['id']}/users/{other['user']['id']}/roles/{accounts.roles['member']}", None),
        ("PUT", f"/projects/{own['project']['id']}/users/{own['user']['id']}/roles/{accounts.roles['admin']}", None),
        ("PUT", f"/system/users/{own['user']['id']}/roles/{accounts.roles['reader']}", None),
        ("PATCH", f"/domains/{own['id']}", {"domain": {"description": "x"}}),
        ("POST", "/roles", {"role": {"name": fresh("r")}}),
    ]
    for method, path, body in calls:
        assert accounts.ask(own["manager"], method, path, json=body).status_code == 403, (method, path)
    assert accounts.admin.get("identity", f"/users/{other['user']['id']}").json()["user"]["enabled"] is True


def test_lists_of_a_domain_token_hold_its_domain_only(accounts, two_domains):
    own = two_domains[0]
    for kind in ("users", "projects", "groups"):
        listed = accounts.ask(own["manager"], "GET", f"/{kind}").json()[kind]
        assert listed
        assert {item["domain_id"] for item in listed} == {own["id"]}
    assert [item["id"] for item in accounts.ask(own["manager"], "GET", "/domains").json()["domains"]] == [own["id"]]
    assignments = accounts.ask(own["manager"], "GET", "/role_assignments").json()["role_assignments"]
    assert {one["scope"].get("domain", {}).get("id", own["id"]) for one in assignments} == {own["id"]}


def test_no_scope_without_a_role(accounts):
    user, own = accounts.member()
    token = accounts.token(user, project(own["id"]))
    for scope in (project(accounts.admin.project_id), domain("default"), SYSTEM):
        assert accounts.log_in(user, scope).status_code == 401
        assert accounts.by_token(token, scope).status_code == 401


def test_a_system_token_becomes_no_project_token(accounts):
    user, own = accounts.member("reader")
    accounts.grant(user, "reader", "system")
    system = accounts.token(user, SYSTEM)
    assert accounts.by_token(system, project(own["id"])).status_code == 403
    assert accounts.ask(system, "GET", "/users").status_code == 200
    assert accounts.ask(system, "POST", "/users", json={"user": {"name": fresh("u")}}).status_code == 403


def test_a_user_changes_nothing_of_himself_but_the_password(accounts):
    user, own = accounts.member()
    token = accounts.token(user, project(own["id"]))
    assert accounts.ask(token, "GET", f"/users/{user['id']}").status_code == 200
    assert accounts.ask(token, "PATCH", f"/users/{user['id']}", json={"user": {"domain_id": "x"}}).status_code == 403
    assert accounts.ask(token, "PATCH", f"/users/{user['id']}", json={"user": {"name": "root"}}).status_code == 403
    own_role = f"/projects/{own['id']}/users/{user['id']}/roles/{accounts.roles['admin']}"
    assert accounts.ask(token, "PUT", own_role).status_code == 403


def test_an_unscoped_token_opens_nothing(accounts):
    user, own = accounts.member("admin")
    token = accounts.token(user)
    for path in (f"/projects/{own['id']}", "/users", "/roles", "/services", "/auth/catalog"):
        assert accounts.ask(token, "GET", path).status_code == 403, path


def _credential(accounts, user, token, **attributes):
    body = {"application_credential": {"name": fresh("ac"), **attributes}}
    return accounts.ask(token, "POST", f"/users/{user['id']}/application_credentials", json=body)


def _by_credential(accounts, made):
    given = {"id": made["id"], "secret": made["secret"]}
    return accounts.authenticate({"methods": ["application_credential"], "application_credential": given})


def test_an_application_credential_has_no_more_roles_than_its_user(accounts):
    user, own = accounts.member()
    token = accounts.token(user, project(own["id"]))
    assert _credential(accounts, user, token, roles=[{"name": "admin"}]).status_code == 400
    made = _credential(accounts, user, token).json()["application_credential"]
    answer = _by_credential(accounts, made)
    assert {role["name"] for role in answer.json()["token"]["roles"]} == {"member", "reader"}
    accounts.admin.delete("identity", f"/projects/{own['id']}/users/{user['id']}/roles/{accounts.roles['member']}")
    assert not accounts.is_valid(answer.headers["x-subject-token"])
    assert _by_credential(accounts, made).status_code == 401


def test_an_application_credential_does_not_widen_itself(accounts):
    user, own = accounts.member()
    own_token = accounts.token(user, project(own["id"]))
    made = _credential(accounts, user, own_token, roles=[{"name": "reader"}]).json()["application_credential"]
    token = _by_credential(accounts, made).headers["x-subject-token"]
    assert _credential(accounts, user, token).status_code == 403
    assert accounts.by_token(token, project(own["id"])).status_code == 403
    assert accounts.by_token(token).status_code == 403
    trust = {"trustor_user_id": user["id"], "trustee_user_id": user["id"], "impersonation": True, "project_id": own["id"],
             "roles": [{"name": "member"}]}  # fmt: skip
    assert accounts.ask(token, "POST", "/OS-TRUST/trusts", json={"trust": trust}).status_code == 403
    key = {"credential": {"user_id": user["id"], "type": "cert", "blob": "x"}}
    assert accounts.ask(token, "POST", "/credentials", json=key).status_code == 403


def test_access_rules_hold_for_every_service(accounts):
    user, own = accounts.member()
    rules = [{"service": "identity", "method": "GET", "path": "/v3/projects/{id}"}]
    token = accounts.token(user, project(own["id"]))
    made = _credential(accounts, user, token, access_rules=rules).json()["application_credential"]
    limited = _by_credential(accounts, made).headers["x-subject-token"]
    assert accounts.ask(limited, "GET", f"/projects/{own['id']}").status_code == 200
    assert accounts.ask(limited, "GET", f"/projects/{own['id']}/tags").status_code == 401
    assert accounts.ask(limited, "GET", f"/users/{user['id']}").status_code == 401
    image = accounts.admin.http.get(f"{accounts.cloud.url}/image/v2/images", headers={"x-auth-token": limited})
    assert image.status_code == 401
    unlimited = accounts.admin.http.get(f"{accounts.cloud.url}/image/v2/images", headers={"x-auth-token": token})
    assert unlimited.status_code == 200


def test_a_credential_or_trust_of_another_is_not_seen(accounts):
    user, own = accounts.member()
    stranger, strange = accounts.member()
    token, foreign = accounts.token(user, project(own["id"])), accounts.token(stranger, project(strange["id"]))
    made = _credential(accounts, user, token).json()["application_credential"]
    # Naming oneself in the path does not help: the credential's own user counts.
    for owner in (user["id"], stranger["id"]):
        path = f"/users/{owner}/application_credentials/{made['id']}"
        assert accounts.ask(foreign, "GET", path).status_code == 403
        assert accounts.ask(foreign, "DELETE", path).status_code == 403
    kept = accounts.ask(token, "POST", "/credentials", json={"credential": {"user_id": user["id"], "type": "cert", "blob": "secret"}})
    credential_id = kept.json()["credential"]["id"]
    assert accounts.ask(foreign, "GET", f"/credentials/{credential_id}").status_code == 403
    assert accounts.ask(foreign, "GET", "/credentials").json()["credentials"] == []
    assert [c["id"] for c in accounts.ask(token, "GET", "/credentials").json()["credentials"]] == [credential_id]


def test_logging_in_tells_nobody_who_exists(accounts):
    user, _ = accounts.member()
    unknown = accounts.authenticate({"methods": ["password"], "password": {"user": {"id": "nobody", "password": "x"}}})
    wrong = accounts.log_in(user, password="x")
    accounts.change("user", user["id"], enabled=False)
    disabled = accounts.log_in(user)
    assert {answer.status_code for answer in (unknown, wrong, disabled)} == {401}
    assert unknown.json() == wrong.json() == disabled.json()
