"""Encrypted volumes: made, copied, backed up and attached with keys that no answer and no operation holds."""

import base64
import json
import uuid

import pytest
import sqlalchemy as sa
from volume_api import act, at, create, snapshot, wait

from monostack.db import metadata
from monostack.services.volume import keys
from monostack.services.volume.image_keys import volume_image_keys
from monostack.services.volume.reconcilers.files import compare
from monostack.services.volume.volumes.table import BY_ID

LUKS = {"provider": "luks", "control_location": "front-end", "key_size": 256, "cipher": "aes-xts-plain64"}
NEW = at("3.64")
OCTETS = "application/octet-stream"


def new_type(cloud, encryption=LUKS, **specs):
    """The name of a type, which is removed in the end."""
    body = {"name": f"t-{uuid.uuid4()}", "extra_specs": specs}
    kind = cloud.admin.post("volume", "/types", {"volume_type": body}).json()["volume_type"]
    if encryption is not None:
        assert cloud.admin.post("volume", f"/types/{kind['id']}/encryption", {"encryption": encryption}).status_code == 200
    return kind["id"]


@pytest.fixture(scope="module")
def kind(cloud):
    return new_type(cloud)


def key_of(client, path, name):
    return client.get("volume", path, **NEW).json()[name].get("encryption_key_id")


def delete(client, volume):
    assert client.delete("volume", f"/volumes/{volume['id']}").status_code == 202
    wait(client, f"/volumes/{volume['id']}", "volume", 404)


def test_it_shows_that_it_is_encrypted_and_by_which_key(cloud, kind):
    volume = create(cloud.demo, volume_type=kind)
    path = f"/volumes/{volume['id']}"
    assert volume["encrypted"] is True and "encryption_key_id" not in volume
    key = key_of(cloud.demo, path, "volume")
    assert key
    assert cloud.demo.get("volume", f"{path}/encryption").json() == {**LUKS, "encryption_key_id": key}
    listed = cloud.demo.get("volume", "/volumes/detail", **NEW).json()["volumes"]
    assert [one["encryption_key_id"] for one in listed if one["id"] == volume["id"]] == [key]
    plain = create(cloud.demo)
    assert plain["encrypted"] is False and key_of(cloud.demo, f"/volumes/{plain['id']}", "volume") is None
    assert cloud.demo.get("volume", f"/volumes/{plain['id']}/encryption").json() == {"encryption_key_id": None}
    in_use = cloud.admin.put("volume", f"/types/{kind}/encryption/x", {"encryption": {"key_size": 128}})
    assert in_use.status_code == 400 and "Cannot update encryption specs. Volume type in use." in in_use.text
    for one in (volume, plain):
        delete(cloud.demo, one)


