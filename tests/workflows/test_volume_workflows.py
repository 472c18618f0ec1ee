"""Every workflow of volumes, in every way it may go."""

import base64
import json
from typing import Any

import pytest
from harness import COMPUTE, IMAGE, VOLUME, Bench, Case, Trial, trials
from servers import boot

from monostack.services.volume.reconcilers.files import compare
from monostack.testing.hosts import simulated_host


async def _nothing(bench: Bench) -> dict[str, Any]:
    return {}


async def _with_volume(bench: Bench) -> dict[str, Any]:
    volume_id = (await bench.ask("POST", f"{VOLUME}/volumes", {"volume": {"size": 1}}, 202)).json()["volume"]["id"]
    await bench.rest()
    return {"volume": volume_id}


async def _volume(bench: Bench, given: dict[str, Any]) -> dict[str, Any]:
    return (await bench.ask("GET", f"{VOLUME}/volumes/{given['volume']}", expect=200)).json()["volume"]


def _action(name: str, body: dict[str, Any], version: str = "3.0") -> Any:
    async def act(bench: Bench, given: dict[str, Any]) -> None:
        path = f"{VOLUME}/volumes/{given['volume']}/action"
        answer = await bench.ask("POST", path, {name: body}, 202, openstack_api_version=f"volume {version}")
        given["answer"] = answer.json() if answer.content else None

    return act


async def _is_an_image(bench: Bench, given: dict[str, Any]) -> None:
    assert (await _volume(bench, given))["status"] == "available"
    image_id = given["answer"]["os-volume_upload_image"]["image_id"]
    image = (await bench.ask("GET", f"{IMAGE}/images/{image_id}", expect=200)).json()
    assert (image["status"], image["virtual_size"]) == ("active", 1 << 30)


UPLOAD = Case(
    "upload_volume", _with_volume, _action("os-volume_upload_image", {"image_name": "i", "disk_format": "qcow2"}), _is_an_image, {}
)

# --- backups ---------------------------------------------------------------------------------------------------------------


async def _back_up(bench: Bench, given: dict[str, Any]) -> None:
    answer = await bench.ask("POST", f"{VOLUME}/backups", {"backup": {"volume_id": given["volume"]}}, 202)
    given["backup"] = answer.json()["backup"]["id"]


async def _with_backup(bench: Bench) -> dict[str, Any]:
    given = await _with_volume(bench)
    await _back_up(bench, given)
    await bench.rest()
    return given


async def _is_backed_up(bench: Bench, given: dict[str, Any]) -> None:
    backup = (await bench.ask("GET", f"{VOLUME}/backups/{given['backup']}", expect=200)).json()["backup"]
    assert (backup["status"], (await _volume(bench, given))["status"]) == ("available", "available")
    assert given["backup"] in bench.storage.backups


async def _restore(bench: Bench, given: dict[str, Any]) -> None:
    if (await _volume(bench, given))["status"] == "error_restoring":
        await _action("os-reset_status", {"status": "available"})(bench, given)
    await bench.ask("POST", f"{VOLUME}/backups/{given['backup']}/restore", {"restore": {"volume_id": given["volume"]}}, 202)


async def _restore_to_new(bench: Bench, given: dict[str, Any]) -> None:
    answer = await bench.ask("POST", f"{VOLUME}/backups/{given['backup']}/restore", {"restore": {"name": "r"}}, 202)
    given["volume"] = answer.json()["restore"]["volume_id"]


async def _delete_backup(bench: Bench, given: dict[str, Any]) -> None:
    await bench.ask("DELETE", f"{VOLUME}/backups/{given['backup']}", expect=202)


async def _backup_is_gone(bench: Bench, given: dict[str, Any]) -> None:
    await bench.ask("GET", f"{VOLUME}/backups/{given['backup']}", expect=404)
    assert bench.storage.backups == {}


async def _with_record(bench: Bench) -> dict[str, Any]:
    given = await _with_backup(bench)
    record = (await bench.ask("GET", f"{VOLUME}/backups/{given['backup']}/export_record", expect=200)).json()
    content = json.loads(base64.b64decode(record["backup-record"]["backup_url"]))
    given["backup"] = content["id"] = "00000000-0000-4000-8000-00000000000a"
    record["backup-record"]["backup_url"] = base64.b64encode(json.dumps(content).encode()).decode()
    return {**given, "record": record}


