"""POST /v2/tasks: a new image of what is at a URL, as clients asked for it before images had an import call."""

from typing import Any

from monostack.core.errors import BadRequest, Fault
from monostack.db import Transaction
from monostack.http import Request, Response, Routes
from monostack.http.schema import Schema
from monostack.services.image import tasks, writing
from monostack.services.image.dialect import does_not_match
from monostack.services.image.images import creation
from monostack.services.image.import_filter import passes_filter
from monostack.services.image.schemas import TASK, body_of

routes = Routes("/v2/tasks")
_CHECKED = Schema({**TASK, "additionalProperties": False})


def _source(body: dict[str, Any]) -> str:
    """Where the bits are. Raises BadRequest."""
    for name in ("type", "input"):
        if name not in body:
            raise BadRequest(f"Task '{name}' is required")
    error = _CHECKED.error(body)
    if error is not None:
        raise does_not_match("task", error)
    if body["type"] != "import":
        raise BadRequest(f"Tasks of the type '{body['type']}' are made by the calls of the image itself.")
    location = (body["input"] or {}).get("import_from")
    if not location or not isinstance(location, str):
        raise BadRequest(f"Invalid location: {location}")
    if location.startswith(("file:///", "filesystem:///")):
        raise BadRequest("File based imports are not allowed. Please use a non-local source of image data.")
    if not location.startswith(("http://", "https://")):
        raise BadRequest("The given uri is not valid. Please specify a valid uri from the following list of supported uri ['http']")
    return location


@routes.post("", mode="async", policy="tasks_api_access", enforce=True, status=201, answer=tasks.DETAILS)
async def create_task(request: Request) -> Response:
    """Import a new image."""
    body = body_of(request, dict)
    url = _source(body)
    if not await passes_filter(request.cloud.config.image.import_filter, url):
        raise BadRequest(f"URI for legacy import task does not pass filtering: {url}")
    shown = await request.db.write(lambda tx: _begin(tx, request, body, url))
    return Response(shown, 201, {"location": f"{request.service_url}/v2/tasks/{shown['id']}"})


def _begin(tx: Transaction, request: Request, body: dict[str, Any], url: str) -> dict[str, Any]:
    given = body["input"]
    task_id = tasks.add(tx, request, None, given, body["type"])
    shown = tasks.details(tx, task_id)
    try:
        image_id = _new_image(tx, request, given)
    except Fault as fault:  # what is wrong with the input is told by the task
        tasks.end(tx, task_id, "failure", None, fault.message or fault.detail)
        return shown
    writing.begin_import(tx, image_id)
    request.cloud.start(tx, "import_image", image_id, {"task_id": task_id, "url": url, "drop": True}, request)
    return shown


def _new_image(tx: Transaction, request: Request, given: dict[str, Any]) -> str:
    """Raises a Fault, with nothing written, for attributes that an image cannot have."""
    for name in ("import_from_format", "image_properties"):
        if name not in given:
            raise BadRequest(f"Input does not contain '{name}' field")
    if not isinstance(given["image_properties"], dict):
        raise BadRequest("Input does not contain 'image_properties' field")
    values, properties, tags = creation.attributes(request, given["image_properties"])
    writing.check_formats(values)
    return creation.insert(tx, request, values, properties, tags).id