def test_copies_and_backups_have_keys_of_their_own(cloud, kind):
    volume = create(cloud.demo, volume_type=kind)
    taken = snapshot(cloud.demo, volume)
    clone, copy = create(cloud.demo, source_volid=volume["id"]), create(cloud.demo, snapshot_id=taken["id"], size=2)
    answer = cloud.demo.post("volume", "/backups", {"backup": {"volume_id": volume["id"]}})
    backup = wait(cloud.demo, f"/backups/{answer.json()['backup']['id']}", "backup", "available")
    keys = {key_of(cloud.demo, f"/volumes/{one['id']}", "volume") for one in (volume, clone, copy)}
    keys.add(key_of(cloud.demo, f"/backups/{backup['id']}", "backup"))
    assert len(keys - {None}) == 4
    assert act(cloud.demo, copy, "os-extend", {"new_size": 3}).status_code == 202
    wait(cloud.demo, f"/volumes/{copy['id']}", "volume", "available")
    restored = cloud.demo.post("volume", f"/backups/{backup['id']}/restore", {"restore": {"volume_id": clone["id"]}})
    assert restored.status_code == 202
    wait(cloud.demo, f"/volumes/{clone['id']}", "volume", "available")
    # Its record carries no key: whoever imports it where the data has one may use it, too.
    record = cloud.admin.get("volume", f"/backups/{backup['id']}/export_record").json()["backup-record"]
    content = json.loads(base64.b64decode(record["backup_url"])) | {"id": str(uuid.uuid4())}
    again = {**record, "backup_url": base64.b64encode(json.dumps(content).encode()).decode()}
    assert cloud.admin.post("volume", "/backups/import_record", {"backup-record": again}).status_code == 201
    imported = wait(cloud.admin, f"/backups/{content['id']}", "backup", "available", **NEW)
    assert imported["encryption_key_id"] not in keys and "passphrase" not in json.dumps(content)
    restored = cloud.admin.post("volume", f"/backups/{imported['id']}/restore", {"restore": {"volume_id": clone["id"]}})
    assert restored.status_code == 202
    wait(cloud.demo, f"/volumes/{clone['id']}", "volume", "available")
    cloud.admin.delete("volume", f"/backups/{imported['id']}")
    wait(cloud.admin, f"/backups/{imported['id']}", "backup", 404)
    # Into a volume of another type it does not go: what was secret would be no longer.
    plain = create(cloud.demo)
    cloud.demo.post("volume", f"/backups/{backup['id']}/restore", {"restore": {"volume_id": plain["id"]}})
    wait(cloud.demo, f"/volumes/{plain['id']}", "volume", "error_restoring")
    assert act(cloud.demo, volume, "revert", {"snapshot_id": taken["id"]}, "3.40").status_code == 202
    wait(cloud.demo, f"/volumes/{volume['id']}", "volume", "available")
    cloud.demo.delete("volume", f"/backups/{backup['id']}")
    cloud.demo.delete("volume", f"/snapshots/{taken['id']}")
    wait(cloud.demo, f"/snapshots/{taken['id']}", "snapshot", 404)
    for one in (clone, copy, volume, plain):
        delete(cloud.demo, one)


def test_what_is_copied_stays_encrypted_the_same_way(cloud, kind):
    volume, plain = create(cloud.demo, volume_type=kind), create(cloud.demo)
    taken = snapshot(cloud.demo, volume)
    before = cloud.demo.get("volume", "/volumes").json()
    for source, wanted, text in (
        ({"source_volid": volume["id"]}, "__DEFAULT__", "either match source volume, or omit type argument"),
        ({"source_volid": plain["id"]}, kind, "either match source volume, or omit type argument"),
        ({"snapshot_id": taken["id"]}, "__DEFAULT__", "recommend omitting the type argument"),
    ):
        answer = cloud.demo.post("volume", "/volumes", {"volume": {"size": 1, "volume_type": wanted, **source}})
        assert answer.status_code == 400 and text in answer.text
    assert cloud.demo.get("volume", "/volumes").json() == before
    same = new_type(cloud)
    cloud.demo.delete("volume", f"/snapshots/{taken['id']}")
    wait(cloud.demo, f"/snapshots/{taken['id']}", "snapshot", 404)
    assert act(cloud.demo, volume, "os-retype", {"new_type": same}).status_code == 202
    for one in (volume, plain):
        delete(cloud.demo, one)


def test_a_new_type_encrypts_anew_if_it_may_be_copied(cloud, kind):
    volume = create(cloud.demo)
    path, found = f"/volumes/{volume['id']}", []

    def retype(new_type, policy):
        assert act(cloud.demo, volume, "os-retype", {"new_type": new_type, "migration_policy": policy}).status_code == 202
        shown = wait(cloud.demo, path, "volume", "available", **NEW)
        found.append(shown.get("encryption_key_id"))
        assert shown["encrypted"] is (found[-1] is not None)
        return shown["volume_type_id"]

    retype(kind, "never")
    assert found == [None]
    taken = snapshot(cloud.demo, volume)
    retype(kind, "on-demand")
    assert found == [None, None], "with snapshots it stays as it is"
    cloud.demo.delete("volume", f"/snapshots/{taken['id']}")
    wait(cloud.demo, f"/snapshots/{taken['id']}", "snapshot", 404)
    other = new_type(cloud, {**LUKS, "provider": "luks2", "key_size": 128})
    assert [retype(wanted, "on-demand") for wanted in (kind, other)] == [kind, other]
    assert None not in found[2:] and found[2] != found[3]
    assert act(cloud.demo, volume, "os-extend", {"new_size": 2}).status_code == 202, "the new key opens it"
    wait(cloud.demo, path, "volume", "available")
    retype("__DEFAULT__", "on-demand")
    assert found[-1] is None
    delete(cloud.demo, volume)