async def _import(bench: Bench, given: dict[str, Any]) -> None:
    answer = await bench.ask("POST", f"{VOLUME}/backups/import_record", given["record"])
    if answer.status == 400:  # there from the time before
        await _delete_backup(bench, given)
        await bench.rest()
        await bench.ask("POST", f"{VOLUME}/backups/import_record", given["record"], 201)


async def _is_imported(bench: Bench, given: dict[str, Any]) -> None:
    assert (await bench.ask("GET", f"{VOLUME}/backups/{given['backup']}", expect=200)).json()["backup"]["status"] == "available"


BACKUP = Case("create_backup", _with_volume, _back_up, _is_backed_up, {})
RESTORE = Case("restore_backup", _with_backup, _restore, _is_backed_up, {}, forward=True)
RESTORE_TO_NEW = Case("create_volume", _with_backup, _restore_to_new, _is_backed_up, {"backup_id": "x"}, forward=True)
DELETE_BACKUP = Case("delete_backup", _with_backup, _delete_backup, _backup_is_gone, {}, forward=True)
IMPORT = Case("import_backup", _with_record, _import, _is_imported, {}, forward=True)

# --- files that are no volumes yet, or no longer ------------------------------------------------------------------------------


async def _with_snapshot(bench: Bench) -> dict[str, Any]:
    given = await _with_volume(bench)
    answer = await bench.ask("POST", f"{VOLUME}/snapshots", {"snapshot": {"volume_id": given["volume"]}}, 202)
    await bench.rest()
    return {**given, "snapshot": answer.json()["snapshot"]["id"]}


async def _unmanage_snapshot(bench: Bench, given: dict[str, Any]) -> None:
    path = f"{VOLUME}/snapshots/{given['snapshot']}/action"
    if (await bench.ask("POST", path, {"os-unmanage": {}})).status == 400:  # it failed before
        await bench.ask("POST", path, {"os-reset_status": {"status": "available"}}, 202)
        await bench.ask("POST", path, {"os-unmanage": {}}, 202)


async def _unmanage(bench: Bench, given: dict[str, Any]) -> None:
    if (await _volume(bench, given))["status"] != "available":
        await _action("os-reset_status", {"status": "available"})(bench, given)
    await _action("os-unmanage", {})(bench, given)


async def _is_put_aside(bench: Bench, given: dict[str, Any]) -> None:
    await bench.ask("GET", f"{VOLUME}/volumes/{given['volume']}", expect=404)
    assert (bench.storage.volumes, bench.storage.unmanaged) == ({}, {("file", f"volume-{given['volume']}"): 1})


async def _snapshot_is_put_aside(bench: Bench, given: dict[str, Any]) -> None:
    await bench.ask("GET", f"{VOLUME}/snapshots/{given['snapshot']}", expect=404)
    name = (f"volume-{given['volume']}", f"_snapshot-{given['snapshot']}")
    assert (bench.storage.snapshots, bench.storage.unmanaged_snapshots) == ({}, {name: 1})


async def _with_file(bench: Bench) -> dict[str, Any]:
    bench.storage.unmanaged["spare", "found"] = 2
    return {}


async def _with_snapshot_file(bench: Bench) -> dict[str, Any]:
    given = await _with_snapshot(bench)
    await _unmanage_snapshot(bench, given)
    await bench.rest()
    return given


async def _manage(bench: Bench, given: dict[str, Any]) -> None:
    body = {"volume": {"host": "north@spare", "ref": {"source-name": "found"}}}
    given["volume"] = (await bench.ask("POST", f"{VOLUME}/os-volume-manage", body, 202)).json()["volume"]["id"]


async def _manage_snapshot(bench: Bench, given: dict[str, Any]) -> None:
    body = {"snapshot": {"volume_id": given["volume"], "ref": {"source-name": f"_snapshot-{given['snapshot']}"}}}
    given["new"] = (await bench.ask("POST", f"{VOLUME}/os-snapshot-manage", body, 202)).json()["snapshot"]["id"]


async def _is_managed(bench: Bench, given: dict[str, Any]) -> None:
    shown = await _volume(bench, given)
    assert (shown["status"], shown["size"]) == ("available", 2)
    storage, volume = bench.storage, given["volume"]
    assert (storage.volumes, storage.pools, storage.unmanaged) == ({volume: 2}, {volume: "spare"}, {})


async def _snapshot_is_managed(bench: Bench, given: dict[str, Any]) -> None:
    assert (await bench.ask("GET", f"{VOLUME}/snapshots/{given['new']}", expect=200)).json()["snapshot"]["status"] == "available"
    assert (bench.storage.snapshots, bench.storage.unmanaged_snapshots) == ({given["new"]: 1}, {})


