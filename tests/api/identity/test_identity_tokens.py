"""Tokens: what they carry, and everything that ends them."""

import base64
import time

import pytest
from accounts import SYSTEM, domain, project
from cryptography.fernet import Fernet

from monostack.services.identity.tokens.payload import Payload, new_audit_id, pack


def test_small_and_without_a_trace_in_the_database(accounts):
    user, own = accounts.member()
    token = accounts.token(user, project(own["id"]))
    assert len(token) < 200
    assert "=" not in token
    assert user["id"] not in base64.urlsafe_b64decode(token + "==").decode("latin-1")


def test_project_scope_carries_roles_and_catalog(accounts):
    user, own = accounts.member("manager")
    answer = accounts.log_in(user, project(own["id"]))
    token = answer.json()["token"]
    assert token["project"] == {"id": own["id"], "name": own["name"], "domain": {"id": "default", "name": "Default"}}
    assert {role["name"] for role in token["roles"]} == {"manager", "member", "reader"}
    identity = next(service for service in token["catalog"] if service["type"] == "identity")
    assert {endpoint["interface"] for endpoint in identity["endpoints"]} == {"public", "internal", "admin"}
    assert {endpoint["url"] for endpoint in identity["endpoints"]} == {f"{accounts.cloud.url}/identity/v3"}
    assert answer.headers["vary"] == "X-Auth-Token"


def test_unscoped_carries_neither(accounts):
    user, _ = accounts.member()
    token = accounts.log_in(user).json()["token"]
    assert not token.keys() & {"project", "domain", "system", "roles", "catalog"}


def test_endpoints_that_need_a_project_are_not_in_a_catalog_without_one(accounts):
    service = accounts.make("service", type="needs-a-project")
    accounts.admin.post("identity", "/endpoints", {"endpoint": {
        "interface": "public", "service_id": service["id"], "url": "http://x.example/%(project_id)s"}})  # fmt: skip
    accounts.grant({"id": accounts.admin.user_id}, "admin", "domains/default")
    admin = {"id": accounts.admin.user_id, "name": "admin"}
    scopes = {"project": project(accounts.admin.project_id), "domain": domain("default"), "system": SYSTEM}
    urls = {}
    for name, scope in scopes.items():
        catalog = accounts.log_in(admin, scope, accounts.cloud.admin_password).json()["token"]["catalog"]
        urls[name] = [e["url"] for s in catalog if s["id"] == service["id"] for e in s["endpoints"]]
    assert urls == {"project": [f"http://x.example/{accounts.admin.project_id}"], "domain": [], "system": []}


def test_default_project_is_the_scope_if_the_user_may_use_it(accounts):
    user, own = accounts.member()
    accounts.change("user", user["id"], default_project_id=own["id"])
    assert accounts.log_in(user).json()["token"]["project"]["id"] == own["id"]
    assert "project" not in accounts.log_in(user, {"unscoped": {}}).json()["token"]
    accounts.change("project", own["id"], enabled=False)
    assert "project" not in accounts.log_in(user).json()["token"]


def test_made_with_a_token_ends_with_it(accounts):
    user, own = accounts.member()
    first = accounts.log_in(user)
    made = accounts.by_token(first.headers["x-subject-token"], project(own["id"]))
    first_body, made_body = first.json()["token"], made.json()["token"]
    assert made_body["expires_at"] == first_body["expires_at"]
    assert made_body["audit_ids"][1] == first_body["audit_ids"][0]
    assert set(made_body["methods"]) == {"password", "token"}


def test_revoked(accounts):
    user, own = accounts.member()
    token, other = (accounts.token(user, project(own["id"])) for _ in range(2))
    assert accounts.is_valid(token)
    assert accounts.ask(token, "DELETE", "/auth/tokens", headers={"x-subject-token": token}).status_code == 204
    assert not accounts.is_valid(token)
    assert accounts.is_valid(other)


def test_revoking_the_first_revokes_the_chain_and_not_the_other_way_round(accounts):
    user, own = accounts.member()
    first = accounts.token(user)
    second, third = (accounts.by_token(first, project(own["id"])).headers["x-subject-token"] for _ in range(2))
    accounts.ask(second, "DELETE", "/auth/tokens", headers={"x-subject-token": second})
    assert [accounts.is_valid(token) for token in (first, second, third)] == [True, False, True]
    accounts.ask(first, "DELETE", "/auth/tokens", headers={"x-subject-token": first})
    assert [accounts.is_valid(token) for token in (first, second, third)] == [False, False, False]


def test_disabled_user_and_what_comes_back(accounts):
    user, own = accounts.member()
    token = accounts.token(user, project(own["id"]))
    accounts.change("user", user["id"], enabled=False)
    assert not accounts.is_valid(token)
    assert accounts.log_in(user).status_code == 401
    accounts.change("user", user["id"], enabled=True)
    assert not accounts.is_valid(token), "disabling revoked it for good"
    assert accounts.is_valid(accounts.token(user, project(own["id"])))


def test_disabled_project(accounts):
    user, own = accounts.member()
    scoped, unscoped = accounts.token(user, project(own["id"])), accounts.token(user)
    accounts.change("project", own["id"], enabled=False)
    assert not accounts.is_valid(scoped)
    assert accounts.is_valid(unscoped)
    assert accounts.log_in(user, project(own["id"])).status_code == 401
    accounts.change("project", own["id"], enabled=True)
    assert not accounts.is_valid(scoped)


