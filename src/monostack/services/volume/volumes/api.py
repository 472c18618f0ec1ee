"""The operations on one volume: create, show, update, delete."""

from collections.abc import Mapping
from typing import Any

from monostack.core.errors import BadRequest
from monostack.db import Row, Transaction
from monostack.http import Request, Response, Routes
from monostack.http.answers import ID, INTEGER, NOTHING, TEXT, Record, envelope, maybe, optional
from monostack.http.schema import Schema as JsonSchema
from monostack.services.volume.dialect import accepted
from monostack.services.volume.item_metadata import ItemMetadata
from monostack.services.volume.parameters import (
    FLAG_OR_NULL,
    METADATA,
    METADATA_OR_NULL,
    SIZE_OR_NULL,
    TEXT_OR_NULL,
    TRIMMED_DESCRIPTION,
    TRIMMED_NAME,
    UUID,
    UUID_OR_NULL,
    as_flag,
    enveloped,
    fields,
    query_flag,
    trimmed,
)
from monostack.services.volume.types import table as types
from monostack.services.volume.types.encryption import SETTABLE
from monostack.services.volume.volumes import creation, deletion
from monostack.services.volume.volumes.lookup import named
from monostack.services.volume.volumes.table import BRIEF, EXTENSIONS, VOLUMES
from monostack.services.volume.words import invalid_volume

HINTS = "OS-SCH-HNT:scheduler_hints"
NO_MULTIATTACH = (
    "multiattach parameter has been removed. The default behavior is to use multiattach enabled volume types. Contact your administrator "
    "to create a multiattach enabled volume type and use it to create multiattach volumes."
)
_NAMES: dict[str, Any] = {
    "name": TRIMMED_NAME,
    "description": TRIMMED_DESCRIPTION,
    "display_name": TRIMMED_NAME,
    "display_description": TRIMMED_DESCRIPTION,
}
_CREATE = {
    **_NAMES,
    "volume_type": TEXT_OR_NULL,
    "metadata": METADATA_OR_NULL,
    "snapshot_id": UUID_OR_NULL,
    "source_volid": UUID_OR_NULL,
    "consistencygroup_id": UUID_OR_NULL,
    "size": SIZE_OR_NULL,
    "availability_zone": {"type": ["string", "null"], "minLength": 1, "maxLength": 255},
    "multiattach": FLAG_OR_NULL,
    "image_id": TEXT_OR_NULL,
    "imageRef": TEXT_OR_NULL,
}


def _create_schema(*, open: bool, **more: Any) -> dict[str, Any]:
    schema = enveloped("volume", fields(open=open, **_CREATE, **more))
    schema["properties"][HINTS] = {"type": ["object", "null"]}
    return schema


CREATE = [
    ((0, 0), _create_schema(open=True)),
    ((3, 13), _create_schema(open=True, group_id=TEXT_OR_NULL)),
    ((3, 47), _create_schema(open=True, group_id=TEXT_OR_NULL, backup_id=UUID_OR_NULL)),
    ((3, 53), _create_schema(open=False, group_id=TEXT_OR_NULL, backup_id=UUID_OR_NULL)),
]
_VOLUMES_HINT = {"oneOf": [UUID, {"type": "array", "items": UUID, "uniqueItems": True}]}
_HINTS = JsonSchema(
    enveloped(
        HINTS,
        {
            "type": ["object", "null"],
            "properties": {
                "local_to_instance": UUID_OR_NULL,
                "different_host": _VOLUMES_HINT,
                "same_host": _VOLUMES_HINT,
                "query": {"type": ["string", "object"]},
            },
        },
    )
)
_UPDATE = fields(**_NAMES, metadata=METADATA)
_ANY = [{"required": [name]} for name in (*_NAMES, "metadata")]
UPDATE = [((0, 0), enveloped("volume", _UPDATE)), ((3, 53), enveloped("volume", {**_UPDATE, "anyOf": _ANY}))]
routes = Routes("/v3/volumes")
METADATA_CALLS = ItemMetadata(
    VOLUMES,
    named,
    {
        "get": "volume:get_volume_metadata",
        "create": "volume:create_volume_metadata",
        "update": "volume:update_volume_metadata",
        "delete": "volume:delete_volume_metadata",
    },
    check=lambda row, verb: _metadata_changeable(row, verb),
    etags=True,
)