MANAGE = Case("manage_volume", _with_file, _manage, _is_managed, {"format": "qcow2"}, forward=True)
UNMANAGE = Case("unmanage_volume", _with_volume, _unmanage, _is_put_aside, {"format": "qcow2"}, forward=True)
MANAGE_SNAPSHOT = Case("manage_snapshot", _with_snapshot_file, _manage_snapshot, _snapshot_is_managed, {"format": "qcow2"}, forward=True)
UNMANAGE_SNAPSHOT = Case("unmanage_snapshot", _with_snapshot, _unmanage_snapshot, _snapshot_is_put_aside, {}, forward=True)

# --- moving to a host that has a storage of its own --------------------------------------------------------------------------


async def _with_far_host(bench: Bench) -> dict[str, Any]:
    given = await _with_volume(bench)
    bench.agents["far"] = simulated_host("far")
    await bench.app.cloud.hosts.attach_local(bench.agents["far"])
    await bench.app.cloud.reconcilers.run_once("volume-hosts")
    return given


async def _has_moved(bench: Bench, given: dict[str, Any]) -> None:
    shown = await _volume(bench, given)
    assert (shown["status"], shown["migration_status"], shown["os-vol-host-attr:host"]) == ("available", "success", "far@file#file")
    far = bench.agents["far"].drivers.block.storage
    assert (far.volumes, far.received, bench.storage.volumes) == ({given["volume"]: 1}, {}, {})
    assert (await bench.taken())["outgoing"] == []


_MOVE = _action("os-migrate_volume", {"host": "far@file"})
async def _has_left(bench: Bench) -> dict[str, Any]:
    given = await _with_far_host(bench)
    await _action("os-migrate_volume", {"host": "far@file"})(bench, given)
    await bench.rest()
    return given


async def _look(bench: Bench, given: dict[str, Any]) -> None:
    bench.storage.volumes[given["volume"]] = 1  # as when the old host was away; the reconciler may see it before we look
    await compare(bench.app.cloud, "north")


MIGRATE = Case("migrate_volume", _with_far_host, _MOVE, _has_moved, {"copy": True, "convert": False, "relocate": False})

# --- moving to another pool, under a running guest ---------------------------------------------------------------------------


async def _with_used_volume(bench: Bench) -> dict[str, Any]:
    given = await _with_volume(bench)
    given["server"] = await boot(bench)
    await bench.rest()
    body = {"volumeAttachment": {"volumeId": given["volume"]}}
    await bench.ask("POST", f"{COMPUTE}/servers/{given['server']}/os-volume_attachments", body, 200)
    await bench.rest()
    assert bench.storage.pools == {}
    return given


async def _to_spare(bench: Bench, given: dict[str, Any]) -> None:
    host = (await _volume(bench, given))["os-vol-host-attr:host"].replace("file", "spare")
    await _action("os-migrate_volume", {"host": host})(bench, given)


async def _is_in_spare(bench: Bench, given: dict[str, Any]) -> None:
    shown = await _volume(bench, given)
    assert (shown["status"], shown["migration_status"]) == ("in-use", "success")
    assert shown["os-vol-host-attr:host"].endswith("@spare#spare")
    assert (bench.storage.volumes, bench.storage.pools) == ({given["volume"]: 1}, {given["volume"]: "spare"})
    assert bench.storage.holders == {given["volume"]: [given["server"]]}


RELOCATE = Case("migrate_volume", _with_used_volume, _to_spare, _is_in_spare, {"copy": False, "convert": False, "relocate": True})

# --- encryption ------------------------------------------------------------------------------------------------------------


async def _with_encrypted_type(bench: Bench) -> dict[str, Any]:
    kind = (await bench.ask("POST", f"{VOLUME}/types", {"volume_type": {"name": "secret"}}, 200)).json()["volume_type"]["id"]
    luks = {"provider": "luks", "control_location": "front-end", "key_size": 256, "cipher": "aes-xts-plain64"}
    await bench.ask("POST", f"{VOLUME}/types/{kind}/encryption", {"encryption": luks}, 200)
    return await _with_volume(bench)


async def _is_encrypted(bench: Bench, given: dict[str, Any]) -> None:
    shown = await _volume(bench, given)
    assert (shown["status"], shown["encrypted"], shown["volume_type"]) == ("available", True, "secret")
    assert list(bench.storage.locks) == [given["volume"]]
    await _action("os-extend", {"new_size": 2})(bench, given)  # the key in the row is the one that opens it
    await bench.rest()
    assert (await _volume(bench, given))["size"] == 2


