"""OAuth consumers that sign what they ask, and what they may do while the user lets them."""

import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qsl, quote

import pytest
from accounts import project

from monostack.services.identity.oauth1.signature import base_string, sign


class Consumer:
    """A program that signs with its own secret and, where it has one, that of a token."""

    def __init__(self, accounts) -> None:
        made = accounts.admin.post("identity", "/OS-OAUTH1/consumers", {"consumer": {"description": "a program"}})
        assert made.status_code == 201, made.text
        self.accounts, self.id, self.secret = accounts, made.json()["consumer"]["id"], made.json()["consumer"]["secret"]

    def ask(self, path, token=("", ""), body=None, headers=None, method="HMAC-SHA1", **more):
        url = f"{self.accounts.cloud.url}/identity/v3{path}"
        given = {
            "oauth_consumer_key": self.id, "oauth_nonce": "0123456789abcdef", "oauth_timestamp": str(int(time.time())),
            "oauth_signature_method": method, "oauth_version": "1.0", **more,
        }  # fmt: skip
        if token[0]:
            given["oauth_token"] = token[0]
        given["oauth_signature"] = sign(method, base_string("POST", url, given), self.secret, token[1])
        header = "OAuth " + ", ".join(f'{name}="{quote(value, safe="~")}"' for name, value in given.items())
        return self.accounts.admin.http.post(url, json=body, headers={"authorization": header, **(headers or {})})

    def request_token(self, own):
        answer = self.ask("/OS-OAUTH1/request_token", headers={"requested-project-id": own["id"]}, oauth_callback="oob")
        return _token(answer)

    def exchange(self, token, verifier):
        return self.ask("/OS-OAUTH1/access_token", token, oauth_verifier=verifier)

    def log_in(self, token, method="HMAC-SHA1"):
        return self.ask("/auth/tokens", token, {"auth": {"identity": {"methods": ["oauth1"], "oauth1": {}}}}, method=method)


def _token(answer):
    assert answer.status_code == 201, answer.text
    form = dict(parse_qsl(answer.text))
    return form["oauth_token"], form["oauth_token_secret"]


@pytest.fixture
def consumer(accounts):
    return Consumer(accounts)


@pytest.fixture
def user(accounts):
    """A user who may authorize, which is for administrators, and a project of his."""
    return accounts.member("admin")


def _authorize(accounts, user, own, token, role="member"):
    path = f"/OS-OAUTH1/authorize/{token[0]}"
    answer = accounts.ask(accounts.token(user, project(own["id"])), "PUT", path, json={"roles": [{"id": accounts.roles[role]}]})
    assert answer.status_code == 200, answer.text
    return answer.json()["token"]["oauth_verifier"]


def _access(accounts, consumer, user, own):
    token = consumer.request_token(own)
    return _token(consumer.exchange(token, _authorize(accounts, user, own, token)))


def test_a_consumer_acts_with_what_was_allowed(accounts, consumer, user):
    owner, own = user
    access = _access(accounts, consumer, owner, own)
    for method in ("HMAC-SHA1", "HMAC-SHA256", "HMAC-SHA512", "PLAINTEXT"):
        answer = consumer.log_in(access, method)
        assert answer.status_code == 201, answer.text
    token = answer.json()["token"]
    assert (token["user"]["id"], token["project"]["id"], token["methods"]) == (owner["id"], own["id"], ["oauth1"])
    assert {role["name"] for role in token["roles"]} == {"member", "reader"}
    assert token["OS-OAUTH1"] == {"access_token_id": access[0], "consumer_id": consumer.id}
    signed = answer.headers["x-subject-token"]
    assert accounts.ask(signed, "GET", "/auth/projects").status_code == 200
    assert accounts.ask(signed, "POST", "/OS-OAUTH1/consumers", json={"consumer": {}}).status_code == 403
    assert consumer.log_in((access[0], "another secret")).status_code == 401


def test_it_ends_with_the_role_the_access_token_and_the_consumer(accounts, consumer, user):
    owner, own = user
    first, second = _access(accounts, consumer, owner, own), _access(accounts, consumer, owner, own)
    signed = [consumer.log_in(access).headers["x-subject-token"] for access in (first, second)]
    ended = accounts.admin.request("DELETE", "identity", f"/users/{owner['id']}/OS-OAUTH1/access_tokens/{first[0]}")
    assert ended.status_code == 204
    assert [accounts.ask(one, "GET", "/auth/projects").status_code for one in signed] == [401, 200]
    grant = f"/projects/{own['id']}/users/{owner['id']}/roles/{accounts.roles['admin']}"
    assert accounts.admin.request("DELETE", "identity", grant).status_code == 204
    assert accounts.ask(signed[1], "GET", "/auth/projects").status_code == 401
    assert accounts.admin.request("DELETE", "identity", f"/OS-OAUTH1/consumers/{consumer.id}").status_code == 204
    assert consumer.log_in(second).status_code == 404


def test_a_request_token_is_exchanged_once(accounts, consumer, user):
    token = consumer.request_token(user[1])
    verifier = _authorize(accounts, *user, token)
    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(answer.status_code for answer in pool.map(lambda _: consumer.exchange(token, verifier), range(8)))
    assert statuses == [201] + [404] * 7
