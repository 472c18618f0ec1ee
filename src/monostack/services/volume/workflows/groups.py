"""What is done with all volumes of a group: copied, snapshotted, deleted. Each volume by a command of its own, in their order."""

import functools
from typing import Any

from monostack.db import Transaction
from monostack.events import record
from monostack.hostcommands import ask
from monostack.operations import Run, Step, StepError, Workflow
from monostack.protocol.guests import VolumeKey
from monostack.protocol.volumes import CreateVolume, SnapshotRef, SnapshotVolume, VolumeRef
from monostack.services.volume.groups.table import (
    FORGET_SNAPSHOTS,
    FORGET_VOLUMES,
    REMOVE_GROUP,
    REMOVE_GROUP_SNAPSHOT,
    set_group,
    set_group_snapshot,
)
from monostack.services.volume.messages.messages import SNAPSHOT, SNAPSHOT_FAILED, VOLUME_SNAPSHOT, tell
from monostack.services.volume.snapshots.table import set_snapshot
from monostack.services.volume.volumes.table import set_volume
from monostack.services.volume.workflows.key import key_for, key_of_source
from monostack.services.volume.workflows.outcome import LONG, cause


async def _each(run: Run, host: str | None, name: str, id: str, args: Any, *, gone_is_fine: bool = False) -> None:
    """One command about one of several things: its own name makes its id, too."""
    if host is None:
        return
    try:
        await ask(run, host, name, args, LONG, part=f":{id}")
    except StepError as error:
        if not (gone_is_fine and error.kind == "unreachable"):
            raise


# --- a group made from another ------------------------------------------------------------------------------------------------


async def copy_volumes(run: Run) -> None:
    for one in run.input["copies"]:
        source = functools.partial(_source_key, run, one)
        spec = CreateVolume(
            one["volume_id"],
            one["size"],
            snapshot_id=one["snapshot_id"],
            source_volume_id=one["source_volid"],
            source_server_id=one["server_id"],
            key=await key_for(run, one["volume_id"]),
            source_key=await run.cloud.db.read(source),
            format=one["format"],
            pool=one["pool"],
        )
        await _each(run, run.input["host"], "volume.create", one["volume_id"], spec)


def _source_key(run: Run, one: dict[str, Any], tx: Transaction) -> VolumeKey | None:
    return key_of_source(tx, run.cloud, one["source_volid"], one["snapshot_id"])


async def remove_copies(run: Run) -> None:
    for one in run.input["copies"]:
        await _each(run, run.input["host"], "volume.delete", one["volume_id"], VolumeRef(one["volume_id"]))


def _copied(run: Run, tx: Transaction) -> None:
    for one in run.input["copies"]:
        set_volume(tx, one["volume_id"], expected="creating", status="available")
    set_group(tx, run.resource_id, expected="creating", status="available")


def _not_copied(run: Run, tx: Transaction, error: dict[str, Any]) -> None:
    for one in run.input["copies"]:
        set_volume(tx, one["volume_id"], expected="creating", status="error", fault=cause(error))
    set_group(tx, run.resource_id, expected="creating", status="error", fault=cause(error))


CREATE_FROM_SOURCE = Workflow(
    "create_group_from_source",
    (Step("copy_volumes", copy_volumes, remove_copies, timeout=LONG + 60),),
    done=_copied,
    failed=_not_copied,
    doc="Make a group with copies of the volumes of another one.",
)


# --- a group deleted ----------------------------------------------------------------------------------------------------------


async def delete_volumes(run: Run) -> None:
    for volume_id, host in run.input["volumes"]:
        await _each(run, host, "volume.delete", volume_id, VolumeRef(volume_id), gone_is_fine=True)


def _deleted(run: Run, tx: Transaction) -> None:
    tx.execute(FORGET_VOLUMES, {"the_id": run.resource_id})
    tx.execute(REMOVE_GROUP, {"the_id": run.resource_id})
    record(tx, None, "group.delete", run.resource_id, run.project_id)


def _not_deleted(run: Run, tx: Transaction, error: dict[str, Any]) -> None:
    for volume_id, _ in run.input["volumes"]:
        set_volume(tx, volume_id, expected="deleting", status="error_deleting", fault=cause(error))
    set_group(tx, run.resource_id, status="error", fault=cause(error))


DELETE = Workflow(
    "delete_group",
    (Step("delete_volumes", delete_volumes, timeout=LONG, tries=5),),
    done=_deleted,
    failed=_not_deleted,
    unwind=False,
    doc="Remove a group with its volumes.",
)


# --- a group snapshotted ------------------------------------------------------------------------------------------------------


async def take_snapshots(run: Run) -> None:
    for one in run.input["members"]:
        args = SnapshotVolume(one["volume_id"], one["snapshot_id"], one["server_id"], await key_for(run, one["volume_id"]))
        await _each(run, one["host"], "volume.snapshot", one["snapshot_id"], args)


async def remove_snapshots(run: Run) -> None:
    for one in run.input["members"]:
        await _each(run, one["host"], "volume.delete_snapshot", one["snapshot_id"], SnapshotRef(one["snapshot_id"]))


def _taken(run: Run, tx: Transaction) -> None:
    for one in run.input["members"]:
        set_snapshot(tx, one["snapshot_id"], status="available", progress="100%", expected="creating")
    set_group_snapshot(tx, run.resource_id, expected="creating", status="available")


def _not_taken(run: Run, tx: Transaction, error: dict[str, Any]) -> None:
    for one in run.input["members"]:
        set_snapshot(tx, one["snapshot_id"], status="error", fault=cause(error), expected="creating")
        tell(tx, run, SNAPSHOT, SNAPSHOT_FAILED, one["snapshot_id"], run.project_id, VOLUME_SNAPSHOT)
    set_group_snapshot(tx, run.resource_id, expected="creating", status="error", fault=cause(error))


TAKE_SNAPSHOT = Workflow(
    "create_group_snapshot",
    (Step("take_snapshots", take_snapshots, remove_snapshots, timeout=LONG + 60),),
    done=_taken,
    failed=_not_taken,
    doc="Snapshot all volumes of a group.",
)


# --- a group snapshot deleted -------------------------------------------------------------------------------------------------


async def delete_snapshots(run: Run) -> None:
    for one in run.input["members"]:
        args = SnapshotRef(one["snapshot_id"])
        await _each(run, one["host"], "volume.delete_snapshot", one["snapshot_id"], args, gone_is_fine=True)


def _snapshot_deleted(run: Run, tx: Transaction) -> None:
    tx.execute(FORGET_SNAPSHOTS, {"the_id": run.resource_id})
    tx.execute(REMOVE_GROUP_SNAPSHOT, {"the_id": run.resource_id})
    record(tx, None, "group_snapshot.delete", run.resource_id, run.project_id)


def _snapshot_not_deleted(run: Run, tx: Transaction, error: dict[str, Any]) -> None:
    for one in run.input["members"]:
        set_snapshot(tx, one["snapshot_id"], status="error_deleting", fault=cause(error), expected="deleting")
    set_group_snapshot(tx, run.resource_id, status="error", fault=cause(error))


DELETE_SNAPSHOT = Workflow(
    "delete_group_snapshot",
    (Step("delete_snapshots", delete_snapshots, timeout=LONG, tries=5),),
    done=_snapshot_deleted,
    failed=_snapshot_not_deleted,
    unwind=False,
    doc="Remove a group snapshot with the snapshots in it.",
)
WORKFLOWS = (CREATE_FROM_SOURCE, DELETE, TAKE_SNAPSHOT, DELETE_SNAPSHOT)
