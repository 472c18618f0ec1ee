"""import_backup: ask the host that a record names whether it has the backup's data, and let the backup be used."""

from typing import Any

import msgspec

from monostack.db import Transaction
from monostack.hostcommands import ask
from monostack.operations import Run, Step, StepError, Workflow
from monostack.protocol.volumes import StoredVolumes
from monostack.services.volume import keys
from monostack.services.volume.backups.records import Record
from monostack.services.volume.backups.table import SERVICE, keyed, set_backup
from monostack.services.volume.workflows.outcome import cause


def _record(run: Run) -> Record:
    return msgspec.convert(run.input["record"], Record)


async def find(run: Run) -> None:
    record = _record(run)
    if run.input["service"] != SERVICE:
        raise StepError(
            f"Import record failed, cannot find backup service to perform the import. Request service {run.input['service']}.",
            kind="backup.service",
        )
    stored = msgspec.convert(await ask(run, record.host or "", "volume.list", None), StoredVolumes)
    if (record.service_metadata or record.id) not in stored.backups:
        raise StepError(f"Host {record.host} does not have the data of the backup.", kind="backup.not_found")


def done(run: Run, tx: Transaction) -> None:
    record = _record(run)
    sibling = keyed(tx, record.service_metadata or record.id)
    key = keys.columns_like(run.cloud, sibling) if sibling is not None else {}
    set_backup(
        tx,
        run.resource_id,
        expected="creating",
        status="available",
        name=record.display_name,
        description=record.display_description,
        container=record.container,
        object_count=record.object_count,
        parent_id=record.parent_id,
        volume_id=record.volume_id,
        snapshot_id=record.snapshot_id,
        availability_zone=record.availability_zone,
        data_timestamp=record.data_timestamp,
        meta=record.metadata,
        saved=record.driver_info,
        **key,
    )


def failed(run: Run, tx: Transaction, error: dict[str, Any]) -> None:
    set_backup(tx, run.resource_id, expected="creating", status="error", fail_reason=cause(error))


WORKFLOW = Workflow("import_backup", (Step("find", find),), done=done, failed=failed, unwind=False, doc="Make a backup from its record.")
