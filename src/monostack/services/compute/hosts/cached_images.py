"""POST /os-aggregates/{id}/images, from 2.81 on: have an aggregate's hosts fetch images."""

from typing import Any

from monostack.core.errors import BadRequest, NotFound
from monostack.db import Transaction
from monostack.events import record
from monostack.http import Request, Routes
from monostack.http.answers import NOTHING
from monostack.services.compute.hosts.aggregates import find_aggregate, hosts_of
from monostack.services.compute.parameters import UUID, fields
from monostack.services.image import facade as image

_CACHE = fields({"cache": {"type": "array", "minItems": 1, "items": fields({"id": UUID}, ("id",))}}, ("cache",))

routes = Routes("/v2.1/os-aggregates")


@routes.post("/{id}/images", policy="compute:aggregates:images", since=(2, 81), body=_CACHE, status=202, answer=NOTHING)
def cache_images(request: Request, tx: Transaction) -> Any:
    """Fetch images to all hosts of an aggregate, each by itself."""
    request.authorize("compute:aggregates:images", {})
    wanted = [entry["id"] for entry in request.body["cache"]]
    if len(set(wanted)) < len(wanted):
        raise BadRequest("Duplicate images in request")
    aggregate = find_aggregate(request, tx)
    for image_id in wanted:
        try:
            image.get(tx, request, image_id)
        except NotFound:
            raise BadRequest(f"Image {image_id} could not be found.") from None
    for host in hosts_of(tx, aggregate.id):
        request.cloud.start(tx, "cache_images", aggregate.uuid, {"host": host, "images": wanted}, request)
    record(tx, request, "aggregate.cache_images", aggregate.uuid, None, {"images": wanted})
