"""migrate_volume: bring a volume to another host or pool, or convert it to the key and format that its new type says it shall have.

Between hosts its bits are copied, part by part, unless both reach the same storage. Until the row names the new host the old file is the
volume, and the copy is given up when anything has happened to the volume meanwhile; afterwards remove_copy removes the old file. Between
the pools of a host the volume has one file at any time: where a running guest has it, that goes on in the new file at the end.
"""

from typing import Any

import msgspec

from monostack.db import Transaction
from monostack.hostcommands import ask
from monostack.operations import Run, Step, StepError, Workflow
from monostack.protocol.guests import VolumeKey
from monostack.protocol.images import MAX_PART, ImagePart, ReadImage
from monostack.protocol.volumes import ConvertVolume, CreateVolume, ExportVolume, MoveVolume, VolumePart, VolumeRef
from monostack.services.image import facade as images
from monostack.services.volume import keys
from monostack.services.volume.attachments.rules import settle
from monostack.services.volume.attachments.table import holders, of_volume
from monostack.services.volume.volumes.table import BY_ID, disk_format, kind_of_file, set_volume
from monostack.services.volume.workflows.key import key_for
from monostack.services.volume.workflows.outcome import LONG, cause, overtaken

READ_WITHIN = 120.0  # seconds for one part


async def copy(run: Run) -> None:
    given, volume_id = run.input, run.resource_id
    _require_unattached(run)
    await ask(run, given["host"], "volume.delete", VolumeRef(volume_id))  # a copy of long ago
    key = await key_for(run, volume_id)
    new_key, new_format = await _new(run)
    await ask(run, given["left"], "volume.export", ExportVolume(volume_id, given["carrier"], "qcow2", key, new_key), LONG)
    offset, total = 0, 1
    while offset < total:
        part = await ask(run, given["left"], "image.read", ReadImage(given["carrier"], offset, MAX_PART), READ_WITHIN, part=f":{offset}")
        read = msgspec.convert(part, ImagePart)
        if not read.data:
            raise StepError(f"Host {given['left']} has no more than {offset} of {read.total} bytes of volume {volume_id}.", retry=True)
        await ask(run, given["host"], "volume.receive", VolumePart(volume_id, offset, read.data), READ_WITHIN, part=f":{offset}")
        offset, total = offset + len(read.data), read.total
    spec = CreateVolume(volume_id, given["size"], received=True, key=new_key, format=new_format, pool=given["pool"])
    await ask(run, given["host"], "volume.create", spec, LONG)
    await images.forget(run, given["left"], given["carrier"])


def _require_unattached(run: Run) -> None:
    if run.input["attached"]:
        raise StepError(f"Volume {run.resource_id} is attached: its server cannot follow it to another file.", kind="volume.in_use")


async def _old(run: Run) -> tuple[VolumeKey | None, str]:
    """The key and the format that the volume has had."""
    row = await run.cloud.db.read(lambda tx: tx.execute(BY_ID, {"the_id": run.resource_id}).one())
    return keys.opened(run.cloud, row), disk_format(row)


async def _new(run: Run) -> tuple[VolumeKey | None, str]:
    """Those that it is to have. What its new type leaves as it is, it keeps."""
    values = run.input["values"]
    key, kept = await _old(run)
    if "sealed_key" in values:
        key = keys.opened(run.cloud, keys.SealedKey(values["encryption_key_id"], values["sealed_key"]))
    return key, kind_of_file(multiattach=values["multiattach"]) if "multiattach" in values else kept


async def convert(run: Run) -> None:
    _require_unattached(run)
    (key, _), (new_key, new_format) = await _old(run), await _new(run)
    await ask(run, run.input["left"], "volume.convert", ConvertVolume(run.resource_id, key, new_key, new_format), LONG)


async def convert_back(run: Run) -> None:
    if not run.input["attached"]:
        (key, old_format), (new_key, _) = await _old(run), await _new(run)
        await ask(run, run.input["left"], "volume.convert", ConvertVolume(run.resource_id, new_key, key, old_format), LONG)


async def relocate(run: Run) -> None:
    await _bring(run, run.input["pool"])


async def relocate_back(run: Run) -> None:
    await _bring(run, run.input["left_pool"])


async def _bring(run: Run, pool: str) -> None:
    """The servers are those that have the volume now: it may have been attached and detached since the call."""
    servers = await run.cloud.db.read(lambda tx: holders(tx, run.resource_id))
    if len(servers) > 1:
        raise StepError(f"Volume {run.resource_id} is attached to several servers, which cannot follow it at once.", kind="volume.in_use")
    key, _ = await _new(run)
    await ask(run, run.input["host"], "volume.move", MoveVolume(run.resource_id, pool, servers[0] if servers else None, key), LONG)


async def discard(run: Run) -> None:
    await images.forget(run, run.input["left"], run.input["carrier"])
    await ask(run, run.input["host"], "volume.delete", VolumeRef(run.resource_id))


async def move(run: Run) -> None:
    await run.cloud.db.write(lambda tx: _move(run, tx))


def _move(run: Run, tx: Transaction) -> None:
    row, given = tx.row(BY_ID, {"the_id": run.resource_id}), run.input
    if row is None or (row.host, row.pool) == (given["host"], given["pool"]):
        return
    if given["copy"] and str(row.updated_at) != given["unchanged_since"]:
        raise StepError(f"Volume {row.id} was changed while it was copied.", kind="volume.changed")
    set_volume(tx, row.id, host=given["host"], pool=given["pool"], service_uuid=given["service_uuid"])


async def move_back(run: Run) -> None:
    given = run.input
    back = {"host": given["left"], "pool": given["left_pool"], "service_uuid": given["left_uuid"]}
    await run.cloud.db.write(lambda tx: set_volume(tx, run.resource_id, **back))


def done(run: Run, tx: Transaction) -> None:
    given = run.input
    set_volume(tx, run.resource_id, migration_status="success", **given["values"])
    _give_back(run, tx)
    if given["copy"]:
        run.cloud.start(tx, "remove_copy", run.resource_id, {"host": given["left"]}, None, run.project_id)


def failed(run: Run, tx: Transaction, error: dict[str, Any]) -> None:
    if not overtaken(error):
        set_volume(tx, run.resource_id, migration_status="error", fault=cause(error))
    _give_back(run, tx)


def _give_back(run: Run, tx: Transaction) -> None:
    """The status as before. A server that was deleted meanwhile has let the volume go, which nobody was shown yet."""
    set_volume(tx, run.resource_id, expected=run.input["status"], status=run.input["previous_status"])
    if run.input["previous_status"] == "in-use" and not of_volume(tx, run.resource_id):
        settle(tx, run.resource_id)


WORKFLOW = Workflow(
    "migrate_volume",
    (
        Step("copy", copy, discard, timeout=LONG + 60, when=lambda given: given["copy"]),
        Step("convert", convert, convert_back, timeout=LONG + 60, when=lambda given: given["convert"] and not given["copy"]),
        Step("relocate", relocate, relocate_back, timeout=LONG + 60, when=lambda given: given["relocate"]),
        Step("move", move, move_back),
    ),
    done=done,
    failed=failed,
    doc="Bring a volume to another host or pool, or convert it to another key or format.",
)