def test_disabled_domain(accounts):
    home = accounts.make("domain")
    user, own = accounts.user(home["id"]), accounts.make("project", domain_id=home["id"])
    guest = accounts.user()
    for one in (user, guest):
        accounts.grant(one, "member", f"projects/{own['id']}")
    tokens = [accounts.token(user), accounts.token(user, project(own["id"])), accounts.token(guest, project(own["id"]))]
    guests_own = accounts.token(guest)
    accounts.change("domain", home["id"], enabled=False)
    assert [accounts.is_valid(token) for token in tokens] == [False, False, False]
    assert accounts.is_valid(guests_own)
    assert accounts.log_in(user).status_code == 401
    accounts.change("domain", home["id"], enabled=True)
    assert [accounts.is_valid(token) for token in tokens] == [False, False, False]


def test_assignment_taken_away(accounts):
    user, own = accounts.member()
    token = accounts.token(user, project(own["id"]))
    accounts.grant(user, "reader", f"projects/{own['id']}")
    path = f"/projects/{own['id']}/users/{user['id']}/roles"
    accounts.admin.delete("identity", f"{path}/{accounts.roles['member']}")
    assert {role["name"] for role in accounts.validate(token).json()["token"]["roles"]} == {"reader"}
    accounts.admin.delete("identity", f"{path}/{accounts.roles['reader']}")
    assert not accounts.is_valid(token)


def test_group_left(accounts):
    user, own, group = accounts.user(), accounts.make("project"), accounts.make("group")
    accounts.admin.put("identity", f"/projects/{own['id']}/groups/{group['id']}/roles/{accounts.roles['member']}")
    accounts.admin.put("identity", f"/groups/{group['id']}/users/{user['id']}")
    token = accounts.token(user, project(own["id"]))
    accounts.admin.delete("identity", f"/groups/{group['id']}/users/{user['id']}")
    assert not accounts.is_valid(token)


@pytest.mark.parametrize("by", ["user", "administrator", "revocation"])
def test_password_changed_and_all_revoked(accounts, by):
    user, own = accounts.member()
    tokens = [accounts.token(user), accounts.token(user, project(own["id"]))]
    if by == "user":
        body = {"user": {"original_password": f"{user['name']}-password", "password": "changed"}}
        assert accounts.ask(None, "POST", f"/users/{user['id']}/password", json=body).status_code == 204
    elif by == "administrator":
        accounts.change("user", user["id"], password="changed")
    else:
        assert accounts.ask(tokens[1], "DELETE", f"/users/{user['id']}/tokens").status_code == 204
    assert [accounts.is_valid(token) for token in tokens] == [False, False]
    again = accounts.log_in(user, password=f"{user['name']}-password" if by == "revocation" else "changed")
    assert again.status_code == 201, "a token made in the same second as the change is good"
    assert accounts.is_valid(again.headers["x-subject-token"])


def test_deleted_user_project_and_role(accounts):
    user, own = accounts.member()
    token = accounts.token(user, project(own["id"]))
    accounts.admin.delete("identity", f"/projects/{own['id']}")
    assert not accounts.is_valid(token)
    unscoped = accounts.token(user)
    accounts.admin.delete("identity", f"/users/{user['id']}")
    assert not accounts.is_valid(unscoped)


def _payload(accounts, user, **changes):
    now = int(time.time())
    values = {"user_id": user["id"], "methods": ("password",), "expires_at": now + 60, "audit_ids": (new_audit_id(),), "generation": 0,
              "issued_at": now, **changes}  # fmt: skip
    return Payload(**values)


def test_expired(accounts):
    user, _ = accounts.member()
    authenticator = accounts.cloud.app.authenticator
    now = int(time.time())
    good = authenticator.write(_payload(accounts, user))
    assert accounts.is_valid(good)
    old = authenticator.write(_payload(accounts, user, issued_at=now - 7200, expires_at=now - 1))
    assert not accounts.is_valid(old)
    late = accounts.admin.get("identity", "/auth/tokens?allow_expired=1", headers={"x-subject-token": old})
    assert late.status_code == 200, "services may finish what a user began before the token expired"
    older = authenticator.write(_payload(accounts, user, issued_at=now - 200_000, expires_at=now - 190_000))
    assert accounts.admin.get("identity", "/auth/tokens?allow_expired=1", headers={"x-subject-token": older}).status_code == 404


def test_expires_while_remembered(accounts):
    user, _ = accounts.member()
    soon = accounts.cloud.app.authenticator.write(_payload(accounts, user, expires_at=int(time.time()) + 2))
    assert accounts.is_valid(soon)
    time.sleep(2.1)
    assert not accounts.is_valid(soon)


def test_forged(accounts):
    user, own = accounts.member()
    token = accounts.token(user, project(own["id"]))
    foreign = Fernet(Fernet.generate_key()).encrypt(pack(_payload(accounts, user))).rstrip(b"=").decode()
    middle = len(token) // 2
    changed = token[:middle] + ("A" if token[middle] != "A" else "B") + token[middle + 1 :]
    nonsense = accounts.cloud.app.authenticator.keys.seal(b"no payload", int(time.time()))
    for bad in (foreign, changed, nonsense, token[:-4], "x", "", b"\xc3\xa9", "A" * 5000):
        assert accounts.ask(bad, "GET", "/auth/projects").status_code == 401, bad
    assert accounts.is_valid(token)


def test_payload_of_another_user_with_an_old_generation_is_dead(accounts):
    user, _ = accounts.member()
    assert not accounts.is_valid(accounts.cloud.app.authenticator.write(_payload(accounts, user, generation=7)))


def test_validating_twice_gives_the_same(accounts):
    user, own = accounts.member()
    made = accounts.log_in(user, project(own["id"]))
    token = made.headers["x-subject-token"]
    first, second = accounts.validate(token), accounts.validate(token)
    assert first.json() == second.json()
    assert first.headers["x-subject-token"] == token
    assert {**first.json()["token"], "catalog": 0} == {**made.json()["token"], "catalog": 0}
