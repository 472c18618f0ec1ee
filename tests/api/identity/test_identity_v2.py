"""The login of version 2.0, as clients from before version 3 use it."""

import pytest
from accounts import domain


@pytest.fixture(scope="module")
def v2(cloud):
    def call(method, path, **options):
        return cloud.admin.http.request(method, f"{cloud.url}/identity/v2.0{path}", **options)

    return call


def _login(cloud, **scope):
    credentials = {"username": "demo", "password": "demo-password"}
    cloud.demo  # noqa: B018 - makes the account
    return {"auth": {"passwordCredentials": credentials, **scope}}


def test_discovery(cloud, v2):
    assert v2("GET", "").json()["version"]["id"] == "v2.0"
    versions = cloud.admin.http.get(f"{cloud.url}/identity")
    assert versions.status_code == 300
    assert {version["id"] for version in versions.json()["versions"]["values"]} == {"v3.14", "v2.0"}


def test_scoped_by_name_and_by_id(cloud, v2):
    for scope in ({"tenantName": "demo"}, {"tenantId": cloud.demo.project_id}):
        access = v2("POST", "/tokens", json=_login(cloud, **scope)).json()["access"]
        assert access["token"]["tenant"]["id"] == cloud.demo.project_id
        assert access["token"]["expires"].endswith("Z")
        assert access["user"]["name"] == "demo"
        assert {role["name"] for role in access["user"]["roles"]} == {"member", "reader"}
        compute = next(service for service in access["serviceCatalog"] if service["type"] == "compute")
        assert compute["endpoints"][0]["publicURL"].startswith(f"{cloud.url}/compute")
        assert compute["endpoints"][0].keys() >= {"region", "publicURL", "internalURL", "adminURL"}
        used = cloud.admin.http.get(f"{cloud.url}/identity/v3/auth/projects", headers={"x-auth-token": access["token"]["id"]})
        assert used.status_code == 200


def test_unscoped_then_tenants_then_scoped(cloud, v2):
    unscoped = v2("POST", "/tokens", json=_login(cloud)).json()["access"]
    assert "tenant" not in unscoped["token"]
    assert unscoped["serviceCatalog"] == []
    token = unscoped["token"]["id"]
    tenants = v2("GET", "/tenants", headers={"x-auth-token": token}).json()["tenants"]
    assert [tenant["name"] for tenant in tenants] == ["demo"]
    scoped = v2("POST", "/tokens", json={"auth": {"token": {"id": token}, "tenantName": "demo"}})
    assert scoped.json()["access"]["token"]["tenant"]["name"] == "demo"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"auth": {}}, 400),
        ({"auth": {"passwordCredentials": {}}}, 400),
        ({"auth": {"passwordCredentials": {"username": "demo"}}}, 400),
        ({"auth": {"passwordCredentials": {"username": ["demo"], "password": "x"}}}, 400),
        ({"auth": {"passwordCredentials": {"username": "demo", "password": "wrong"}}}, 401),
        ({"auth": {"passwordCredentials": {"username": "nobody", "password": "wrong"}}}, 401),
        ({"auth": {"token": {"id": "nonsense"}}}, 401),
        ({"auth": {"token": {"id": "nonsense"}, "tenantName": "demo"}}, 401),
    ],
)
def test_refused(v2, body, status):
    answer = v2("POST", "/tokens", json=body)
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == status


def test_another_project_is_refused(cloud, v2):
    assert v2("POST", "/tokens", json=_login(cloud, tenantName="admin")).status_code == 401


def test_nothing_of_other_domains(accounts, v2):
    home = accounts.make("domain")
    user, own = accounts.user(home["id"]), accounts.make("project", domain_id=home["id"])
    accounts.grant(user, "member", f"projects/{own['id']}")
    assert accounts.log_in(user).status_code == 201
    login = {"auth": {"passwordCredentials": {"userId": user["id"], "password": f"{user['name']}-password"}, "tenantId": own["id"]}}
    assert v2("POST", "/tokens", json=login).status_code == 401
    accounts.grant(user, "member", f"domains/{home['id']}")
    assert accounts.log_in(user, domain(home["id"])).status_code == 201
    tenants = v2("GET", "/tenants", headers={"x-auth-token": accounts.token(user)}).json()["tenants"]
    assert tenants == []