_ENCRYPT = _action("os-retype", {"new_type": "secret", "migration_policy": "on-demand"})


async def _with_encrypted_volume(bench: Bench) -> dict[str, Any]:
    given = await _with_encrypted_type(bench)
    await _ENCRYPT(bench, given)
    await bench.rest()
    return given


async def _is_an_encrypted_image(bench: Bench, given: dict[str, Any]) -> None:
    """Its key is the one that opens it."""
    image_id = given["answer"]["os-volume_upload_image"]["image_id"]
    image = (await bench.ask("GET", f"{IMAGE}/images/{image_id}", expect=200)).json()
    assert image["status"] == "active" and image["cinder_encryption_key_id"]
    wanted = {"size": 1, "imageRef": image_id, "volume_type": "secret"}
    made = (await bench.ask("POST", f"{VOLUME}/volumes", {"volume": wanted}, 202)).json()["volume"]["id"]
    await bench.rest()
    assert (await _volume(bench, {"volume": made}))["status"] == "available"


UPLOAD_ENCRYPTED = Case(
    "upload_volume", _with_encrypted_volume, _action("os-volume_upload_image", {"image_name": "i"}), _is_an_encrypted_image, {}
)
RETYPE = Case("migrate_volume", _with_encrypted_type, _ENCRYPT, _is_encrypted, {"copy": False, "convert": True, "relocate": False})

# --- volumes that several servers have ---------------------------------------------------------------------------------------


async def _with_shared_type(bench: Bench) -> None:
    kind = {"name": "shared", "extra_specs": {"multiattach": "<is> True"}}
    await bench.ask("POST", f"{VOLUME}/types", {"volume_type": kind}, 200)


async def _with_volume_and_shared_type(bench: Bench) -> dict[str, Any]:
    await _with_shared_type(bench)
    return await _with_volume(bench)


async def _is_shared(bench: Bench, given: dict[str, Any]) -> None:
    shown = await _volume(bench, given)
    assert (shown["status"], shown["multiattach"], shown["volume_type"]) == ("available", True, "shared")
    assert bench.storage.shared == {given["volume"]}


async def _with_file_and_shared_type(bench: Bench) -> dict[str, Any]:
    await _with_shared_type(bench)
    return await _with_file(bench)


async def _manage_shared(bench: Bench, given: dict[str, Any]) -> None:
    body = {"volume": {"host": "north@spare", "ref": {"source-name": "found"}, "volume_type": "shared"}}
    given["volume"] = (await bench.ask("POST", f"{VOLUME}/os-volume-manage", body, 202)).json()["volume"]["id"]


async def _shared_is_managed(bench: Bench, given: dict[str, Any]) -> None:
    await _is_managed(bench, given)
    assert bench.storage.shared == {given["volume"]}


async def _with_shared_volume(bench: Bench) -> dict[str, Any]:
    given = await _with_volume_and_shared_type(bench)
    await _action("os-retype", {"new_type": "shared"})(bench, given)
    await bench.rest()
    return given


_SHARE = _action("os-retype", {"new_type": "shared"})
SHARE = Case("migrate_volume", _with_volume_and_shared_type, _SHARE, _is_shared, {"copy": False, "convert": True, "relocate": False})
RAW = {"format": "raw"}
MANAGE_SHARED = Case("manage_volume", _with_file_and_shared_type, _manage_shared, _shared_is_managed, RAW, forward=True)
UNMANAGE_SHARED = Case("unmanage_volume", _with_shared_volume, _unmanage, _is_put_aside, RAW, forward=True)

REMOVE_COPY = Case("remove_copy", _has_left, _look, _has_moved, {}, forward=True)

# --- groups ----------------------------------------------------------------------------------------------------------------

NEWEST = {"openstack_api_version": "volume 3.71"}


async def _with_group(bench: Bench) -> dict[str, Any]:
    kind = await bench.ask("POST", f"{VOLUME}/group_types", {"group_type": {"name": "g"}}, 202, **NEWEST)
    body = {"group": {"group_type": kind.json()["group_type"]["id"], "volume_types": ["__DEFAULT__"]}}
    group = (await bench.ask("POST", f"{VOLUME}/groups", body, 202, **NEWEST)).json()["group"]["id"]
    for _ in range(2):
        volume = {"size": 1, "group_id": group, "volume_type": "__DEFAULT__"}
        await bench.ask("POST", f"{VOLUME}/volumes", {"volume": volume}, 202, **NEWEST)
    await bench.rest()
    return {"group": group}


