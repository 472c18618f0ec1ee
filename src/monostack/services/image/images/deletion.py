"""DELETE /v2/images/{id}: the row goes first, then the bits; should the program die in between, the reconciler removes them."""

import asyncio
from typing import TYPE_CHECKING

from monostack.core.errors import Forbidden, NotFound
from monostack.db import Transaction
from monostack.events import record
from monostack.http import Request, Response, Routes
from monostack.services.image.images import table
from monostack.services.image.images.image import authorize, find
from monostack.services.image.reconcilers.files import FILES
from monostack.services.image.store import Store

if TYPE_CHECKING:
    from monostack.cloud import Cloud

routes = Routes("/v2/images/{image_id}")


def delete(tx: Transaction, request: Request, image_id: str) -> None:
    """Delete an image, whatever its state. Raises NotFound, and Forbidden for a protected one."""
    try:
        image = find(tx, request, image_id)
    except NotFound:
        raise NotFound(f"Failed to find image {image_id} to delete" if image_id else "") from None
    authorize(request, image, "delete_image")
    if image.values["protected"]:
        raise Forbidden(f"Image {image_id} is protected and cannot be deleted.")
    request.cloud.cancel(tx, image_id)  # an import that is under way
    tx.execute(table.DELETE, {"the_id": image_id})
    record(tx, request, "image.delete", image_id, image.values["owner"])


def drop(tx: Transaction, cloud: "Cloud", image_id: str) -> None:
    """Delete an image that no caller asked to delete; its bits are removed soon. Nothing happens to one that is protected, or gone."""
    row = tx.row(table.GET[True], {"the_id": image_id})
    if row is None or row.protected:
        return
    cloud.cancel(tx, image_id)
    tx.execute(table.DELETE, {"the_id": image_id})
    cloud.signal(tx, FILES)
    record(tx, None, "image.delete", image_id, row.owner)


@routes.delete("", mode="async", policy="delete_image")
async def delete_image(request: Request) -> Response:
    """Delete an image."""
    image_id = request.params["image_id"]
    await request.db.write(lambda tx: delete(tx, request, image_id))
    await asyncio.to_thread(Store.of(request.cloud).remove, image_id)
    return Response(None, 204)
