"""How the volumes of a type are to be encrypted."""

import pytest
from volume_api import act, create

LUKS = {"provider": "luks", "control_location": "front-end", "key_size": "256", "cipher": "aes-xts-plain64"}


@pytest.fixture
def path(cloud):
    kind = cloud.admin.post("volume", "/types", {"volume_type": {"name": "secret"}}).json()["volume_type"]["id"]
    yield f"/types/{kind}/encryption"
    assert cloud.admin.delete("volume", f"/types/{kind}").status_code == 202


def test_it_is_set_changed_and_removed(cloud, path):
    assert cloud.admin.get("volume", path).json() == {}
    made = cloud.admin.post("volume", path, {"encryption": LUKS}).json()["encryption"]
    assert (made["key_size"], made["provider"], made["volume_type_id"]) == (256, "luks", path.split("/")[2])
    again = cloud.admin.post("volume", path, {"encryption": LUKS})
    assert again.status_code == 400 and "already exists." in again.text
    one = f"{path}/{made['encryption_id']}"
    assert cloud.admin.put("volume", one, {"encryption": {"key_size": 512}}).json() == {"encryption": {"key_size": 512}}
    shown = cloud.admin.get("volume", path).json()
    assert (shown["key_size"], shown["cipher"], shown["encryption_id"]) == (512, "aes-xts-plain64", made["encryption_id"])
    assert cloud.admin.get("volume", f"{path}/cipher").json() == {"cipher": "aes-xts-plain64"}
    assert cloud.admin.get("volume", f"{path}/colour").status_code == 404
    assert cloud.demo.get("volume", path).status_code == 403
    assert cloud.admin.delete("volume", one).status_code == 202
    assert cloud.admin.delete("volume", one).status_code == 404
    assert cloud.admin.get("volume", path).json() == {}


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"provider": None}, "None is not of type 'string'"),
        ({"control_location": "moon"}, "'moon' is not one of ['front-end', 'back-end']"),
        ({"key_size": "large"}, "key_size must be an integer."),
    ],
)
def test_bad_ones_are_refused(cloud, path, change, text):
    answer = cloud.admin.post("volume", path, {"encryption": {**LUKS, **change}})
    assert answer.status_code == 400 and text in answer.text
    assert cloud.admin.get("volume", path).json() == {}


def test_a_type_with_volumes_stays_as_it_is(cloud, path):
    volume = create(cloud.demo, volume_type="secret")
    answer = cloud.admin.post("volume", path, {"encryption": LUKS})
    assert answer.status_code == 400 and "Cannot create encryption specs. Volume type in use." in answer.text
    assert act(cloud.demo, volume, "os-retype", {"new_type": "__DEFAULT__"}).status_code == 202