async def _snapshot_group(bench: Bench, given: dict[str, Any]) -> None:
    answer = await bench.ask("POST", f"{VOLUME}/group_snapshots", {"group_snapshot": {"group_id": given["group"]}}, 202, **NEWEST)
    given["taken"] = answer.json()["group_snapshot"]["id"]


async def _group_is_snapshotted(bench: Bench, given: dict[str, Any]) -> None:
    answer = await bench.ask("GET", f"{VOLUME}/group_snapshots/{given['taken']}", expect=200, **NEWEST)
    assert answer.json()["group_snapshot"]["status"] == "available"
    statuses = [status for _, status in (await bench.taken())["snapshots"]]
    assert statuses.count("available") == 2 and set(statuses) <= {"available", "error"}  # what failed before is shown as such


async def _with_group_snapshot(bench: Bench) -> dict[str, Any]:
    given = await _with_group(bench)
    await _snapshot_group(bench, given)
    await bench.rest()
    return given


async def _delete_group_snapshot(bench: Bench, given: dict[str, Any]) -> None:
    await bench.ask("DELETE", f"{VOLUME}/group_snapshots/{given['taken']}", expect=202, **NEWEST)


async def _no_snapshots(bench: Bench, given: dict[str, Any]) -> None:
    assert (await bench.taken())["snapshots"] == [] and bench.storage.snapshots == {}


async def _copy_group(bench: Bench, given: dict[str, Any]) -> None:
    body = {"create-from-src": {"group_snapshot_id": given["taken"]}}
    given["copy"] = (await bench.ask("POST", f"{VOLUME}/groups/action", body, 202, **NEWEST)).json()["group"]["id"]


async def _is_copied(bench: Bench, given: dict[str, Any]) -> None:
    group = (await bench.ask("GET", f"{VOLUME}/groups/{given['copy']}?list_volume=1", expect=200, **NEWEST)).json()["group"]
    assert group["status"] == "available" and set(group["volumes"]) <= set(bench.storage.volumes) and len(group["volumes"]) == 2


async def _delete_group(bench: Bench, given: dict[str, Any]) -> None:
    body = {"delete": {"delete-volumes": True}}
    await bench.ask("POST", f"{VOLUME}/groups/{given['group']}/action", body, 202, **NEWEST)


async def _no_group(bench: Bench, given: dict[str, Any]) -> None:
    await bench.ask("GET", f"{VOLUME}/groups/{given['group']}", expect=404, **NEWEST)
    assert (await bench.taken())["volumes"] == [] and bench.storage.volumes == {}


SNAPSHOT_GROUP = Case("create_group_snapshot", _with_group, _snapshot_group, _group_is_snapshotted, {}, forward=True)
DELETE_GROUP_SNAPSHOT = Case("delete_group_snapshot", _with_group_snapshot, _delete_group_snapshot, _no_snapshots, {}, forward=True)
COPY_GROUP = Case("create_group_from_source", _with_group_snapshot, _copy_group, _is_copied, {}, forward=True)
DELETE_GROUP = Case("delete_group", _with_group, _delete_group, _no_group, {}, forward=True)

CASES = {
    "upload": UPLOAD, "upload encrypted": UPLOAD_ENCRYPTED,
    "backup": BACKUP, "restore": RESTORE, "restore to new": RESTORE_TO_NEW, "delete backup": DELETE_BACKUP,
    "import backup": IMPORT, "snapshot a group": SNAPSHOT_GROUP, "delete a group snapshot": DELETE_GROUP_SNAPSHOT,
    "copy a group": COPY_GROUP, "delete a group": DELETE_GROUP, "manage": MANAGE, "unmanage": UNMANAGE,
    "migrate": MIGRATE, "relocate": RELOCATE, "remove a copy": REMOVE_COPY,
    "encrypt": RETYPE, "share": SHARE, "manage shared": MANAGE_SHARED, "unmanage shared": UNMANAGE_SHARED,
    "manage a snapshot": MANAGE_SNAPSHOT, "unmanage a snapshot": UNMANAGE_SNAPSHOT,
}  # fmt: skip


@pytest.mark.parametrize(
    ("case", "trial"),
    [pytest.param(case, trial, id=f"{name.replace(' ', '_')}-{trial}") for name, case in CASES.items() for trial in trials(case)],
)
def test_workflow(bench: Bench, case: Case, trial: Trial) -> None:
    bench.put(case, trial)
