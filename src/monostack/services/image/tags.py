"""Tags, one at a time."""

from urllib.parse import unquote

from monostack.core.errors import NotFound, TooLarge
from monostack.db import Transaction
from monostack.http import Request, Routes
from monostack.services.image.images.image import Image, authorize, find
from monostack.services.image.images.patch import save
from monostack.services.image.images.rules import check_tags
from monostack.services.image.schemas import check_image

routes = Routes("/v2/images/{image_id}/tags/{tag}")


def _image(tx: Transaction, request: Request) -> tuple[Image, Image]:
    """The image, and a copy to change."""
    image_id = request.params["image_id"]
    try:
        image = find(tx, request, image_id)
    except NotFound:
        raise NotFound(f"Image {image_id} not found.") from None
    authorize(request, image, "modify_image")
    return image, Image(dict(image.values), dict(image.properties), list(image.tags))


@routes.put("", status=204, policy="modify_image")
def add_tag(request: Request, tx: Transaction) -> None:
    """Add a tag to an image."""
    tag = unquote(request.params["tag"])
    check_image({"tags": [tag]})
    before, after = _image(tx, request)
    if tag not in after.tags:
        after.tags.append(tag)
    try:
        check_tags(after.tags)
    except TooLarge as refused:
        raise TooLarge(f"Image tag limit exceeded for image {after.id}: {refused.message}:") from None
    save(tx, request, before, after)


@routes.delete("", policy="modify_image")
def remove_tag(request: Request, tx: Transaction) -> None:
    """Remove a tag from an image."""
    tag = unquote(request.params["tag"])
    before, after = _image(tx, request)
    if tag not in after.tags:
        raise NotFound()
    after.tags.remove(tag)
    save(tx, request, before, after)
