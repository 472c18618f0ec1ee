"""What one controller changes, others on the same database hear of within a second; the catalog follows at once."""

import time

import sqlalchemy as sa
from accounts import project

from monostack.db import Database
from monostack.services.identity.generation import changed
from monostack.services.identity.users.table import users


def test_another_controllers_change_ends_a_remembered_token(accounts):
    user, own = accounts.member()
    token = accounts.token(user, project(own["id"]))
    assert accounts.is_valid(token)
    disable = sa.update(users).where(users.c.id == user["id"]).values(enabled=False)

    async def elsewhere():
        other = Database(accounts.cloud.config.database.url)

        def unit(tx):
            tx.execute(disable)
            changed(tx)

        await other.write(unit)
        await other.close()

    accounts.cloud.run(elsewhere())
    deadline = time.monotonic() + 1.5
    while accounts.ask(token, "GET", "/auth/projects").status_code == 200:
        assert time.monotonic() < deadline, "the token is still remembered"
        time.sleep(0.05)
    assert not accounts.is_valid(token)


def test_remembered_tokens_are_bounded(accounts, monkeypatch):

    monkeypatch.setattr(accounts.cloud.app.authenticator.sessions, "_room", 5)
    user, _ = accounts.member()
    tokens = [accounts.token(user) for _ in range(8)]
    assert all(accounts.is_valid(token) for token in tokens)
    assert len(accounts.cloud.app.authenticator.sessions) <= 5
    assert all(accounts.is_valid(token) for token in tokens)


def _catalog(accounts, user, own):
    catalog = accounts.log_in(user, project(own["id"])).json()["token"]["catalog"]
    return {(service["type"], endpoint["interface"]) for service in catalog for endpoint in service["endpoints"]}


def test_catalog_follows_services_endpoints_and_filters(accounts):
    user, own = accounts.member()
    service = accounts.make("service", type="follows")
    endpoints = {}
    for interface in ("public", "internal"):
        body = {"endpoint": {"interface": interface, "service_id": service["id"], "url": "http://x.example/"}}
        endpoints[interface] = accounts.admin.post("identity", "/endpoints", body).json()["endpoint"]["id"]
    ours = {("follows", "public"), ("follows", "internal")}
    assert _catalog(accounts, user, own) >= ours
    accounts.change("endpoint", endpoints["public"], enabled=False)
    assert _catalog(accounts, user, own) & ours == {("follows", "internal")}
    accounts.change("endpoint", endpoints["public"], enabled=True)
    accounts.change("service", service["id"], enabled=False)
    assert not _catalog(accounts, user, own) & ours
    accounts.change("service", service["id"], enabled=True)
    association = f"/OS-EP-FILTER/projects/{own['id']}/endpoints/{endpoints['public']}"
    assert accounts.admin.put("identity", association).status_code == 204
    assert _catalog(accounts, user, own) == {("follows", "public")}
    accounts.admin.delete("identity", association)
    assert _catalog(accounts, user, own) >= ours | {("identity", "public")}
