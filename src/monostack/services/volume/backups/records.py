"""Records of backups: what a cloud must know to use a backup whose row it has lost, as a text to keep elsewhere."""

import base64
from typing import Any

import msgspec

from monostack.db import Row, Transaction
from monostack.http import Request, Routes, answers
from monostack.http.answers import TEXT, envelope
from monostack.http.schema import add_format
from monostack.services.volume.backups.api import summary
from monostack.services.volume.backups.table import BACKUPS, ONE, SERVICE, SUMMARY, invalid_backup, named
from monostack.services.volume.parameters import Refusal, enveloped, fields
from monostack.services.volume.quotas import claims
from monostack.services.volume.words import invalid_input

NO_VOLUME = "00000000-0000-0000-0000-000000000000"
routes = Routes("/v3/backups")


class Record(msgspec.Struct):
    """What is in a record, in the words of Cinder's own. Times as in the database."""

    id: str
    size: int
    display_name: str | None = None
    display_description: str | None = None
    container: str | None = None
    object_count: int = 0
    parent_id: str | None = None
    volume_id: str = NO_VOLUME
    snapshot_id: str | None = None
    availability_zone: str | None = None
    host: str | None = None
    service: str | None = None
    service_metadata: str | None = None  # the name of its data
    data_timestamp: str | None = None
    metadata: dict[str, str] = {}
    driver_info: dict[str, Any] = {}  # what was saved of the volume


def _is_base64(value: Any) -> bool:
    if isinstance(value, str):
        try:
            base64.b64decode(value)
        except ValueError:  # of which binascii.Error is one
            raise Refusal(f"Invalid input for field/attribute backup_url. Value: {value}. {value!r} is not a 'base64'") from None
    return True


add_format("volume-base64", _is_base64, Refusal)
IMPORT = enveloped(
    "backup-record",
    fields(
        ("backup_service", "backup_url"),
        backup_service={"type": "string", "minLength": 0, "maxLength": 255},
        backup_url={"type": "string", "minLength": 1, "format": "volume-base64"},
    ),
)


@routes.get(
    "/{id}/export_record",
    policy="backup:export-import",
    answer=envelope("backup-record", answers.Record("BackupRecord", {"backup_service": TEXT, "backup_url": TEXT})),
)
def export_record(request: Request, tx: Transaction) -> dict[str, Any]:
    """Export what another cloud, or this one later, must know to use the backup."""
    row = named(tx, request)
    request.authorize("backup:export-import", BACKUPS.target(row))
    if row.status != "available":
        raise invalid_backup(f"Backup status must be available and not {row.status}.")
    text = base64.b64encode(msgspec.json.encode(_record(row))).decode()
    return {"backup-record": {"backup_service": SERVICE, "backup_url": text}}


def _record(row: Row) -> Record:
    same = ("id", "size", "container", "object_count", "parent_id", "volume_id", "snapshot_id", "availability_zone", "host")
    return Record(
        **{name: getattr(row, name) for name in same},
        display_name=row.name,
        display_description=row.description,
        service=SERVICE,
        service_metadata=row.stored_as,
        data_timestamp=row.data_timestamp,
        metadata=row.meta,
        driver_info=row.saved,
    )


def _parse(text: str) -> Record:
    """Raises BadRequest."""
    try:
        values = msgspec.json.decode(base64.b64decode(text))
    except (ValueError, msgspec.DecodeError):
        raise invalid_input("Can't parse backup record.") from None
    if not isinstance(values, dict) or "id" not in values:
        raise invalid_input("Provided backup record is missing an id")
    if "size" not in values:
        raise invalid_input("Provided backup record is missing size attribute")
    try:
        return msgspec.convert(values, Record)
    except msgspec.ValidationError as error:
        raise invalid_input(f"Can't use backup record: {error}") from None


@routes.post("/import_record", policy="backup:backup-import", body=IMPORT, status=201, answer=envelope("backup", SUMMARY))
def import_record(request: Request, tx: Transaction) -> dict[str, Any]:
    """Make a backup from its record. It can be used once its host has said that it has the data."""
    request.authorize("backup:backup-import")
    given = request.body["backup-record"]
    record = _parse(given["backup_url"])
    if tx.row(ONE, {"the_id": record.id}) is not None:
        raise invalid_backup("Backup already exists in database.")
    claims.backup(tx, request, record.size)
    row = BACKUPS.insert(
        tx,
        request,
        {
            "id": record.id,
            "status": "creating",
            "size": record.size,
            "object_count": 0,
            "volume_id": NO_VOLUME,
            "user_id": request.caller.user_id,
            "stored_as": record.service_metadata or record.id,
            "host": record.host,
            "metadata": {},
            "saved": {},
            "updated_at": None,
        },
    )
    told = {"service": given["backup_service"], "record": msgspec.to_builtins(record)}
    request.cloud.start(tx, "import_backup", row.id, told, request)
    return {"backup": summary(request, row)}
