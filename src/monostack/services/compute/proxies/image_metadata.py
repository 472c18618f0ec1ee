"""/images/{id}/metadata, until 2.39: the custom properties of an image."""

from collections.abc import Mapping
from typing import Any

from monostack.core.errors import BadRequest, NotFound
from monostack.db import Transaction
from monostack.http import Request, Routes
from monostack.services.compute import quotas
from monostack.services.compute.parameters import METADATA, one
from monostack.services.compute.proxies import answers
from monostack.services.image import facade as image

UNTIL = (2, 38)
_ALL = one("metadata", METADATA)
_SINGLE = one("meta", {**METADATA, "minProperties": 1, "maxProperties": 1})

routes = Routes("/v2.1/images/{id}/metadata")


def _properties(request: Request, tx: Transaction) -> dict[str, str]:
    try:
        return dict(image.get(tx, request, request.params["id"]).properties)
    except NotFound:
        raise NotFound("Image not found.") from None


def _write(request: Request, tx: Transaction, properties: Mapping[str, str]) -> dict[str, str]:
    """Raises Forbidden over quota, and for an image that is not the caller's."""
    quotas.Budget(tx, request.cloud, request.project_id).require("metadata_items", len(properties), "Image metadata limit exceeded")
    return dict(image.set_properties(tx, request, request.params["id"], properties).properties)


@routes.get("", until=UNTIL, answer=answers.METADATA)
def list_image_metadata(request: Request, tx: Transaction) -> Any:
    """List an image's properties."""
    return {"metadata": _properties(request, tx)}


@routes.get("/{key}", until=UNTIL, answer=answers.META)
def show_image_metadata(request: Request, tx: Transaction) -> Any:
    """Show one property of an image."""
    properties, key = _properties(request, tx), request.params["key"]
    if key not in properties:
        raise NotFound("The resource could not be found.")
    return {"meta": {key: properties[key]}}


@routes.post("", until=UNTIL, body=_ALL, answer=answers.METADATA)
def create_image_metadata(request: Request, tx: Transaction) -> Any:
    """Add properties to an image."""
    return {"metadata": _write(request, tx, {**_properties(request, tx), **request.body["metadata"]})}


@routes.put("", until=UNTIL, body=_ALL, answer=answers.METADATA)
def replace_image_metadata(request: Request, tx: Transaction) -> Any:
    """Replace an image's properties."""
    _properties(request, tx)
    return {"metadata": _write(request, tx, request.body["metadata"])}


@routes.put("/{key}", until=UNTIL, body=_SINGLE, answer=answers.META)
def update_image_metadata(request: Request, tx: Transaction) -> Any:
    """Set one property of an image."""
    given, key = request.body["meta"], request.params["key"]
    if key not in given:
        raise BadRequest("Request body and URI mismatch")
    _write(request, tx, {**_properties(request, tx), key: given[key]})
    return {"meta": given}


@routes.delete("/{key}", until=UNTIL)
def delete_image_metadata(request: Request, tx: Transaction) -> None:
    """Remove one property of an image."""
    properties, key = _properties(request, tx), request.params["key"]
    if key not in properties:
        raise NotFound("Invalid metadata key")
    _write(request, tx, {name: value for name, value in properties.items() if name != key})
