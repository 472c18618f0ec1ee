"""The schemas Glance publishes of its own resources, by which bodies are also checked."""

from typing import Any

from monostack.core.errors import BadRequest
from monostack.http import Request, Routes
from monostack.http.answers import OBJECT
from monostack.http.schema import Schema
from monostack.services.image.dialect import does_not_match
from monostack.services.image.metadefs.schemas import PUBLISHED as METADEFS

CONTAINER_FORMATS = ("ami", "ari", "aki", "bare", "ovf", "ova", "docker", "compressed")
DISK_FORMATS = ("ami", "ari", "aki", "vhd", "vhdx", "vmdk", "raw", "qcow2", "vdi", "iso", "ploop")
UUID = "^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$"


def _text(description: str, *, null: bool = False, **more: Any) -> dict[str, Any]:
    return {"type": ["null", "string"] if null else "string", "description": description, **more}


def _read_only(description: str, kind: Any = "string", **more: Any) -> dict[str, Any]:
    return {"type": kind, "readOnly": True, "description": description, **more}


_STATUSES = ["queued", "saving", "active", "killed", "deleted", "uploading", "importing", "pending_delete", "deactivated"]
_VALIDATION_DATA = {
    "description": (
        "Values to be used to populate the corresponding image properties. If the image status is not 'queued', values must exactly "
        "match those already contained in the image properties."
    ),
    "type": "object",
    "writeOnly": True,
    "additionalProperties": False,
    "properties": {
        "checksum": {"type": "string", "minLength": 32, "maxLength": 32},
        "os_hash_algo": {"type": "string", "maxLength": 64},
        "os_hash_value": {"type": "string", "maxLength": 128},
    },
    "required": ["os_hash_algo", "os_hash_value"],
}
_LOCATION = {
    "type": "object",
    "properties": {"url": {"type": "string", "maxLength": 255}, "metadata": {"type": "object"}, "validation_data": _VALIDATION_DATA},
    "required": ["url", "metadata"],
}
# Of a body {"url": ...} put into {"add_location": ...}. Glance checks it by these words and does not publish it.
LOCATION: dict[str, Any] = {
    "name": "location",
    "properties": {
        "add_location": {
            "type": "object",
            "description": "Values of location url, do_secure_hash and validation_data for new add location API",
            "properties": {
                "url": _read_only("The URL of the new location to be added in the image."),
                "validation_data": {
                    "description": (
                        "Values to be used to populate the corresponding image properties.do_secure_hash is not True then image checksum "
                        "and hash will not be calculated so it is the responsibility of the consumer of location ADD API to provide the "
                        "correct values in the validation_data parameter"
                    ),
                    "type": "object",
                    "writeOnly": True,
                    "additionalProperties": False,
                    "properties": {
                        "os_hash_algo": {"type": "string", "maxLength": 64, "enum": ["sha1", "sha256", "sha512", "md5"]},
                        "os_hash_value": {"type": "string", "maxLength": 128},
                    },
                    "dependentRequired": {"os_hash_value": ["os_hash_algo"], "os_hash_algo": ["os_hash_value"]},
                },
            },
            "required": ["url"],
        }
    },
    "additionalProperties": {"type": "string"},
}
IMAGE_PROPERTIES: dict[str, Any] = {
    "id": _text("An identifier for the image", pattern=UUID),
    "name": _text("Descriptive name for the image", null=True, maxLength=255),
    "status": _read_only("Status of the image", enum=_STATUSES),
    "visibility": _text("Scope of image accessibility", enum=["community", "public", "private", "shared"]),
    "protected": {"type": "boolean", "description": "If true, image will not be deletable."},
    "os_hidden": {"type": "boolean", "description": "If true, image will not appear in default image list response."},
    "checksum": _read_only("md5 hash of image contents.", ["null", "string"], maxLength=32),
    "os_hash_algo": _read_only("Algorithm to calculate the os_hash_value", ["null", "string"], maxLength=64),
    "os_hash_value": _read_only(
        "Hexdigest of the image contents using the algorithm specified by the os_hash_algo", ["null", "string"], maxLength=128
    ),
    "owner": _text("Owner of the image", null=True, maxLength=255),
    "size": _read_only("Size of image file in bytes", ["null", "integer"]),
    "virtual_size": _read_only("Virtual size of image in bytes", ["null", "integer"]),
    "container_format": _text("Format of the container", null=True, enum=[None, *CONTAINER_FORMATS]),
    "disk_format": _text("Format of the disk", null=True, enum=[None, *DISK_FORMATS]),
    "created_at": _read_only("Date and time of image registration"),
    "updated_at": _read_only("Date and time of the last image modification"),
    "tags": {"type": "array", "description": "List of strings related to the image", "items": {"type": "string", "maxLength": 255}},
    "direct_url": _read_only("URL to access the image file kept in external store"),
    "min_ram": {"type": "integer", "description": "Amount of ram (in MB) required to boot image."},
    "min_disk": {"type": "integer", "description": "Amount of disk space (in GB) required to boot image."},
    "self": _read_only("An image self url"),
    "file": _read_only("An image file url"),
    "stores": _read_only(
        "Store in which image data resides.  Only present when the operator has enabled multiple stores.  "
        "May be a comma-separated list of store identifiers."
    ),
    "schema": _read_only("An image schema url"),
    "locations": {"type": "array", "items": _LOCATION, "description": "A set of URLs to access the image file kept in external store"},
}
IMAGE: dict[str, Any] = {
    "name": "image",
    "properties": IMAGE_PROPERTIES,
    "additionalProperties": {"type": "string"},
    "links": [
        {"rel": "self", "href": "{self}"},
        {"rel": "enclosure", "href": "{file}"},
        {"rel": "describedby", "href": "{schema}"},
    ],
}
MEMBER: dict[str, Any] = {
    "name": "member",
    "properties": {
        "member_id": _text("An identifier for the image member (tenantId)"),
        "image_id": _text("An identifier for the image", pattern=UUID),
        "created_at": _text("Date and time of image member creation"),
        "updated_at": _text("Date and time of last modification of image member"),
        "status": _text("The status of this image member", enum=["pending", "accepted", "rejected"]),
        "schema": {"readOnly": True, "type": "string"},
    },
}


