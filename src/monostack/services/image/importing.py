"""POST /v2/images/{id}/import: staged bits become the image's, in the background."""

from typing import Any

from monostack.core.errors import BadRequest, Conflict
from monostack.db import Transaction
from monostack.http import Request, Response, Routes
from monostack.http.answers import NOTHING
from monostack.services.image import tasks, writing
from monostack.services.image.images import table
from monostack.services.image.images.image import STORE, authorize, find
from monostack.services.image.images.patch import write_properties
from monostack.services.image.schemas import body_of

METHODS = ("glance-direct",)
# Properties that tell clients how far the import is.
TASK, IMPORTING, FAILED = "os_glance_import_task", "os_glance_importing_to_stores", "os_glance_failed_import"
routes = Routes("/v2/images/{image_id}")


def _check(body: Any) -> None:
    method = body.get("method")
    if method is None:
        raise BadRequest("Import request requires a 'method' field.")
    if not isinstance(method, dict) or "name" not in method:
        raise BadRequest("Import request requires a 'name' field.")
    if method["name"] not in METHODS:
        raise BadRequest(f"Unknown import method name '{method['name']}'.")
    for name in ("all_stores_must_succeed", "all_stores"):
        if not isinstance(body.get(name, False), bool):
            raise BadRequest(f"'{name}' must be boolean value only")


def _check_stores(request: Request, body: dict[str, Any]) -> None:
    stores = body.get("stores")
    header = request.headers.get("x-image-meta-store")
    if stores is not None and header is not None:
        raise BadRequest("Stores parameter and x-image-meta-store header can't be both specified")
    if body.get("all_stores") and (stores is not None or header is not None):
        raise BadRequest("All_stores parameter can't be used with x-image-meta-store header or stores parameter")
    for name in stores if isinstance(stores, list) else [header] if header else []:
        if name != STORE:
            raise Conflict(f"Unknown scheme '{name}' found in URI")


@routes.post("/import", status=202, policy="modify_image", answer=NOTHING)
def import_image(request: Request, tx: Transaction) -> Response:
    """Import staged bits."""
    body = body_of(request, dict)
    _check(body)
    image = find(tx, request, request.params["image_id"])
    if image.status == "active":
        raise Conflict("Image with status active cannot be target for import")
    if image.status != "uploading" or image.values["staged"] is None:
        raise Conflict("Image needs to be staged before 'glance-direct' method can be used")
    for name in ("container_format", "disk_format"):
        if not image.values[name]:
            raise Conflict(f"'{name}' needs to be set before import")
    authorize(request, image, "modify_image")
    _check_stores(request, body)
    writing.begin_import(tx, image.id)
    task_id = tasks.add(tx, request, image.id, {"image_id": image.id, "import_req": body, "backend": [STORE]})
    write_properties(tx, image.id, image.properties, {**image.properties, TASK: task_id, IMPORTING: STORE, FAILED: ""})
    request.cloud.start(tx, "import_image", image.id, {"task_id": task_id, "content": image.values["staged"]}, request)
    return Response(None, 202)


def conclude(tx: Transaction, image_id: str, *, failed: bool) -> None:
    """Tell clients that the import of an image, which must exist, is over."""
    tx.execute(table.REMOVE_PROPERTIES, {"the_id": image_id, "names": [TASK, IMPORTING, FAILED]})
    over = {IMPORTING: "", FAILED: STORE if failed else ""}
    tx.execute(table.ADD_PROPERTIES, [{"image_id": image_id, "name": name, "value": value} for name, value in over.items()])