@pytest.mark.parametrize(
    ("encryption", "specs", "status", "text"),
    [
        ({**LUKS, "provider": "NoOpEncryptor"}, {}, 501, "encryption by NoOpEncryptor"),
        ({**LUKS, "cipher": None}, {}, 400, "Invalid encryption spec"),
        (LUKS, {"multiattach": "<is> True"}, 400, "Multiattach cannot be used with encrypted volumes."),
    ],
)
def test_some_are_refused(cloud, encryption, specs, status, text):
    wanted = new_type(cloud, encryption, **specs)
    before = cloud.admin.get("volume", "/volumes").json()
    answer = cloud.admin.post("volume", "/volumes", {"volume": {"size": 1, "volume_type": wanted}})
    assert answer.status_code == status and text in answer.text
    assert cloud.admin.get("volume", "/volumes").json() == before
    assert cloud.admin.delete("volume", f"/types/{wanted}").status_code == 202


def test_a_cipher_that_no_host_has_ends_in_error(cloud):
    wanted = new_type(cloud, {**LUKS, "cipher": "rot-13-plain"})
    volume = cloud.demo.post("volume", "/volumes", {"volume": {"size": 1, "volume_type": wanted}}).json()["volume"]
    wait(cloud.demo, f"/volumes/{volume['id']}", "volume", "error")
    delete(cloud.demo, volume)


def test_an_image_of_it_is_encrypted_too(cloud, kind):
    volume = create(cloud.demo, volume_type=kind, size=2)
    other = act(cloud.demo, volume, "os-volume_upload_image", {"image_name": "i", "disk_format": "qcow2"})
    assert other.status_code == 400 and "must use 'raw' disk_format and 'bare' container_format" in other.text
    answer = act(cloud.demo, volume, "os-volume_upload_image", {"image_name": "i"})
    assert answer.status_code == 202, answer.text
    wait(cloud.demo, f"/volumes/{volume['id']}", "volume", "available")
    image_id = answer.json()["os-volume_upload_image"]["image_id"]
    image = cloud.demo.get("image", f"/images/{image_id}").json()
    key = image["cinder_encryption_key_id"]
    assert (image["status"], image["cinder_encryption_key_deletion_policy"]) == ("active", "on_image_deletion")
    assert key != key_of(cloud.demo, f"/volumes/{volume['id']}", "volume")
    delete(cloud.demo, volume)
    # A volume of it has a key of its own, and is as large as the first one.
    small = cloud.demo.post("volume", "/volumes", {"volume": {"size": 1, "imageRef": image_id, "volume_type": kind}})
    assert small.status_code == 400 and "image 2GB is larger than volume size 1GB" in small.text
    copy = create(cloud.demo, size=2, imageRef=image_id, volume_type=kind)
    assert copy["volume_image_metadata"]["cinder_encryption_key_id"] == key
    assert key_of(cloud.demo, f"/volumes/{copy['id']}", "volume") not in (None, key)
    assert act(cloud.demo, copy, "os-reimage", {"image_id": image_id}, "3.68").status_code == 202
    wait(cloud.demo, f"/volumes/{copy['id']}", "volume", "available")
    again = act(cloud.demo, copy, "os-volume_upload_image", {"image_name": "again"}).json()["os-volume_upload_image"]["image_id"]
    wait(cloud.demo, f"/volumes/{copy['id']}", "volume", "available")
    assert cloud.demo.get("image", f"/images/{again}").json()["cinder_encryption_key_id"] not in (None, key)
    delete(cloud.demo, copy)
    plain = create(cloud.demo, size=1, imageRef=image_id)  # gets the bits as they are
    assert plain["encrypted"] is False
    delete(cloud.demo, plain)
    # Its key goes with the image, and is nobody else's.
    body = {"name": "thief", "disk_format": "raw", "container_format": "bare", "cinder_encryption_key_id": key}
    thief = cloud.other.post("image", "/images", body).json()["id"]
    assert cloud.other.put("image", f"/images/{thief}/file", content=b"bits", headers={"content-type": OCTETS}).status_code == 204
    stolen = cloud.other.post("volume", "/volumes", {"volume": {"size": 2, "imageRef": thief, "volume_type": kind}})
    assert stolen.status_code == 400 and f"Encryption key {key} of image {thief} could not be found." in stolen.text
    flavor = {"flavor": {"name": "f", "id": "of-luks", "ram": 64, "disk": 4, "vcpus": 1}}
    assert cloud.admin.post("compute", "/flavors", flavor).status_code == 200
    server = {"server": {"name": "s", "flavorRef": "of-luks", "imageRef": image_id, "networks": "none"}}
    booted = cloud.demo.post("compute", "/servers", server, headers={"openstack-api-version": "compute 2.96"})
    assert booted.status_code == 400 and "Direct booting of an image uploaded from an encrypted volume is unsupported." in booted.text
    for one in (image_id, again):
        assert cloud.demo.delete("image", f"/images/{one}").status_code == 204
    assert cloud.run(cloud.app.cloud.db.read(lambda tx: tx.rows(sa.select(volume_image_keys)))) == []


