"""/v2/images/{id}/locations: where the bits of an image are.

With `image.web_locations` users may say that they are at a URL. They are fetched at once, checked against the hash that came with it, and
kept: hosts read the copy, so that what a server boots from is what was checked, whatever is at the URL later.
"""

import hashlib
from typing import Any

from monostack.core.errors import BadRequest, Conflict, Forbidden
from monostack.db import Transaction
from monostack.http import Request, Response, Routes
from monostack.http.answers import NOTHING
from monostack.http.schema import Schema
from monostack.services.image import tasks, writing
from monostack.services.image.dialect import does_not_match
from monostack.services.image.images.image import LOCATIONS, Image, authorize, find
from monostack.services.image.images.image import get as get_image
from monostack.services.image.images.patch import write_properties
from monostack.services.image.import_filter import passes_filter
from monostack.services.image.importing import TASK
from monostack.services.image.schemas import LOCATION, body_of

routes = Routes("/v2/images/{image_id}/locations")
_CHECKED = Schema(LOCATION)


@routes.get("", policy="fetch_image_location", answer=LOCATIONS)
def list_locations(request: Request, tx: Transaction) -> list[dict[str, Any]]:
    """List where the bits of an image are: for services."""
    return get_image(tx, request, request.params["image_id"], "fetch_image_location").locations(request.cloud)


@routes.post("", mode="async", policy="add_image_location", status=202, answer=NOTHING)
async def add_location(request: Request) -> Response:
    """Say where the bits of an image are."""
    body = body_of(request, (dict, list))
    error = _CHECKED.error({"add_location": body})
    if error is not None:
        raise does_not_match("location", error)
    served = request.cloud.config.image.web_locations and body["url"].startswith("http")
    passes = served and await passes_filter(request.cloud.config.image.import_filter, body["url"])
    await request.db.write(lambda tx: _add(tx, request, body, served, passes))
    return Response(None, 202)


def _add(tx: Transaction, request: Request, body: dict[str, Any], served: bool, passes: bool) -> None:
    image = find(tx, request, request.params["image_id"])
    if image.status != "queued":
        raise Conflict(f"It's not allowed to add locations if image status is {image.status}.")
    authorize(request, image, "add_image_location")
    if not served:
        raise Forbidden("http store must be enabled to use location API by normal user.")
    expected = body.get("validation_data", {})
    if expected:
        _check_hash(expected["os_hash_algo"], expected["os_hash_value"])
    if not passes:
        raise BadRequest(f"URI for add location does not pass filtering: {body['url']}")
    writing.check_formats(image.values)
    _start(tx, request, image, body["url"], expected)


def _check_hash(algorithm: str, value: str) -> None:
    """Raises BadRequest for what cannot be a hash by the algorithm."""
    try:
        length = len(bytearray.fromhex(value))
    except ValueError:
        raise BadRequest(f"os_hash_value ({value}) is not a valid hexadecimal value") from None
    wanted = hashlib.new(algorithm, usedforsecurity=False).digest_size
    if length != wanted:
        raise BadRequest(f"os_hash_value: ({value}) is not the correct size for ({algorithm}) (should be ({wanted}) bytes)")


def _start(tx: Transaction, request: Request, image: Image, url: str, expected: dict[str, Any]) -> None:
    writing.begin_import(tx, image.id, url)
    given = {"image_id": image.id, "loc_url": url, "validation_data": expected}
    task_id = tasks.add(tx, request, image.id, given, "location_import")
    write_properties(tx, image.id, image.properties, {**image.properties, TASK: task_id})
    request.cloud.start(tx, "import_image", image.id, {"task_id": task_id, "url": url, "validation_data": expected}, request)
