"""The action that makes an image from a volume."""

from typing import Any

from monostack.core.errors import BadRequest
from monostack.db import Row, Transaction
from monostack.http import Request, answers
from monostack.http.answers import ID, INTEGER, NULL, OBJECT, TEXT, Record, envelope, maybe
from monostack.services.image import facade as images
from monostack.services.volume import image_keys, keys
from monostack.services.volume.parameters import DESCRIPTION, FLAG, as_flag, enveloped, fields
from monostack.services.volume.types import table as types
from monostack.services.volume.volumes.actions import actions
from monostack.services.volume.volumes.lookup import named
from monostack.services.volume.volumes.table import set_volume
from monostack.services.volume.words import invalid_volume

RULES = "volume_extension:volume_actions"
ENCRYPTED = (
    "An encrypted volume uploaded as an image must use 'raw' disk_format and 'bare' container_format, which are the defaults for these "
    "options."
)
CONTAINERS = ("ami", "ari", "aki", "bare", "ovf", "ova", "docker", "compressed")
CORE = ("checksum", "container_format", "disk_format", "image_name", "image_id", "min_disk", "min_ram", "name", "size")
RESERVED = ("os_glance", "img_signature")  # the beginnings of properties that belong to one image alone
# As the image service's schema has it.
_NO_CONTAINER = """Unable to set 'container_format' to {0}. Reason: {0} is not one of [None, 'ami', 'ari', 'aki', 'bare', \
'ovf', 'ova', 'docker', 'compressed']

Failed validating 'enum' in schema['properties']['container_format']:
    {{'type': ['null', 'string'],
     'description': 'Format of the container',
     'enum': [None,
              'ami',
              'ari',
              'aki',
              'bare',
              'ovf',
              'ova',
              'docker',
              'compressed']}}

On instance['container_format']:
    {0}"""
_NAME = {"type": "string", "minLength": 1, "maxLength": 255}
_FORMAT = {"type": "string", "enum": ["raw", "vmdk", "vdi", "qcow2", "vhd", "vhdx", "ploop"]}
_FIELDS = {"image_name": _NAME, "force": FLAG, "disk_format": _FORMAT, "container_format": DESCRIPTION}
_VISIBILITY = {"type": "string", "enum": ["community", "public", "private", "shared"]}
UPLOAD = [
    ((0, 0), enveloped("os-volume_upload_image", fields(("image_name",), **_FIELDS))),
    ((3, 1), enveloped("os-volume_upload_image", fields(("image_name",), **_FIELDS, visibility=_VISIBILITY, protected=FLAG))),
]


def _properties(row: Row) -> dict[str, str]:
    """What the volume remembers of its own image and the new one takes over."""
    kept = {name: value for name, value in (row.image_meta or {}).items() if name not in (*CORE, image_keys.KEY_ID, image_keys.POLICY)}
    return {name: str(value) for name, value in kept.items() if not name.startswith(RESERVED)}


def _whole_type(tx: Transaction, type_id: str) -> dict[str, Any]:
    """The type as only this answer has it: all its columns."""
    kind = tx.execute(types.BY_ID, {"the_id": type_id}).one()
    names = ("id", "name", "description", "is_public", "extra_specs", "qos_specs_id", "created_at")
    shown = {name: getattr(kind, name) for name in names}
    return {**shown, "updated_at": kind.updated_at, "deleted_at": None, "deleted": False}


_TYPE = Record(
    "TypeOfUpload",
    {
        "id": ID, "name": TEXT, "description": maybe(TEXT), "is_public": answers.FLAG, "extra_specs": OBJECT, "qos_specs_id": maybe(ID),
        "created_at": TEXT, "updated_at": maybe(TEXT), "deleted_at": NULL, "deleted": answers.FLAG,
    },
)  # fmt: skip
_UPLOADING = Record(
    "VolumeUpload",
    {
        "id": ID, "updated_at": TEXT, "status": TEXT, "display_description": maybe(TEXT), "size": INTEGER, "volume_type": maybe(_TYPE),
        "image_id": ID, "container_format": TEXT, "disk_format": TEXT, "image_name": TEXT, "protected": answers.FLAG,
        "visibility": TEXT,
    },
)  # fmt: skip


@actions.action(
    "os-volume_upload_image", body=UPLOAD, policy=f"{RULES}:upload_image", answer=envelope("os-volume_upload_image", _UPLOADING)
)
def upload_image(request: Request, tx: Transaction) -> dict[str, Any]:
    """Make an image from a volume that nothing uses. Its name, formats, and from 3.1 on who sees it are the caller's."""
    row, body = named(tx, request), request.body["os-volume_upload_image"]
    request.authorize(f"{RULES}:upload_image")
    disk_format, container = body.get("disk_format", "raw"), body.get("container_format", "bare")
    if row.encryption_key_id is not None and (disk_format, container) != ("raw", "bare"):
        raise BadRequest(ENCRYPTED)
    values: dict[str, Any] = {"visibility": "shared", "protected": False, "disk_format": disk_format, "container_format": container}
    if request.at_least(3, 1):
        values.update(visibility=body.get("visibility", "private"), protected=as_flag(body.get("protected", False)))
        if values["visibility"] == "public":
            request.authorize(f"{RULES}:upload_public")
    if row.status != "available":
        raise invalid_volume(f"Volume {row.id} status must be available")
    if container not in CONTAINERS:
        raise BadRequest(_NO_CONTAINER.format(f"{container!r}"))
    if container == "compressed":
        raise BadRequest("Image compression upload disallowed, but container_format is compressed")
    key = keys.anew(request.cloud, row) if row.encryption_key_id is not None else None
    properties = {**_properties(row), **(image_keys.properties(key) if key is not None else {})}
    image = images.create(tx, request, body["image_name"], properties, values)
    if key is not None:
        image_keys.add(tx, image.id, row.size, key)
    set_volume(tx, row.id, status="uploading", previous_status=row.status)
    given = {"image_id": image.id, "disk_format": disk_format, "host": row.host}
    request.cloud.start(tx, "upload_volume", row.id, given, request, row.project_id)
    answer = {
        "id": row.id,
        "updated_at": row.updated_at,
        "status": "uploading",
        "display_description": row.description,
        "size": row.size,
        "volume_type": _whole_type(tx, row.volume_type_id),
        "image_id": image.id,
        "container_format": container,
        "disk_format": disk_format,
        "image_name": image.name,
        "protected": image.protected,
        "visibility": image.visibility,
    }
    return {"os-volume_upload_image": answer}