def test_it_is_given_away_with_its_key_and_snapshots(cloud, kind):
    volume = create(cloud.demo, volume_type=kind)
    wanted = {"transfer": {"volume_id": volume["id"]}}
    for path, body, version, text in (
        ("/os-volume-transfer", wanted, "3.70", "transferring encrypted volume is not supported"),
        ("/volume-transfers", wanted, "3.69", "transferring encrypted volume is not supported"),
        ("/volume-transfers", {"transfer": {**wanted["transfer"], "no_snapshots": True}}, "3.70", "without its snapshots is not supported"),
    ):
        answer = cloud.demo.post("volume", path, body, **at(version))
        assert answer.status_code == 400 and text in answer.text
    seen = [key_of(cloud.demo, f"/volumes/{volume['id']}", "volume")]
    offer = cloud.demo.post("volume", "/volume-transfers", wanted, **at("3.70")).json()["transfer"]
    path = f"/volume-transfers/{offer['id']}/accept"
    assert cloud.other.post("volume", path, {"accept": {"auth_key": offer["auth_key"]}}, **at("3.70")).status_code == 202
    seen.append(key_of(cloud.other, f"/volumes/{volume['id']}", "volume"))
    assert None not in seen and seen[0] != seen[1]
    assert act(cloud.other, volume, "os-extend", {"new_size": 2}).status_code == 202
    wait(cloud.other, f"/volumes/{volume['id']}", "volume", "available")
    delete(cloud.other, volume)


