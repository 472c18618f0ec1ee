"""Lists: filters, pages, and who sees what."""

from urllib.parse import parse_qs, urlsplit

import pytest
from accounts import fresh


@pytest.fixture(scope="module")
def home(accounts):
    """A domain with seven users, three of them disabled."""
    made = accounts.make("domain")
    for number in range(7):
        accounts.make("user", name=f"Reader{number}" if number % 2 else f"writer{number}", domain_id=made["id"], enabled=number < 4)
    return made


def _names(accounts, home, query=""):
    answer = accounts.admin.get("identity", f"/users?domain_id={home['id']}&{query}")
    assert answer.status_code == 200, answer.text
    return sorted(user["name"] for user in answer.json()["users"])


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("name=writer0", ["writer0"]),
        ("name=nobody", []),
        ("name__startswith=Reader", ["Reader1", "Reader3", "Reader5"]),
        ("name__istartswith=reader", ["Reader1", "Reader3", "Reader5"]),
        ("name__endswith=4", ["writer4"]),
        ("name__icontains=RITER", ["writer0", "writer2", "writer4", "writer6"]),
        ("enabled=false", ["Reader5", "writer4", "writer6"]),
        ("enabled=0&name__startswith=w", ["writer4", "writer6"]),
        ("enabled", ["Reader5", "writer4", "writer6"]),
        ("enabled=true&name__endswith=2", ["writer2"]),
        ("nosuch=1&name__nosuch=2&name=writer0", ["writer0"]),
    ],
)
def test_filters(accounts, home, query, found):
    assert _names(accounts, home, query) == found


def test_a_filter_is_no_sql(accounts, home):
    for value in ("%27%20OR%201=1--", "%22", "'"):
        assert _names(accounts, home, f"name={value}") == []


def test_pages_hold_everything_once(accounts, home):
    seen, path = [], f"/users?domain_id={home['id']}&limit=3"
    for _ in range(10):
        body = accounts.admin.get("identity", path).json()
        seen += [user["name"] for user in body["users"]]
        if body["links"]["next"] is None:
            break
        assert body["truncated"] is True
        following = urlsplit(body["links"]["next"])
        assert parse_qs(following.query)["domain_id"] == [home["id"]]
        path = f"/users?{following.query}"
    assert "truncated" not in body
    assert sorted(seen) == _names(accounts, home)


@pytest.mark.parametrize("limit", ["x", "-1", "1.5"])
def test_a_limit_that_is_none(accounts, limit):
    answer = accounts.admin.get("identity", f"/users?limit={limit}")
    assert answer.status_code == 400
    assert answer.json()["error"]["title"] == "Bad Request"


def test_items_and_lists_link_to_themselves(accounts, home):
    body = accounts.admin.get("identity", f"/users?domain_id={home['id']}").json()
    assert body["links"] == {"self": f"{accounts.cloud.url}/identity/v3/users?domain_id={home['id']}", "next": None, "previous": None}
    for user in body["users"]:
        assert user["links"]["self"] == f"{accounts.cloud.url}/identity/v3/users/{user['id']}"


def test_unknown_attributes_are_kept_and_changed(accounts):
    project = accounts.make("project", color="red", nested={"a": [1]})
    accounts.change("project", project["id"], color="blue", more=1)
    shown = accounts.admin.get("identity", f"/projects/{project['id']}").json()["project"]
    assert (shown["color"], shown["nested"], shown["more"]) == ("blue", {"a": [1]}, 1)


def test_what_the_service_keeps_for_itself_cannot_be_given(accounts):
    user = accounts.make("user", password_hash="$2b$04$x", token_generation=5, extra={"a": 1})
    shown = accounts.admin.get("identity", f"/users/{user['id']}").json()["user"]
    assert not shown.keys() & {"token_generation", "password"}
    statement_of = accounts.cloud.app.db
    from monostack.services.identity.users.table import users

    row = accounts.cloud.run(statement_of.read(lambda tx: tx.row(users.select().where(users.c.id == user["id"]))))
    assert (row.password_hash, row.token_generation) == (None, 0)


def by_credential(given):
    return {"identity": {"methods": ["application_credential"], "application_credential": given}}


@pytest.mark.parametrize(
    ("method", "path", "options", "status"),
    [
        ("POST", "/projects", {"content": b"{", "headers": {"content-type": "application/json"}}, 400),
        ("POST", "/projects", {"content": b"\xff\xfe", "headers": {"content-type": "application/json"}}, 400),
        ("POST", "/projects", {"content": b"[" * 100_000, "headers": {"content-type": "application/json"}}, 400),
        ("POST", "/projects", {"content": b"x" * 200_000, "headers": {"content-type": "application/json"}}, 413),
        ("POST", "/projects", {"json": []}, 400),
        ("POST", "/projects", {"json": "x"}, 400),
        ("POST", "/projects", {"json": {"project": None}}, 400),
        ("POST", "/projects", {"json": {"project": {"name": "a" * 65}}}, 400),
        ("POST", "/projects", {"json": {"project": {"name": "x", "tags": ["t"] * 81}}}, 400),
        ("POST", "/users", {"json": {"user": {"name": "x", "options": {"multi_factor_auth_rules": [[]]}}}}, 400),
        ("POST", "/auth/tokens", {"json": {"auth": {"identity": {"methods": [{}]}}}}, 400),
        ("POST", "/auth/tokens", {"json": {"auth": []}}, 400),
        ("POST", "/auth/tokens", {"json": {"auth": {"identity": {"methods": ["password"], "password": []}}}}, 400),
        ("POST", "/auth/tokens", {"json": {"auth": {"identity": {"methods": ["password"], "password": {"user": []}}}}}, 400),
        ("POST", "/auth/tokens", {"json": {"auth": {"identity": {"methods": ["token"], "token": {"id": 5}}}}}, 400),
        ("POST", "/auth/tokens", {"json": {"auth": by_credential(5)}}, 400),
        ("POST", "/auth/tokens", {"json": {"auth": by_credential({"name": "a", "user": []})}}, 400),
        ("POST", "/auth/tokens", {"json": {"auth": by_credential({"name": "a", "user": {}, "secret": "x"})}}, 400),
        ("GET", "/users/%00", {}, 404),
        ("GET", "/users?name=%00", {}, 400),
        ("POST", "/projects", {"content": b'{"project": {"name": "a\\u0000b"}}', "headers": {"content-type": "application/json"}}, 400),
        ("GET", "/projects/" + "x" * 2000, {}, 404),
        ("PUT", "/users", {}, 405),
        ("GET", "/nosuch", {}, 404),
    ],
)  # fmt: skip
def test_bad_input_is_refused_and_changes_nothing(accounts, method, path, options, status):
    before = accounts.admin.get("identity", "/projects").json()
    answer = accounts.ask(accounts.admin.token, method, path, **options)
    assert answer.status_code == status, answer.text
    assert accounts.admin.get("identity", "/projects").json() == before


def test_a_change_is_on_record(accounts):
    import sqlalchemy as sa

    from monostack.events import events

    name = fresh("recorded")
    made = accounts.admin.post("identity", "/roles", {"role": {"name": name}})
    accounts.admin.delete("identity", f"/roles/{made.json()['role']['id']}")
    statement = sa.select(events).where(events.c.resource_id == made.json()["role"]["id"]).order_by(events.c.number)
    found = accounts.cloud.run(accounts.cloud.app.db.read(lambda tx: tx.rows(statement)))
    assert [row.what for row in found] == ["role.create", "role.delete"]
    assert {row.user_id for row in found} == {accounts.admin.user_id}
    assert found[0].request_id == made.headers["x-openstack-request-id"]
