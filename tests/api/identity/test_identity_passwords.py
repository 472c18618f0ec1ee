"""How passwords are kept and checked."""

import bcrypt
import pytest
import sqlalchemy as sa
from accounts import project

from monostack.core import clock
from monostack.services.identity import passwords
from monostack.services.identity.users.table import users


def _stored(accounts, user):
    statement = sa.select(users.c.password_hash).where(users.c.id == user["id"])
    return accounts.cloud.run(accounts.cloud.app.db.read(lambda tx: tx.scalar(statement)))


def test_kept_as_argon2id_with_the_chosen_cost(accounts):
    stored = _stored(accounts, accounts.user())
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_bcrypt_hashes_are_accepted(accounts):
    user = accounts.user()
    hashed = bcrypt.hashpw(b"from elsewhere", bcrypt.gensalt(4)).decode()
    statement = sa.update(users).where(users.c.id == user["id"]).values(password_hash=hashed)
    accounts.cloud.run(accounts.cloud.app.db.write(lambda tx: tx.execute(statement)))
    assert accounts.log_in(user, password="from elsewhere").status_code == 201
    assert accounts.log_in(user, password="wrong").status_code == 401


@pytest.mark.parametrize("stored", [None, "", "$2b$04$broken", "$argon2id$broken", "plain"])
def test_a_hash_that_is_none_lets_nobody_in(stored):
    assert not passwords.verify_now("plain", stored)
    assert not passwords.verify_now("", stored)


def test_too_long(accounts):
    answer = accounts.admin.post("identity", "/users", {"user": {"name": "long", "password": "x" * 5000}})
    assert answer.status_code == 403
    assert "4096" in answer.json()["error"]["message"]
    assert accounts.admin.get("identity", "/users?name=long").json()["users"] == []


def test_a_password_of_72_bytes_and_more_counts_whole(accounts):
    user = accounts.user()
    accounts.change("user", user["id"], password="x" * 80 + "a")
    assert accounts.log_in(user, password="x" * 80 + "b").status_code == 401
    assert accounts.log_in(user, password="x" * 80 + "a").status_code == 201


def test_without_a_password_nobody_gets_in(accounts):
    made = accounts.make("user")
    for attempt in ("", "None", "x"):
        assert accounts.log_in(made, password=attempt).status_code == 401


def test_only_a_right_password_is_remembered_and_only_until_it_changes(accounts, monkeypatch):
    hashed, real = [], passwords.verify_now
    monkeypatch.setattr(passwords, "verify_now", lambda given, stored: hashed.append(given) or real(given, stored))
    user = accounts.user()
    accounts.change("user", user["id"], password="right-1")
    assert [accounts.log_in(user, password="right-1").status_code for _ in range(3)] == [201] * 3
    assert hashed == ["right-1"]
    assert [accounts.log_in(user, password="wrong").status_code for _ in range(2)] == [401] * 2
    assert hashed == ["right-1", "wrong", "wrong"]
    accounts.change("user", user["id"], password="right-2")
    assert accounts.log_in(user, password="right-1").status_code == 401
    assert accounts.log_in(user, password="right-2").status_code == 201
    accounts.change("user", user["id"], password="right-1")  # another salt, so another hash
    assert accounts.log_in(user, password="right-1").status_code == 201
    assert hashed[3:] == ["right-1", "right-2", "right-1"]
    accounts.change("user", user["id"], enabled=False)
    assert accounts.log_in(user, password="right-1").status_code == 401


def test_a_right_password_is_remembered_for_so_long_and_no_more_than_so_many():
    now = 100.0
    clock.use(monotonic=lambda: now)
    try:
        proven = passwords.Proven(300)
        proven.remember("a", "hash")
        assert proven.holds("a", "hash")
        assert not proven.holds("b", "hash") and not proven.holds("a", "another hash") and not passwords.Proven(300).holds("a", "hash")
        now = 400.0
        assert not proven.holds("a", "hash")
        proven.remember("a", "hash")
        for number in range(passwords.REMEMBERED):
            proven.remember("b", str(number))
        assert not proven.holds("a", "hash") and proven.holds("b", "0") and len(proven._until) == passwords.REMEMBERED
        never = passwords.Proven(0)
        never.remember("a", "hash")
        assert not never.holds("a", "hash")
    finally:
        clock.use()


def test_never_shown(accounts):
    user, own = accounts.member()
    for path in (f"/users/{user['id']}", "/users", f"/users?name={user['name']}"):
        text = accounts.admin.get("identity", path).text
        assert "argon2" not in text
        assert "password_hash" not in text
    changed = accounts.admin.patch("identity", f"/users/{user['id']}", {"user": {"password": "n3w"}})
    assert "n3w" not in changed.text
    assert accounts.log_in(user, project(own["id"]), "n3w").status_code == 201


def test_the_old_password_is_needed(accounts):
    user = accounts.user()
    path, body = f"/users/{user['id']}/password", {"user": {"original_password": "wrong", "password": "x"}}
    assert accounts.ask(None, "POST", path, json=body).status_code == 401
    assert accounts.log_in(user).status_code == 201
    body["user"]["original_password"] = f"{user['name']}-password"
    accounts.change("user", user["id"], enabled=False)
    assert accounts.ask(None, "POST", path, json=body).status_code == 401


def test_a_locked_password_is_changed_by_the_administrator_only(accounts):
    user = accounts.user(options={"lock_password": True})
    body = {"user": {"original_password": f"{user['name']}-password", "password": "mine"}}
    assert accounts.ask(None, "POST", f"/users/{user['id']}/password", json=body).status_code == 400
    assert accounts.log_in(user).status_code == 201
    accounts.change("user", user["id"], password="given")
    assert accounts.log_in(user, password="given").status_code == 201


def test_no_password_expires(accounts):
    listed = lambda query: accounts.admin.get("identity", f"/users?password_expires_at={query}")  # noqa: E731
    assert listed("lt:2099-01-01T00:00:00Z").json()["users"] == []
    assert listed("lt:soon").status_code == 400
    assert listed("is:2099-01-01T00:00:00Z").status_code == 400
