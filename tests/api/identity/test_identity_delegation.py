"""Trusts and application credentials over their life."""

from datetime import UTC, datetime, timedelta

import pytest
from accounts import fresh, project


@pytest.fixture
def parties(accounts):
    """A trustor with a project, and a trustee with nothing."""
    trustor, own = accounts.member()
    trustee = accounts.user()
    return trustor, own, trustee


def _trust(accounts, trustor, own, trustee, role="member", **attributes):
    body = {"trust": {
        "trustor_user_id": trustor["id"], "trustee_user_id": trustee["id"], "impersonation": True, "project_id": own["id"],
        "roles": [{"name": role}], **attributes,
    }}  # fmt: skip
    answer = accounts.ask(accounts.token(trustor, project(own["id"])), "POST", "/OS-TRUST/trusts", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()["trust"]


def _scope(trust):
    return {"OS-TRUST:trust": {"id": trust["id"]}}


def test_impersonation_acts_as_the_trustor(accounts, parties):
    trustor, own, trustee = parties
    answer = accounts.log_in(trustee, _scope(_trust(accounts, *parties)))
    token = answer.json()["token"]
    assert token["user"]["id"] == trustor["id"]
    assert token["project"]["id"] == own["id"]
    assert {role["name"] for role in token["roles"]} == {"member", "reader"}
    caller = accounts.cloud.run(accounts.cloud.app.authenticator.authenticate(answer.headers["x-subject-token"]))
    assert (caller.user_id, caller.trustor_id, caller.trustee_id) == (trustor["id"], trustor["id"], trustee["id"])


def test_without_impersonation_acts_as_the_trustee(accounts, parties):
    trust = _trust(accounts, *parties, impersonation=False, role="reader")
    token = accounts.log_in(parties[2], _scope(trust)).json()["token"]
    assert token["user"]["id"] == parties[2]["id"]
    assert {role["name"] for role in token["roles"]} == {"reader"}


def test_a_use_is_spent_only_once_by_logins_at_the_same_time(accounts, parties):
    from concurrent.futures import ThreadPoolExecutor

    trust = _trust(accounts, *parties, remaining_uses=2)
    with ThreadPoolExecutor(6) as pool:
        statuses = sorted(answer.status_code for answer in pool.map(lambda _: accounts.log_in(parties[2], _scope(trust)), range(6)))
    assert statuses == [201, 201, 401, 401, 401, 401]


def test_ends_with_the_trustors_role_and_with_either_user(accounts, parties):
    trustor, own, trustee = parties
    token = accounts.token(trustee, _scope(_trust(accounts, *parties)))
    assert accounts.is_valid(token)
    accounts.change("user", trustor["id"], enabled=False)
    assert not accounts.is_valid(token)
    accounts.change("user", trustor["id"], enabled=True)
    accounts.admin.delete("identity", f"/projects/{own['id']}/users/{trustor['id']}/roles/{accounts.roles['member']}")
    assert not accounts.is_valid(token)


def test_a_token_does_not_outlive_its_trust(accounts, parties):
    soon = (datetime.now(UTC) + timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    trust = _trust(accounts, *parties, expires_at=soon)
    assert accounts.log_in(parties[2], _scope(trust)).json()["token"]["expires_at"][:19] == soon[:19]


def test_only_the_trustee_can_use_it(accounts, parties):
    trust = _trust(accounts, *parties)
    assert accounts.log_in(parties[0], _scope(trust)).status_code == 401
    assert accounts.log_in(accounts.user(), _scope(trust)).status_code == 401


def test_ending_a_trust_ends_what_was_passed_on(accounts, parties):
    trustor, own, trustee = parties
    first = _trust(accounts, *parties, allow_redelegation=True)
    last = accounts.user()
    body = {"trust": {
        "trustor_user_id": trustor["id"], "trustee_user_id": last["id"], "impersonation": True, "project_id": own["id"],
        "roles": [{"name": "reader"}],
    }}  # fmt: skip
    # The first trust delegates member only, not the reader that follows from it.
    refused = accounts.ask(accounts.token(trustee, _scope(first)), "POST", "/OS-TRUST/trusts", json=body)
    assert refused.status_code == 403
    body["trust"]["roles"] = [{"name": "member"}]
    passed = accounts.ask(accounts.token(trustee, _scope(first)), "POST", "/OS-TRUST/trusts", json=body).json()["trust"]
    assert (passed["redelegated_trust_id"], passed["redelegation_count"]) == (first["id"], 0)
    token = accounts.token(last, _scope(passed))
    assert accounts.is_valid(token)
    accounts.admin.delete("identity", f"/OS-TRUST/trusts/{first['id']}")
    assert not accounts.is_valid(token)


def test_application_credential_with_expiry(accounts):
    user, own = accounts.member()
    soon = (datetime.now(UTC) + timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%S")
    body = {"application_credential": {"name": fresh("ac"), "secret": "s3cret", "expires_at": soon}}
    made = accounts.ask(accounts.token(user, project(own["id"])), "POST", f"/users/{user['id']}/application_credentials", json=body)
    shown = made.json()["application_credential"]
    by_id = {"id": shown["id"], "secret": "s3cret"}
    by_name = {"name": shown["name"], "user": {"name": user["name"], "domain": {"id": "default"}}, "secret": "s3cret"}
    for given in (by_id, by_name):
        answer = accounts.authenticate({"methods": ["application_credential"], "application_credential": given})
        assert answer.status_code == 201, answer.text
        assert answer.json()["token"]["expires_at"][:19] == soon
        assert answer.json()["token"]["application_credential"] == {"id": shown["id"], "name": shown["name"], "restricted": True}


def test_expired_trusts_and_revocations_are_dropped(accounts, parties):
    import sqlalchemy as sa

    from monostack.services.identity.tokens.revocations import revoke, revoked_tokens
    from monostack.services.identity.trusts.table import trusts

    trust = _trust(accounts, *parties, expires_at="2099-01-01T00:00:00Z")
    kept = _trust(accounts, *parties, impersonation=False)
    app = accounts.cloud.app

    def age(tx):
        tx.execute(sa.update(trusts).where(trusts.c.id == trust["id"]).values(expires_at="2020-01-01T00:00:00.000000"))
        revoke(tx, "old-audit-id", 1)
        revoke(tx, "new-audit-id", 2**33)

    accounts.cloud.run(app.db.write(age))
    accounts.cloud.run(app.cloud.reconcilers.run_once("identity.expired"))
    left = accounts.cloud.run(app.db.read(lambda tx: {row.audit_id for row in tx.rows(sa.select(revoked_tokens))}))
    ids = accounts.cloud.run(app.db.read(lambda tx: {row.id for row in tx.rows(sa.select(trusts.c.id))}))
    assert "old-audit-id" not in left
    assert "new-audit-id" in left
    assert trust["id"] not in ids
    assert kept["id"] in ids
