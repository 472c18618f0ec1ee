"""POST /v2/images/{id}/import: bits that are staged, or at a URL, become the image's, in the background."""

from typing import Any

from monostack.core.errors import BadRequest, Conflict
from monostack.db import Transaction
from monostack.http import Request, Response, Routes
from monostack.http.answers import NOTHING
from monostack.services.image import limits, tasks, writing
from monostack.services.image.images import table
from monostack.services.image.images.image import STORE, Image, authorize, find
from monostack.services.image.images.patch import write_properties
from monostack.services.image.import_filter import passes_filter
from monostack.services.image.policy import enforce
from monostack.services.image.schemas import body_of

# Properties that tell clients how far the import is.
TASK, IMPORTING, FAILED = "os_glance_import_task", "os_glance_importing_to_stores", "os_glance_failed_import"
routes = Routes("/v2/images/{image_id}")


def _method(request: Request, body: Any) -> str:
    """The import method a body asks for."""
    method = body.get("method")
    if method is None:
        raise BadRequest("Import request requires a 'method' field.")
    if not isinstance(method, dict) or "name" not in method:
        raise BadRequest("Import request requires a 'name' field.")
    if method["name"] not in request.cloud.config.image.import_methods:
        raise BadRequest(f"Unknown import method name '{method['name']}'.")
    for name in ("all_stores_must_succeed", "all_stores"):
        if not isinstance(body.get(name, False), bool):
            raise BadRequest(f"'{name}' must be boolean value only")
    return method["name"]


def _check_stores(request: Request, body: dict[str, Any]) -> None:
    stores = body.get("stores")
    header = request.headers.get("x-image-meta-store")
    if stores is not None and header is not None:
        raise BadRequest("Stores parameter and x-image-meta-store header can't be both specified")
    if body.get("all_stores") and (stores is not None or header is not None):
        raise BadRequest("All_stores parameter can't be used with x-image-meta-store header or stores parameter")
    for name in stores if isinstance(stores, list) else [header] if header else []:
        if name != STORE:
            raise Conflict(f"Store for identifier {name} not found")


def _check_state(image: Image, method: str) -> None:
    if image.status == "active" and method != "copy-image":
        raise Conflict("Image with status active cannot be target for import")
    if image.status != "active" and method == "copy-image":
        raise Conflict("Only images with status active can be targeted for copying")
    if image.status != "queued" and method == "web-download":
        raise Conflict("Image needs to be in 'queued' state to use 'web-download' method")
    if method == "glance-direct" and (image.status != "uploading" or image.values["staged"] is None):
        raise Conflict("Image needs to be staged before 'glance-direct' method can be used")
    for name in ("container_format", "disk_format"):
        if not image.values[name]:
            raise Conflict(f"'{name}' needs to be set before import")


@routes.post("/import", mode="async", status=202, policy="modify_image", answer=NOTHING)
async def import_image(request: Request) -> Response:
    """Import an image."""
    body = body_of(request, dict)
    method = _method(request, body)
    passes = True
    if method == "web-download":
        passes = await passes_filter(request.cloud.config.image.import_filter, body["method"].get("uri"))
    await request.db.write(lambda tx: _begin(tx, request, body, method, passes))
    return Response(None, 202)


def _begin(tx: Transaction, request: Request, body: dict[str, Any], method: str, passes: bool) -> None:
    limits.require(tx, request.cloud, request.caller.project_id, {limits.SIZE: 0})
    image = find(tx, request, request.params["image_id"])
    _check_state(image, method)
    if method == "copy-image":
        _copy(request, image, body)
        return
    authorize(request, image, "modify_image")
    _check_stores(request, body)
    if not passes:
        raise BadRequest(f"URI for web-download does not pass filtering: {body['method'].get('uri')}")
    start(tx, request, image, {"image_id": image.id, "import_req": body, "backend": [STORE]})


def start(tx: Transaction, request: Request, image: Image, given: dict[str, Any]) -> None:
    """Start the import of what is staged, or at the URL that the task's input names."""
    method = given["import_req"]["method"]
    source = {"url": method["uri"]} if method["name"] == "web-download" else {"content": image.values["staged"]}
    writing.begin_import(tx, image.id)
    task_id = tasks.add(tx, request, image.id, given)
    write_properties(tx, image.id, image.properties, {**image.properties, TASK: task_id, IMPORTING: STORE, FAILED: ""})
    request.cloud.start(tx, "import_image", image.id, {"task_id": task_id, "to_stores": True, **source}, request)


def _copy(request: Request, image: Image, body: dict[str, Any]) -> None:
    """Copying to further stores: there is one, so nothing is to do for all of them, and no other can be named."""
    enforce(request, "copy_image", image.target(request))
    _check_stores(request, body)
    if not body.get("all_stores"):
        raise BadRequest(f"Image is already present at store '{STORE}'")


def conclude(tx: Transaction, image_id: str, *, failed: bool, to_stores: bool) -> None:
    """Tell clients that the import of an image, which must exist, is over. `to_stores`: it tells of stores."""
    tx.execute(table.REMOVE_PROPERTIES, {"the_id": image_id, "names": [TASK, IMPORTING, FAILED] if to_stores else [TASK]})
    if not to_stores:
        return
    over = {IMPORTING: "", FAILED: STORE if failed else ""}
    tx.execute(table.ADD_PROPERTIES, [{"image_id": image_id, "name": name, "value": value} for name, value in over.items()])
