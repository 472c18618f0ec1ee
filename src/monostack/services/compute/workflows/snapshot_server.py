"""The root disk of a server becomes an image: its host keeps a copy of the disk as it is at one moment, which the image then gets.

COPY and UPLOAD are steps for other workflows too: they need `host` and `image_id` in the input. See servers.create_image.new_image.
"""

from typing import Any

from monostack.db import Transaction
from monostack.operations import Run, Step, Workflow
from monostack.protocol.guests import SnapshotGuest
from monostack.services.compute.servers import table
from monostack.services.compute.servers.states import IMAGE_UPLOADING
from monostack.services.compute.workflows.commands import ask
from monostack.services.compute.workflows.outcome import failed, succeeded
from monostack.services.image import facade as image

SNAPSHOT_EVENT, BACKUP_EVENT = "compute_snapshot_instance", "compute_backup_instance"
LONG = 3600.0  # seconds: copying and reading a large disk takes its time
MAX_BACKUPS = 1000  # of one server and type that are looked at


async def copy_disk(run: Run) -> None:
    """The host keeps the disk among its outgoing images."""
    await ask(run, run.input["host"], "guest.snapshot", SnapshotGuest(run.resource_id, run.input["image_id"]), LONG)


async def forget_copy(run: Run) -> None:
    await image.forget(run, run.input["host"], run.input["image_id"])


def uploading(run: Run, tx: Transaction) -> None:
    table.update(tx, run.resource_id, task_state=IMAGE_UPLOADING)


async def upload(run: Run) -> None:
    """The image gets the bits; what it says of them is what Nova's drivers say."""
    server = await run.cloud.db.read(lambda tx: table.get(tx, run.resource_id))
    owner = {"owner_id": server.project_id} if server is not None else {}
    said = {"image_location": "snapshot", "image_state": "available", **owner}
    await image.collect(run, run.input["host"], run.input["image_id"], "qcow2", said)


COPY = Step("copy_disk", do=copy_disk, undo=forget_copy, timeout=LONG + 60)
UPLOAD = Step("upload", do=upload, timeout=LONG + 60)


def snapshot_done(run: Run, tx: Transaction) -> None:
    succeeded(run, tx, SNAPSHOT_EVENT)


def snapshot_failed(run: Run, tx: Transaction, error: dict[str, Any]) -> None:
    image.drop(tx, run.cloud, run.input["image_id"])
    failed(run, tx, SNAPSHOT_EVENT, error)


def backup_done(run: Run, tx: Transaction) -> None:
    """Also let go of the oldest backups of this type that are more than shall be kept."""
    wanted = {"image_type": "backup", "backup_type": run.input["backup_type"], "instance_uuid": run.resource_id}
    query = [("sort_key", "created_at"), ("sort_dir", "desc"), ("limit", str(MAX_BACKUPS)), *wanted.items()]
    found = image.owned(tx, run.input["owner"], query)
    found.sort(key=lambda one: one.id != run.input["image_id"])  # images know their age in whole seconds: this one is the newest
    for excess in found[run.input["rotation"] :]:
        image.drop(tx, run.cloud, excess.id)
    succeeded(run, tx, BACKUP_EVENT)


def backup_failed(run: Run, tx: Transaction, error: dict[str, Any]) -> None:
    image.drop(tx, run.cloud, run.input["image_id"])
    failed(run, tx, BACKUP_EVENT, error)


_BEGIN = Step("copy_disk", do=copy_disk, undo=forget_copy, commit=uploading, timeout=LONG + 60)
SNAPSHOT = Workflow(
    "snapshot_server",
    (_BEGIN, UPLOAD),
    done=snapshot_done,
    failed=snapshot_failed,
    doc="Make an image of the root disk of a server.",
)
BACKUP = Workflow(
    "backup_server",
    (_BEGIN, UPLOAD),
    done=backup_done,
    failed=backup_failed,
    doc="Make an image of the root disk of a server, and let go of the oldest ones of its type.",
)
