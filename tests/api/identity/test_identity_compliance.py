"""What `[security_compliance]` asks of passwords and accounts, over time, and what it costs. Its answers: differential/configured."""

import asyncio
from datetime import timedelta
from itertools import pairwise

import httpx
import msgspec
import pytest
import sqlalchemy as sa
from accounts import password_of

from monostack.core import clock
from monostack.core.config import ConfigError, load
from monostack.services.identity.reconcilers.inactive import disable_inactive
from monostack.services.identity.users.password import past_passwords
from monostack.services.identity.users.table import users
from statements import seen_statements

SETTINGS = {
    "disable_user_account_days_inactive": 5, "lockout_failure_attempts": 3, "lockout_duration": 60, "password_expires_days": 2,
    "unique_last_password_count": 3, "minimum_password_age": 1,
}  # fmt: skip


@pytest.fixture(scope="module")
def cloud_settings():
    return {"hosts": 1} | {f"security_compliance.{name}": value for name, value in SETTINGS.items()}


def _write(accounts, user, **columns):
    statement = sa.update(users).where(users.c.id == user["id"]).values(**columns)
    accounts.cloud.run(accounts.cloud.app.db.write(lambda tx: tx.execute(statement)))


def _ago(**span):
    return clock.now() - timedelta(**span)


def _change(accounts, user, old, new):
    body = {"user": {"original_password": old, "password": new}}
    return accounts.ask(None, "POST", f"/users/{user['id']}/password", json=body)


def _message(answer):
    return answer.json()["error"]["message"]


def test_a_user_is_locked_out_for_a_time_and_then_has_as_many_attempts_again(accounts):
    user = accounts.user()
    token = accounts.token(user)
    assert [accounts.log_in(user, password="wrong").status_code for _ in range(3)] == [401] * 3
    assert accounts.log_in(user).status_code == 401  # though it was right a moment ago and is remembered
    assert accounts.is_valid(token)
    _write(accounts, user, failed_auth_at=_ago(seconds=59))
    assert accounts.log_in(user).status_code == 401
    _write(accounts, user, failed_auth_at=_ago(seconds=61))
    assert [accounts.log_in(user, password="wrong").status_code for _ in range(2)] == [401] * 2
    assert accounts.log_in(user).status_code == 201


def test_who_is_exempt_is_not_locked_out(accounts):
    user = accounts.user(options={"ignore_lockout_failure_attempts": True})
    assert [accounts.log_in(user, password="wrong").status_code for _ in range(4)] == [401] * 4
    assert accounts.log_in(user).status_code == 201


def test_many_guesses_at_once_are_no_more_guesses(accounts):
    user = accounts.user()
    guesses = [*(f"wrong-{number}" for number in range(12)), password_of(user["name"])]

    async def at_once():
        async with httpx.AsyncClient(timeout=60, trust_env=False) as client:

            def body(guess):
                return {"auth": {"identity": {"methods": ["password"], "password": {"user": {"id": user["id"], "password": guess}}}}}

            return await asyncio.gather(*[client.post(f"{accounts.cloud.url}/identity/v3/auth/tokens", json=body(one)) for one in guesses])

    # Passwords are checked one after another in few threads: when the right one's turn comes, the account is locked.
    assert [answer.status_code for answer in asyncio.run(at_once())] == [401] * len(guesses)


def test_a_password_expires_and_can_then_only_be_changed(accounts):
    user = accounts.user()
    token = accounts.token(user)
    _write(accounts, user, password_expires_at=_ago(seconds=1))
    refused = accounts.log_in(user)
    assert refused.status_code == 401
    assert _message(refused) == f"The password is expired and needs to be changed for user: {user['id']}."
    assert refused.headers["www-authenticate"].startswith("Keystone uri=")
    assert accounts.log_in(user, password="wrong").json()["error"]["message"] == "The request you have made requires authentication."
    assert accounts.is_valid(token)
    assert _change(accounts, user, password_of(user["name"]), "another").status_code == 204
    assert accounts.log_in(user, password="another").status_code == 201
    accounts.change("user", user["id"], options={"ignore_password_expiry": True})
    _write(accounts, user, password_expires_at=_ago(seconds=1))
    assert accounts.log_in(user, password="another").status_code == 201


