"""Keypairs: imported, generated, listed."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from waiting import at

from clouds import TestCloud

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJeXaQa2APo5x0pvC5nN3tgDhzMr1G3iDbuwbiv9wlAe me@example"


def test_import_and_show(cloud: TestCloud) -> None:
    made = cloud.demo.post("compute", "/os-keypairs", {"keypair": {"name": "own", "public_key": KEY}})
    assert made.status_code == 200
    keypair = made.json()["keypair"]
    assert keypair == {"name": "own", "public_key": KEY, "fingerprint": keypair["fingerprint"], "user_id": cloud.demo.user_id}
    assert len(keypair["fingerprint"].split(":")) == 16
    again = cloud.demo.post("compute", "/os-keypairs", {"keypair": {"name": "own", "public_key": KEY}}, headers=at("2.2"))
    assert (again.status_code, again.json()["conflictingRequest"]["message"]) == (409, "Key pair 'own' already exists.")
    shown = cloud.demo.get("compute", "/os-keypairs/own", headers=at("2.96")).json()["keypair"]
    assert (shown["type"], shown["deleted"], shown["updated_at"]) == ("ssh", False, None)
    assert cloud.admin.get("compute", "/os-keypairs/own").status_code == 404


def test_generated_ssh_keys_fit_together(cloud: TestCloud) -> None:
    made = cloud.demo.post("compute", "/os-keypairs", {"keypair": {"name": "made"}}, headers=at("2.10"))
    assert made.status_code == 201
    keypair = made.json()["keypair"]
    private = serialization.load_pem_private_key(keypair["private_key"].encode(), None)
    public = private.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    assert keypair["public_key"].startswith(public.decode())
    assert "private_key" not in cloud.demo.get("compute", "/os-keypairs/made").json()["keypair"]


def test_generated_certificates_name_the_user(cloud: TestCloud) -> None:
    body = {"keypair": {"name": "windows", "type": "x509"}}
    keypair = cloud.demo.post("compute", "/os-keypairs", body, headers=at("2.10")).json()["keypair"]
    certificate = x509.load_pem_x509_certificate(keypair["public_key"].encode())
    assert certificate.subject.rfc4514_string() == f"CN={cloud.demo.user_id}"
    assert keypair["fingerprint"].count(":") == 19


@pytest.mark.parametrize(
    ("version", "keypair", "message"),
    [
        ("2.1", {"name": "x", "public_key": "nonsense"}, "Keypair data is invalid: failed to generate fingerprint"),
        ("2.1", {"name": "a/b"}, "Invalid input for field/attribute name. Value: a/b. 'a/b' does not match '^[_\\\\- a-zA-Z0-9]+$'"),
        ("2.1", {"name": ""}, "Invalid input for field/attribute name. Value: . '' should be non-empty"),
        ("2.92", {"name": "k"}, "Invalid input for field/attribute keypair. Value: {'name': 'k'}. 'public_key' is a required property"),
        ("2.1", {"name": " k "}, "An invalid 'name' value was provided. The name must be: printable characters. "
                                 "Can not start or end with whitespace."),
    ],
)  # fmt: skip
def test_bad_keypairs(cloud: TestCloud, version: str, keypair: dict[str, str], message: str) -> None:
    answer = cloud.demo.post("compute", "/os-keypairs", {"keypair": keypair}, headers=at(version))
    assert (answer.status_code, answer.json()["badRequest"]["message"]) == (400, message)


def test_lists_are_paged_from_2_35_on(cloud: TestCloud) -> None:
    for name in ("page-c", "page-a", "page-b"):
        cloud.other.post("compute", "/os-keypairs", {"keypair": {"name": name, "public_key": KEY}})
    first = cloud.other.get("compute", "/os-keypairs?limit=2", headers=at("2.35")).json()
    assert [each["keypair"]["name"] for each in first["keypairs"]] == ["page-a", "page-b"]
    second = cloud.other.get("compute", first["keypairs_links"][0]["href"].split("/v2.1", 1)[1], headers=at("2.35")).json()
    assert [each["keypair"]["name"] for each in second["keypairs"]] == ["page-c"]
    assert len(cloud.other.get("compute", "/os-keypairs?limit=2").json()["keypairs"]) == 3
    unknown = cloud.other.get("compute", "/os-keypairs?marker=nosuch", headers=at("2.35"))
    assert (unknown.status_code, unknown.json()["badRequest"]["message"]) == (400, "Marker nosuch could not be found.")


def test_administrators_may_name_another_user(cloud: TestCloud) -> None:
    path = f"/os-keypairs?user_id={cloud.other.user_id}"
    assert cloud.admin.get("compute", path, headers=at("2.10")).json()["keypairs"]
    assert cloud.demo.get("compute", path, headers=at("2.10")).status_code == 403
    assert cloud.admin.get("compute", path).json()["keypairs"] == []


def test_deleting(cloud: TestCloud) -> None:
    cloud.demo.post("compute", "/os-keypairs", {"keypair": {"name": "gone", "public_key": KEY}})
    assert cloud.demo.delete("compute", "/os-keypairs/gone").status_code == 202
    missing = cloud.demo.delete("compute", "/os-keypairs/gone", headers=at("2.2"))
    assert missing.json()["itemNotFound"]["message"] == f"Keypair gone not found for user {cloud.demo.user_id}"
