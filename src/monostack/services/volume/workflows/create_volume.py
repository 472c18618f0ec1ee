"""create_volume: make the volume's file on its host, from its source if it has one."""

from typing import Any

from monostack.core.errors import Fault
from monostack.db import Transaction
from monostack.hostcommands import ask
from monostack.operations import Run, Step, StepError, Workflow
from monostack.protocol.volumes import CreateVolume, VolumeRef
from monostack.services.image import facade as images
from monostack.services.volume import keys
from monostack.services.volume.attachments.table import holder
from monostack.services.volume.backups import restoring
from monostack.services.volume.messages.messages import (
    COPY_IMAGE,
    CREATE,
    CREATE_FAILED,
    NO_BACKEND,
    RESTORE,
    RESTORE_FAILED,
    SCHEDULE,
    TOO_SMALL,
    UNKNOWN,
    VOLUME_BACKUP,
    tell,
)
from monostack.services.volume.volumes.table import BY_ID, disk_format, set_volume
from monostack.services.volume.workflows.key import key_of_image, key_of_source
from monostack.services.volume.workflows.outcome import LONG, cause, overtaken
from monostack.services.volume.workflows.restore_backup import restore

NO_PLACE = "No host can take the volume: none is connected, enabled, of the volume's type and with enough room."


def described(run: Run, tx: Transaction) -> CreateVolume:
    """The volume as its host is to make it, from the input of the run."""
    given = run.input
    origin, snapshot_id = given.get("source_volid"), given.get("snapshot_id")
    volume = tx.execute(BY_ID, {"the_id": run.resource_id}).one()
    image_id = given.get("image_id")
    return CreateVolume(
        volume_id=run.resource_id,
        size_gib=given["size"],
        image=images.source(tx, run.cloud, image_id) if image_id else None,
        snapshot_id=snapshot_id,
        source_volume_id=origin,
        source_server_id=holder(tx, origin) if origin else None,
        key=keys.opened(run.cloud, volume),
        source_key=key_of_image(tx, run.cloud, image_id, volume) if image_id else key_of_source(tx, run.cloud, origin, snapshot_id),
        format=disk_format(volume),
        pool=volume.pool,
    )


async def make(run: Run) -> None:
    if run.input["host"] is None:
        raise StepError(NO_PLACE, kind="volume.no_place")
    try:
        spec = await run.cloud.db.read(lambda tx: described(run, tx))
    except Fault as fault:  # the image is gone, or of a kind no host can read
        raise StepError(fault.message, kind="image.unusable") from None
    await ask(run, run.input["host"], "volume.create", spec, LONG)


async def unmake(run: Run) -> None:
    if run.input["host"] is not None:
        await ask(run, run.input["host"], "volume.delete", VolumeRef(run.resource_id))


def done(run: Run, tx: Transaction) -> None:
    values = {"status": "available", "bootable": run.input["bootable"], "image_meta": run.input["image_meta"], "fault": None}
    if run.input.get("backup_id"):
        values.update(restoring.finish(run, tx))
    set_volume(tx, run.resource_id, **values)


def failed(run: Run, tx: Transaction, error: dict[str, Any]) -> None:
    if run.input.get("backup_id"):
        restoring.release(run, tx)
    if overtaken(error):
        return
    set_volume(tx, run.resource_id, status="error", fault=cause(error))
    if error["kind"] == "volume.no_place":
        action, detail = SCHEDULE, NO_BACKEND
    elif run.input.get("backup_id"):
        tell(tx, run, RESTORE, RESTORE_FAILED, run.input["backup_id"], run.project_id, VOLUME_BACKUP)
        return
    elif run.input.get("image_id"):
        action, detail = COPY_IMAGE, TOO_SMALL if error["kind"] == "volume.too_small" else UNKNOWN
    else:
        action, detail = CREATE, CREATE_FAILED
    tell(tx, run, action, detail, run.resource_id, run.project_id)


WORKFLOW = Workflow(
    "create_volume",
    (
        Step("make", make, unmake, timeout=LONG + 60),
        Step("restore", restore, timeout=LONG + 60, when=lambda given: bool(given.get("backup_id"))),
    ),
    done=done,
    failed=failed,
    doc="Make a volume, from its source if it has one.",
)
