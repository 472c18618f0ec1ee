"""Logging in with more than a password: rules, passcodes and receipts. What is answered otherwise: differential/configured."""

import base64
import time

import pytest
from accounts import password_of, project
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from monostack.core import clock
from monostack.services.identity.tokens import passcodes
from monostack.services.identity.tokens.receipts import HEADER, SECONDS

KEY = b"a secret of 20 bytes"
SECRET = base64.b32encode(KEY).decode().rstrip("=")


def _passcode(at=0.0, key=KEY):
    return TOTP(key, 6, SHA1(), 30).generate(time.time() + at).decode()


@pytest.fixture
def user(accounts):
    """One who must show a password and a passcode."""
    made, own = accounts.member()
    for blob in ("not base 32!", SECRET):
        body = {"credential": {"type": "totp", "user_id": made["id"], "blob": blob}}
        assert accounts.admin.post("identity", "/credentials", body).status_code == 201
    accounts.change("user", made["id"], options={"multi_factor_auth_rules": [["password", "totp"]]})
    return {**made, "project": own["id"]}


def _log_in(accounts, user, password=False, passcode=None, token=None, receipt=None):
    identity = {"methods": []}
    if password:
        identity["password"] = {"user": {"id": user["id"], "password": password_of(user["name"])}}
    if passcode is not None:
        identity["totp"] = {"user": {"id": user["id"], "passcode": passcode}}
    if token is not None:
        identity["token"] = {"id": token}
    identity["methods"] = list(identity)[1:]
    headers = {HEADER: receipt} if receipt else {}
    return accounts.ask(
        None, "POST", "/auth/tokens", json={"auth": {"identity": identity, "scope": project(user["project"])}}, headers=headers
    )


def test_both_at_once(accounts, user):
    answer = _log_in(accounts, user, password=True, passcode=_passcode())
    assert answer.status_code == 201
    assert sorted(answer.json()["token"]["methods"]) == ["password", "totp"]
    token = answer.headers["x-subject-token"]
    assert accounts.is_valid(token)
    assert accounts.by_token(token, project(user["project"])).status_code == 201  # the new one was obtained by both, too


def test_a_password_and_a_token(accounts):
    made, own = accounts.member()
    user = {**made, "project": own["id"]}
    token = accounts.token(user)
    accounts.change("user", user["id"], options={"multi_factor_auth_rules": [["password", "token"]]})
    assert _log_in(accounts, user, password=True, token=token).status_code == 201
    assert _log_in(accounts, user, password=True).status_code == 401


@pytest.mark.parametrize("order", [("password", "passcode"), ("passcode", "password")])
def test_one_after_the_other(accounts, user, order):
    shown = {"password": {"password": True}, "passcode": {"passcode": _passcode()}}
    first = _log_in(accounts, user, **shown[order[0]])
    assert first.status_code == 401
    assert first.json()["required_auth_methods"] == [["password", "totp"]]
    second = _log_in(accounts, user, **shown[order[1]], receipt=first.headers[HEADER])
    assert second.status_code == 201
    assert sorted(second.json()["token"]["methods"]) == ["password", "totp"]


def test_a_receipt_is_good_for_a_while_and_until_the_users_tokens_are_revoked(accounts, user):
    receipt = _log_in(accounts, user, password=True).headers[HEADER]
    real = time.time
    clock.use(now=lambda: real() + SECONDS)
    try:
        late = _log_in(accounts, user, passcode=_passcode(SECONDS), receipt=receipt)
    finally:
        clock.use()
    assert late.status_code == 401
    assert late.json()["error"]["message"] == f"Could not find auth receipt: {receipt}."
    assert accounts.admin.delete("identity", f"/users/{user['id']}/tokens").status_code == 204
    assert _log_in(accounts, user, passcode=_passcode(), receipt=receipt).status_code == 401


def test_a_token_is_no_receipt(accounts, user):
    token = _log_in(accounts, user, password=True, passcode=_passcode()).headers["x-subject-token"]
    assert _log_in(accounts, user, password=True, receipt=token).status_code == 401


def test_the_last_passcode_is_good_and_no_older_one(accounts, user):
    halfway = time.time() // 30 * 30 + 15
    clock.use(now=lambda: halfway)
    try:
        good = [passcodes.is_good(TOTP(KEY, 6, SHA1(), 30).generate(halfway + 30 * window).decode(), SECRET) for window in (-2, -1, 0, 1)]
    finally:
        clock.use()
    assert good == [False, True, True, False]


def test_a_passcode_alone_is_enough_without_rules_and_is_no_delegation(accounts, user):
    accounts.change("user", user["id"], options={"multi_factor_auth_rules": None})
    answer = _log_in(accounts, user, passcode=_passcode())
    assert answer.json()["token"]["methods"] == ["totp"]
    token = answer.headers["x-subject-token"]
    body = {"application_credential": {"name": "from a passcode"}}
    assert accounts.ask(token, "POST", f"/users/{user['id']}/application_credentials", json=body).status_code == 201
    accounts.change("user", user["id"], enabled=False)
    assert _log_in(accounts, user, passcode=_passcode()).status_code == 401