def test_only_as_many_old_passwords_are_kept_as_are_compared_with(accounts):
    user = accounts.user()
    names = [password_of(user["name"]), "second", "third", "fourth"]
    for old, new in pairwise(names):
        _write(accounts, user, password_chosen=False)
        assert _change(accounts, user, old, new).status_code == 204
    kept = sa.select(sa.func.count()).where(past_passwords.c.user_id == user["id"])
    assert accounts.cloud.run(accounts.cloud.app.db.read(lambda tx: tx.scalar(kept))) == 2
    _write(accounts, user, password_chosen=False)
    for name in names[1:]:
        assert "cannot be identical to a previous password" in _message(_change(accounts, user, "fourth", name))
    assert _change(accounts, user, "fourth", names[0]).status_code == 204
    assert accounts.admin.delete("identity", f"/users/{user['id']}").status_code == 204
    assert accounts.cloud.run(accounts.cloud.app.db.read(lambda tx: tx.scalar(kept))) == 0


def test_a_chosen_password_is_changed_again_after_a_day(accounts):
    user = accounts.user()
    assert _change(accounts, user, password_of(user["name"]), "second").status_code == 204
    assert "Please try again in 0 day(s)" in _message(_change(accounts, user, "second", "third"))
    _write(accounts, user, password_created_at=_ago(days=1))
    assert _change(accounts, user, "second", "third").status_code == 204


def test_who_does_not_log_in_is_disabled(accounts):
    gone, exempt, active, new = accounts.user(), accounts.user(options={"ignore_user_inactivity": True}), accounts.user(), accounts.user()
    token = accounts.token(gone)
    for user in (gone, exempt, active):
        _write(accounts, user, created_at=_ago(days=9), last_active_at=_ago(days=5).date().isoformat())
    assert accounts.log_in(active).status_code == 401  # at once, whatever the reconciler has done
    _write(accounts, active, last_active_at=_ago(days=4).date().isoformat())
    assert accounts.log_in(active).status_code == 201
    accounts.cloud.run(disable_inactive(accounts.cloud.app.cloud))
    shown = {user["id"]: user["enabled"] for user in accounts.admin.get("identity", "/users").json()["users"]}
    assert [shown[user["id"]] for user in (gone, exempt, active, new)] == [False, True, True, True]
    assert not accounts.is_valid(token)
    accounts.change("user", gone["id"], enabled=True)
    accounts.cloud.run(disable_inactive(accounts.cloud.app.cloud))
    assert accounts.log_in(gone).status_code == 201


def test_a_right_password_is_written_down_once_a_day(accounts):
    user = accounts.user()
    with seen_statements("UPDATE users") as seen:
        accounts.token(user)
        accounts.token(user)
        accounts.log_in(user, password="wrong")
        accounts.token(user)
        accounts.token(user)
    assert len(seen) == 3  # the day, the failure, and that it is over


def test_users_whose_passwords_expire(accounts):
    user = accounts.user()
    _write(accounts, user, password_expires_at="2026-05-05T05:05:05.000000")

    def found(query):
        answer = accounts.admin.get("identity", f"/users?name={user['name']}&password_expires_at={query}")
        return bool(answer.json()["users"])

    moment = "2026-05-05T05:05:05Z"
    expected = {"lt": False, "lte": True, "gt": False, "gte": True, "eq": True, "neq": False}
    assert {operator: found(f"{operator}:{moment}") for operator in expected} == expected
    assert found("2026-05-05T07:05:05%2B02:00") and found("gt:2026-05-05T05:05:04Z") and not found("lt:2026-05-05T05:05:04Z")


def test_a_password_that_was_set_must_be_changed_first(accounts, monkeypatch):
    cloud, replace = accounts.cloud.app.cloud, msgspec.structs.replace
    rules = replace(cloud.config.security_compliance, change_password_upon_first_use=True)
    monkeypatch.setattr(cloud, "config", replace(cloud.config, security_compliance=rules))
    user = accounts.user(options={"ignore_change_password_upon_first_use": True})  # which exempts from the next reset on
    assert "is expired and needs to be changed" in _message(accounts.log_in(user))
    assert _change(accounts, user, password_of(user["name"]), "chosen").status_code == 204
    assert accounts.log_in(user, password="chosen").status_code == 201
    accounts.change("user", user["id"], password="reset")
    assert accounts.log_in(user, password="reset").status_code == 201
    accounts.change("user", user["id"], password="again", options={"ignore_change_password_upon_first_use": None})
    assert "is expired and needs to be changed" in _message(accounts.log_in(user, password="again"))
    nobody = accounts.make("user")
    assert nobody["password_expires_at"] is None  # there is no password that could


def test_a_pattern_that_is_none_is_told_at_the_start():
    with pytest.raises(ConfigError, match=r"security_compliance\.password_regex is no regular expression"):
        load(environ={}, flags={"security_compliance.password_regex": "("})
