"""/images, until 2.36."""

from typing import Any

from monostack.core.errors import BadRequest, Forbidden, NotFound
from monostack.db import Transaction
from monostack.http import Request, Routes
from monostack.http.answers import envelope
from monostack.services.compute.links import MAX_LIMIT, Linker, linker, next_page
from monostack.services.compute.paging import integer
from monostack.services.compute.parameters import is_true
from monostack.services.compute.proxies import LAST, answers
from monostack.services.image import facade as image

_FILTERS = {"name": "name", "status": "status", "server": "instance_uuid", "type": "image_type", "minRam": "min_ram", "minDisk": "min_disk"}
_STATUS = {
    "active": "ACTIVE", "queued": "SAVING", "saving": "SAVING", "importing": "SAVING", "deleted": "DELETED", "pending_delete": "DELETED",
    "killed": "ERROR",
}  # fmt: skip

routes = Routes("/v2.1/images")


def _links(request: Request, links: Linker, image_id: str) -> list[dict[str, str]]:
    alternate = {
        "rel": "alternate", "type": "application/vnd.openstack.image", "href": f"{request.app_url}/image/images/{image_id}"
    }  # fmt: skip
    return [*links.both("images", image_id), alternate]


def _view(request: Request, links: Linker, found: image.ImageInfo) -> dict[str, Any]:
    properties = dict(found.properties)
    shown: dict[str, Any] = {
        "id": found.id, "name": found.name, "minRam": found.min_ram, "minDisk": found.min_disk, "metadata": properties,
        "created": found.created_at[:19] + "Z", "updated": found.updated_at[:19] + "Z", "status": _STATUS.get(found.status, "UNKNOWN"),
        "progress": {"queued": 25, "saving": 50, "active": 100}.get(found.status, 0), "OS-EXT-IMG-SIZE:size": found.size,
        "links": _links(request, links, found.id),
    }  # fmt: skip
    if "instance_uuid" in properties:
        server_id = properties["instance_uuid"]
        shown["server"] = {"id": server_id, "links": links.both("servers", server_id)}
    if "auto_disk_config" in properties:
        shown["OS-DCF:diskConfig"] = "AUTO" if is_true(properties["auto_disk_config"]) else "MANUAL"
    return shown


def _query(request: Request, limit: int) -> list[tuple[str, str]]:
    """What the image service is asked instead."""
    asked = [("limit", str(limit))]
    for name, value in request.query:
        if name == "marker":
            asked.append(("marker", value))
        elif name == "changes-since":
            asked.append(("updated_at", f"gte:{value}"))
        elif name.startswith("property-"):
            asked.append((name.removeprefix("property-"), value))
        elif name in _FILTERS:
            asked.append((_FILTERS[name], value.lower() if name == "status" else value.rsplit("/", 1)[-1] if name == "server" else value))
    return asked


def _found(request: Request, tx: Transaction) -> tuple[list[image.ImageInfo], int]:
    limit = min(integer(request, "limit") or MAX_LIMIT, MAX_LIMIT)
    try:
        return image.search(tx, request, _query(request, limit)), limit
    except (NotFound, BadRequest) as fault:
        raise BadRequest(fault.message) from None


def _envelope(request: Request, collection: str, items: list[dict[str, Any]], limit: int) -> dict[str, Any]:
    answer: dict[str, Any] = {"images": items}
    more = next_page(request, collection, items, limit, items[-1]["id"] if items else None)
    if more:
        answer["images_links"] = more
    return answer


def _one(request: Request, tx: Transaction) -> image.ImageInfo:
    try:
        return image.get(tx, request, request.params["id"])
    except NotFound:
        raise NotFound("Image not found.") from None


@routes.get("", until=LAST, answer=answers.IMAGES)
def list_images(request: Request, tx: Transaction) -> Any:
    """List images."""
    found, limit = _found(request, tx)
    links = linker(request)
    items = [{"id": each.id, "name": each.name, "links": _links(request, links, each.id)} for each in found]
    return _envelope(request, "images", items, limit)


@routes.get("/detail", until=LAST, answer=answers.IMAGE_DETAILS)
def list_images_detail(request: Request, tx: Transaction) -> Any:
    """List images with details."""
    found, limit = _found(request, tx)
    links = linker(request)
    return _envelope(request, "images/detail", [_view(request, links, each) for each in found], limit)


@routes.get("/{id}", until=LAST, answer=envelope("image", answers.IMAGE))
def show_image(request: Request, tx: Transaction) -> Any:
    """Show an image."""
    return {"image": _view(request, linker(request), _one(request, tx))}


@routes.delete("/{id}", until=LAST)
def delete_image(request: Request, tx: Transaction) -> None:
    """Delete an image."""
    found = _one(request, tx)
    try:
        image.delete(tx, request, found.id)
    except Forbidden:
        raise Forbidden("You are not allowed to delete the image.") from None