def _of_task(description: str, kind: Any = "string", **more: Any) -> dict[str, Any]:
    return {"description": description, **more, "type": kind}


_TASK_DETAILS: dict[str, Any] = {
    "input": _of_task("The parameters required by task, JSON blob", ["null", "object"]),
    "result": _of_task("The result of current task, JSON blob", ["null", "object"]),
    "message": _of_task("Human-readable informative message only included when appropriate (usually on failure)"),
}
_TASK_STUB: dict[str, Any] = {
    "id": _of_task("An identifier for the task", pattern=UUID),
    "type": _of_task("The type of task represented by this content", enum=["import", "api_image_import", "location_import"]),
    "status": _of_task("The current status of this task", enum=["pending", "processing", "success", "failure"]),
    "owner": _of_task("An identifier for the owner of this task"),
    "image_id": _of_task("Image associated with the task"),
    "request_id": _of_task("Human-readable informative request-id"),
    "user_id": _of_task("User associated with the task"),
    "expires_at": _of_task("Datetime when this resource would be subject to removal", ["null", "string"]),
    "created_at": _of_task("Datetime when this resource was created"),
    "updated_at": _of_task("Datetime when this resource was updated"),
    "self": {"readOnly": True, "type": "string"},
    "schema": {"readOnly": True, "type": "string"},
}
TASK: dict[str, Any] = {"name": "task", "properties": {**_TASK_STUB, **_TASK_DETAILS}}


def _collection(name: str, item: dict[str, Any], *, paged: bool) -> dict[str, Any]:
    pages: dict[str, Any] = {"first": {"type": "string"}, "next": {"type": "string"}} if paged else {}
    links = [{"rel": rel, "href": f"{{{rel}}}"} for rel in pages]
    return {
        "name": name,
        "properties": {name: {"type": "array", "items": item}, **pages, "schema": {"type": "string"}},
        "links": [*links, {"rel": "describedby", "href": "{schema}"}],
    }


PUBLISHED: dict[str, dict[str, Any]] = {
    **{f"metadefs/{name}": document for name, document in METADEFS.items()},
    "image": IMAGE,
    "images": _collection("images", IMAGE, paged=True),
    "member": MEMBER,
    "members": _collection("members", MEMBER, paged=False),
    "task": TASK,
    "tasks": _collection("tasks", {"name": "task", "properties": _TASK_STUB}, paged=False),
}
_CHECKED = Schema(IMAGE)
routes = Routes("/v2/schemas")


def check_image(document: Any) -> None:
    """Raises BadRequest unless the attributes in `document` are ones an image may have."""
    error = _CHECKED.error(document)
    if error is not None:
        raise does_not_match("image", error)


def body_of(request: Request, kind: Any = (dict, list)) -> Any:
    """The decoded body. Raises BadRequest when there is none, or when it is not of the kind."""
    if request.body is None and request.headers.get("content-length", "0") == "0" and "transfer-encoding" not in request.headers:
        raise BadRequest("Body expected in request.")
    if not isinstance(request.body, kind):
        raise BadRequest("Unexpected body type. Expected list/dict.")
    return request.body


def _publish(name: str, document: dict[str, Any]) -> None:
    def show_schema(request: Request, tx: object) -> dict[str, Any]:
        """Show the schema of a resource."""
        return document

    routes.add("GET", f"/{name}", show_schema, "read", answer=OBJECT)


for _name, _document in PUBLISHED.items():
    _publish(_name, _document)
