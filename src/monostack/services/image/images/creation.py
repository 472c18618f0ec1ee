"""POST /v2/images: a new image, still without bits."""

from collections.abc import Mapping
from typing import Any

from monostack.core import clock, ids
from monostack.core.errors import BadRequest, Conflict, Forbidden
from monostack.db import Transaction
from monostack.events import record
from monostack.http import Request, Response, Routes
from monostack.services.image import limits
from monostack.services.image.images import rules, table
from monostack.services.image.images.image import ANSWER, STORE, Image
from monostack.services.image.policy import allows, refusal
from monostack.services.image.schemas import body_of, check_image

routes = Routes("/v2/images")
_READ_ONLY = ("created_at", "updated_at", "status", "checksum", "os_hash_algo", "os_hash_value", "size", "virtual_size")
_DERIVED = ("direct_url", "self", "file", "schema", "stores")
_DEFAULTS: dict[str, Any] = {
    "name": None, "visibility": "shared", "min_disk": 0, "min_ram": 0, "protected": False, "disk_format": None,
    "container_format": None, "os_hidden": False,
}  # fmt: skip


def _split(body: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str], list[str]]:
    """The attributes, properties and tags a body asks for. Raises Forbidden for what is not the client's to set."""
    for name in _DERIVED:
        if name in body:
            raise Forbidden(f"Attribute '{name}' is read-only.")
    check_image(body)
    tags = list(dict.fromkeys(body.pop("tags", [])))
    values = {name: body.pop(name) for name in ("id", *table.SETTABLE) if name in body}
    for name in _READ_ONLY:
        if name in body:
            raise Forbidden(f"Attribute '{name}' is read-only.")
    for name in body:
        if len(name) > rules.MAX_NAME:
            raise BadRequest("Custom property should not be greater than 255 characters.")
        rules.check_not_reserved(name)
    if "locations" in body:
        raise Forbidden("Attribute 'locations' is reserved.")
    return values, body, tags


def authorize(request: Request, values: dict[str, Any]) -> None:
    """May the caller make an image of this owner and visibility? Raises Forbidden."""
    owner = values["owner"]
    target = {"project_id": owner, "owner": owner, "visibility": values["visibility"]}
    if not allows(request, "add_image", target):
        if owner != request.caller.project_id:
            raise Forbidden(detail=f"You are not permitted to create images owned by '{owner}'")
        raise refusal("add_image")
    rules.check_visibility(request, values["visibility"], target)


def attributes(request: Request, body: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str], list[str]]:
    """The attributes, properties and tags of the image that the caller asks for. Raises BadRequest, Forbidden and TooLarge."""
    values, properties, tags = _split(dict(body))
    values.setdefault("owner", request.caller.project_id)
    values = {**_DEFAULTS, **values}
    authorize(request, values)
    rules.check_counts(properties, tags)
    rules.check_minimums(values)
    return values, properties, tags


def insert(tx: Transaction, request: Request, values: dict[str, Any], properties: dict[str, str], tags: list[str]) -> Image:
    """Write a new image with the status `queued`. Raises Conflict when there is one of that id."""
    now = clock.now().replace(microsecond=0).isoformat(timespec="microseconds")
    row: dict[str, Any] = {**_DEFAULTS, **values, "status": "queued", "created_at": now, "updated_at": now}
    row["id"] = row.get("id") or ids.new_uuid()
    if tx.row(table.GET[True], {"the_id": row["id"]}) is not None:
        raise Conflict(f"Image ID {row['id']} already exists!")
    tx.execute(table.INSERT, row)
    if properties:
        tx.execute(table.ADD_PROPERTIES, [{"image_id": row["id"], "name": n, "value": v} for n, v in properties.items()])
    if tags:
        tx.execute(table.ADD_TAGS, [{"image_id": row["id"], "value": tag} for tag in tags])
    record(tx, request, "image.create", row["id"], row["owner"])
    empty = dict.fromkeys(column.name for column in table.images.columns)
    return Image({**empty, **row}, dict(properties), tags)


@routes.post("", policy="add_image", status=201, answer=ANSWER)
def create_image(request: Request, tx: Transaction) -> Response:
    """Create an image."""
    values, properties, tags = attributes(request, body_of(request, dict))
    limits.require(tx, request.cloud, request.caller.project_id, {limits.COUNT: 1})
    image = insert(tx, request, values, properties, tags)
    headers = {
        "location": f"{request.service_url}/v2/images/{image.id}",
        "openstack-image-import-methods": ",".join(request.cloud.config.image.import_methods),
        "openstack-image-store-ids": STORE,
    }
    return Response(image.view(request.cloud), 201, headers)