def test_a_passphrase_is_nowhere_but_sealed(cloud, kind, caplog):
    """Neither in the database, whatever was done with the volume, nor in the log; the file that unseals it is its owner's alone."""
    caplog.set_level("DEBUG")
    volume = create(cloud.demo, volume_type=kind)
    taken = snapshot(cloud.demo, volume)
    attachment = {"attachment": {"volume_uuid": volume["id"], "connector": {"host": "h"}}}
    connection = cloud.demo.post("volume", "/attachments", attachment, **at("3.27"))
    assert connection.json()["attachment"]["connection_info"]["encrypted"] is True
    row = cloud.run(cloud.app.db.read(lambda tx: tx.execute(BY_ID, {"the_id": volume["id"]}).one()))
    key = keys.opened(cloud.app.cloud, row)
    assert key is not None and len(key.passphrase) == 64 and key.passphrase not in repr(key)
    tables = cloud.run(cloud.app.db.read(lambda tx: [str(tx.rows(sa.select(one))) for one in metadata.tables.values()]))
    assert any(row.sealed_key in table for table in tables)
    assert not any(key.passphrase in text for text in (*tables, caplog.text, connection.text))
    assert {path.stat().st_mode & 0o777 for path in (cloud.state_dir / keys.DIRECTORY).iterdir()} == {0o600}
    held = connection.json()["attachment"]["id"]
    assert cloud.demo.delete("volume", f"/attachments/{held}", **at("3.27")).status_code == 200
    cloud.demo.delete("volume", f"/snapshots/{taken['id']}")
    wait(cloud.demo, f"/snapshots/{taken['id']}", "snapshot", 404)
    delete(cloud.demo, volume)


def test_a_group_of_them_is_copied(cloud, kind):
    newest = at("3.71")
    group_type = cloud.admin.post("volume", "/group_types", {"group_type": {"name": "secret"}}, **newest).json()["group_type"]["id"]
    body = {"group": {"group_type": group_type, "volume_types": [kind]}}
    groups = [cloud.demo.post("volume", "/groups", body, **newest).json()["group"]["id"]]
    wait(cloud.demo, f"/groups/{groups[0]}", "group", "available", **newest)
    member = {"volume": {"size": 1, "group_id": groups[0], "volume_type": kind}}
    volume = cloud.demo.post("volume", "/volumes", member, **newest).json()["volume"]
    wait(cloud.demo, f"/volumes/{volume['id']}", "volume", "available")
    copying = {"create-from-src": {"source_group_id": groups[0]}}
    groups.append(cloud.demo.post("volume", "/groups/action", copying, **newest).json()["group"]["id"])
    copied = wait(cloud.demo, f"/groups/{groups[1]}?list_volume=1", "group", "available", **newest)["volumes"]
    found = [key_of(cloud.demo, f"/volumes/{one}", "volume") for one in (volume["id"], *copied)]
    assert len(set(found) - {None}) == 2
    for group in groups:
        deletion = {"delete": {"delete-volumes": True}}
        assert cloud.demo.post("volume", f"/groups/{group}/action", deletion, **newest).status_code == 202
        wait(cloud.demo, f"/groups/{group}", "group", 404, **newest)


def test_a_simulated_host_that_has_forgotten_it_gets_it_again_with_its_key(cloud, kind):
    volume = create(cloud.demo, volume_type=kind)
    taken = snapshot(cloud.demo, volume)
    backup = cloud.demo.post("volume", "/backups", {"backup": {"volume_id": volume["id"]}}).json()["backup"]
    wait(cloud.demo, f"/backups/{backup['id']}", "backup", "available")
    host = cloud.admin.get("volume", f"/volumes/{volume['id']}").json()["volume"]["os-vol-host-attr:host"].partition("@")[0]
    storage = cloud.app.cloud.hosts.local(host).agent.drivers.block.storage
    had = dict(storage.locks)
    for forgotten in (storage.volumes, storage.snapshots, storage.backups, storage.locks):
        forgotten.clear()
    cloud.run(compare(cloud.app.cloud, host))
    assert {id: storage.locks[id] for id in (volume["id"], taken["id"], backup["id"])}.items() <= had.items()
    assert act(cloud.demo, volume, "os-extend", {"new_size": 2}).status_code == 202, "its key opens it"
    wait(cloud.demo, f"/volumes/{volume['id']}", "volume", "available")
    copy = create(cloud.demo, snapshot_id=taken["id"])
    assert cloud.demo.post("volume", f"/backups/{backup['id']}/restore", {"restore": {"volume_id": copy["id"]}}).status_code == 202
    wait(cloud.demo, f"/volumes/{copy['id']}", "volume", "available")