def _metadata_changeable(row: Row, verb: str) -> None:
    if row.status in ("maintenance", "uploading"):
        raise invalid_volume(f"{verb} volume metadata is not allowed for volumes in {row.status} status.")


def _brief(request: Request, tx: Transaction, row: Row) -> dict[str, Any]:
    """A volume as create and update answer it: without the attributes that extensions add."""
    shown = VOLUMES.views(request, tx, [row])[0]
    return {"volume": {name: value for name, value in shown.items() if name not in EXTENSIONS}}


def _check_hints(request: Request, body: Mapping[str, Any]) -> None:
    error = _HINTS.error({HINTS: body.get(HINTS)}, first=True)
    if error is not None:
        raise request.service.dialect.invalid(error, request)


@routes.post("", policy="volume:create", body=CREATE, status=202, answer=envelope("volume", BRIEF))
def create_volume(request: Request, tx: Transaction) -> dict[str, Any]:
    """Create a volume: empty, from an image, a snapshot or another volume."""
    _check_hints(request, request.body)
    body = trimmed(request.body["volume"])
    if body.get("multiattach") is not None and as_flag(body["multiattach"]):
        raise BadRequest(NO_MULTIATTACH)
    return _brief(request, tx, creation.create(request, tx, body))


@routes.get("/{id}", policy="volume:get", answer=VOLUMES.answer_one)
def show_volume(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show a volume."""
    return VOLUMES.render(request, tx, named(tx, request))


_ENCRYPTION = Record(
    "VolumeEncryption",
    {
        "encryption_key_id": maybe(ID),
        "cipher": optional(maybe(TEXT)),
        "key_size": optional(maybe(INTEGER)),
        "provider": optional(TEXT),
        "control_location": optional(TEXT),
    },
)


@routes.get("/{id}/encryption", policy="volume_extension:volume_encryption_metadata", answer=_ENCRYPTION)
def show_encryption(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show how a volume is encrypted: the id of its key, if it has one, and what its type says."""
    row = named(tx, request)
    request.authorize("volume_extension:volume_encryption_metadata", VOLUMES.target(row))
    wanted = tx.execute(types.BY_ID, {"the_id": row.volume_type_id}).one().encryption or {}
    return {"encryption_key_id": row.encryption_key_id, **{name: wanted[name] for name in SETTABLE if wanted}}


@routes.put("/{id}", policy="volume:update", body=UPDATE, answer=envelope("volume", BRIEF))
def update_volume(request: Request, tx: Transaction) -> dict[str, Any]:
    """Rename, describe or annotate a volume."""
    row = named(tx, request)
    request.authorize("volume:update", VOLUMES.target(row))
    if row.status == "maintenance":
        raise invalid_volume("The volume cannot be updated during maintenance.")
    body = trimmed(request.body["volume"])
    old = {new: body[name] for name, new in (("display_name", "name"), ("display_description", "description")) if name in body}
    return _brief(request, tx, VOLUMES.change(tx, request, row, old | body))


@routes.delete("/{id}", policy="volume:delete", status=202, answer=NOTHING)
def delete_volume(request: Request, tx: Transaction) -> Response:
    """Delete a volume that nothing uses; with `cascade` also its snapshots, with `force` (3.23) whatever its status is."""
    cascade = query_flag(request.query_map, "cascade")
    force = request.at_least(3, 23) and query_flag(request.query_map, "force")
    row = named(tx, request)
    if force:
        request.authorize("volume:force_delete", VOLUMES.target(row))
    request.authorize("volume:delete", VOLUMES.target(row))
    deletion.delete(tx, request, row, force=force, cascade=cascade)
    return accepted()

