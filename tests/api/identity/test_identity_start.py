"""What a cloud has from its first start, and what later starts leave alone."""

import logging
import stat
import time

import pytest

from clouds import Client, TestCloud
from monostack.services.identity.facade import rotate_keys


@pytest.fixture
def start(tmp_path, new_database):
    """Starts a cloud, any number of times one after another, with the same state."""
    url = new_database(tmp_path)
    running = []

    def begin(**flags):
        while running:
            running.pop().stop()
        running.append(TestCloud(tmp_path, url, hosts=0, **flags).start())
        return running[0]

    yield begin
    while running:
        running.pop().stop()


def _until(happens, seconds=10):
    deadline = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def _mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_secrets_are_the_owners_alone_and_not_in_the_log(start, caplog):
    caplog.set_level(logging.DEBUG)
    cloud = start()
    assert cloud.admin.get("identity", "/users").status_code == 200
    assert _mode(cloud.state_dir / "admin-password") == 0o600
    for repository in ("fernet-keys", "credential-keys"):
        keys = list((cloud.state_dir / repository).iterdir())
        assert {key.name for key in keys} == {"0", "1"}
        assert {_mode(key) for key in keys} == {0o600}
        assert _mode(cloud.state_dir / repository) == 0o700
    secrets = [cloud.admin_password, cloud.admin.token, *(key.read_text() for key in (cloud.state_dir / "fernet-keys").iterdir())]

    def logged():
        return "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("monostack"))

    _until(lambda: "/identity/v3/users" in logged())  # the line is written after the answer
    assert not [secret for secret in secrets if secret in logged()]


def test_first_accounts(start):
    admin = start().admin
    names = lambda kind: {item["name"] for item in admin.get("identity", f"/{kind}").json()[kind]}  # noqa: E731
    assert names("domains") == {"Default"}
    assert names("projects") == {"admin", "service"}
    assert names("users") == {"admin"}
    assert names("roles") == {"admin", "manager", "member", "reader", "service"}
    inferences = admin.get("identity", "/role_inferences").json()["role_inferences"]
    implied = {rule["prior_role"]["name"]: [role["name"] for role in rule["implies"]] for rule in inferences}
    assert implied == {"admin": ["manager"], "manager": ["member"], "member": ["reader"]}
    assert admin.get("identity", "/auth/system").json()["system"] == [{"all": True}]


def test_every_service_is_in_the_catalog_and_follows_the_address(start):
    first = start()
    urls, first_url = dict(first.admin.endpoints), first.url
    assert set(urls) >= {service.type for service in first.app.cloud.services}
    assert all(url.startswith(first_url + "/") for url in urls.values())
    second = start()
    assert second.url != first_url
    assert second.admin.endpoints == {type: second.url + url.removeprefix(first_url) for type, url in urls.items()}
    listed = second.admin.get("identity", "/endpoints?interface=public").json()["endpoints"]
    assert all(endpoint["url"].startswith(second.url + "/") for endpoint in listed)


def test_a_second_start_changes_nothing_and_brings_back_nothing(start):
    cloud = start()
    password, token = cloud.admin_password, cloud.admin.token
    placement = cloud.admin.get("identity", "/services?type=placement").json()["services"][0]
    assert cloud.admin.delete("identity", f"/services/{placement['id']}").status_code == 204
    before = {kind: cloud.admin.get("identity", f"/{kind}").json()[kind] for kind in ("projects", "roles", "services")}
    again = start()
    assert again.admin_password == password
    answer = again.admin.http.get(f"{again.url}/identity/v3/users", headers={"x-auth-token": token})
    assert answer.status_code == 200, "tokens outlive a restart"
    for kind, items in before.items():
        now = again.admin.get("identity", f"/{kind}").json()[kind]
        assert [item["id"] for item in now] == [item["id"] for item in items]


def test_tokens_live_through_a_rotation_of_the_keys(start):
    cloud = start()
    admin = cloud.admin
    use = lambda: admin.get("identity", "/auth/projects").status_code  # noqa: E731
    assert rotate_keys(cloud.state_dir) == 2
    assert use() == 200
    newer = Client(cloud, "admin", cloud.admin_password, "admin")
    assert rotate_keys(cloud.state_dir) == 3
    assert {key.name for key in (cloud.state_dir / "fernet-keys").iterdir()} == {"0", "2", "3"}
    _until(lambda: use() == 401)
    assert newer.get("identity", "/auth/projects").status_code == 200


def test_version_2_is_a_setting(start):
    cloud = start(**{"identity.v2_api": False})
    assert cloud.admin.http.get(f"{cloud.url}/identity/v2.0").status_code == 404
    login = {"auth": {"tenantName": "admin", "passwordCredentials": {"username": "admin", "password": cloud.admin_password}}}
    assert cloud.admin.http.post(f"{cloud.url}/identity/v2.0/tokens", json=login).status_code == 404
    versions = cloud.admin.http.get(f"{cloud.url}/identity").json()["versions"]["values"]
    assert [version["id"] for version in versions] == ["v3.14"]


def test_tokens_live_as_long_as_configured(start):
    from datetime import datetime

    cloud = start(**{"identity.token_lifetime": 120})
    token = cloud.admin.get("identity", "/auth/tokens", headers={"x-subject-token": cloud.admin.token}).json()["token"]
    lived = datetime.fromisoformat(token["expires_at"]) - datetime.fromisoformat(token["issued_at"])
    assert lived.total_seconds() == 120
