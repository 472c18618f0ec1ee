"""The bits of an image: uploaded, staged for an import, downloaded."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

from monostack.core.errors import BadRequest, Fault, Forbidden, RangeNotSatisfiable, UnsupportedMediaType
from monostack.db import Transaction
from monostack.http import Request, Response, Routes
from monostack.http.answers import NOTHING, Answers
from monostack.services.image import limits, writing
from monostack.services.image.images.image import FILE, STORE, WITH_BITS, Image, authorize, find
from monostack.services.image.images.image import get as get_image
from monostack.services.image.policy import is_admin
from monostack.services.image.store import Store, read
from monostack.services.image.uploading import Begin, stage, too_large, upload

log = logging.getLogger(__name__)
routes = Routes("/v2/images/{image_id}")
OCTETS = "application/octet-stream"
_RANGE = re.compile(r"^bytes\s*=\s*(?:(\d+)-(\d*)|-(\d+))$", re.I)
_CONTENT_RANGE = re.compile(r"^bytes (\d+)-(\d+)/(\d+|\*)$", re.I)


# --- uploading -------------------------------------------------------------------------------------------------------


def _check_octets(request: Request) -> None:
    media_type = request.headers.get("content-type")
    if media_type is None or media_type.partition(";")[0].strip().lower() != OCTETS:
        raise UnsupportedMediaType(detail=f"Invalid content type {media_type}")
    announced = request.headers.get("x-openstack-image-size")
    if announced is not None and not announced.strip().isdigit():
        raise BadRequest("Invalid or missing image size in request headers.")


def _begin(request: Request, rule: str, status: str, limit: str) -> Begin:
    text = request.headers.get("content-length", "0")
    declared = int(text) if text.isdigit() else 0

    def begin(tx: Transaction) -> tuple[Image, str]:
        cloud, project_id = request.cloud, request.caller.project_id
        limits.require(tx, cloud, project_id, {limit: declared >> 20})
        image = get_image(tx, request, request.params["image_id"], rule)
        token = writing.take(tx, image, status)
        limits.require(tx, cloud, project_id, {limits.UPLOADING: 0})  # this one is among them
        if declared > cloud.config.image.max_size:
            raise too_large()
        return image, token

    return begin


@routes.put("/file", mode="async", raw_body=True, policy="upload_image", status=204)
async def upload_image(request: Request) -> Response:
    """Upload the bits of an image."""
    _check_octets(request)
    await upload(request.cloud, _begin(request, "upload_image", "saving", limits.SIZE), request.chunks(), request)
    return Response(None, 204)


@routes.put("/stage", mode="async", raw_body=True, policy="modify_image", status=204)
async def stage_image(request: Request) -> Response:
    """Stage the bits of an image, to be imported later."""
    _check_octets(request)
    await stage(request.cloud, _begin(request, "modify_image", "uploading", limits.STAGE), request.chunks())
    return Response(None, 204)


# --- downloading -----------------------------------------------------------------------------------------------------


def _wanted(request: Request, size: int) -> tuple[int, int] | None:
    """First byte and length of the part that is asked for; None for all. Raises BadRequest or RangeNotSatisfiable."""
    text = request.headers.get("range")
    if text is not None:
        if "," in text:
            raise BadRequest(
                "Requests with multiple ranges are not supported in Glance. You may make multiple single-range requests instead."
            )
        match = _RANGE.match(text.strip())
        if match is None or (match[2] and int(match[2]) < int(match[1])):
            raise RangeNotSatisfiable(detail="Invalid Range header.")
        if match[3] is not None:
            start = max(0, size - int(match[3]))
            return start, size - start
        return _part(int(match[1]), int(match[2]) + 1 if match[2] else size, size, "Range")
    text = request.headers.get("content-range")  # wrong in a request, but older clients send it
    if text is None:
        return None
    match = _CONTENT_RANGE.match(text.strip())
    if match is None or int(match[2]) < int(match[1]):
        raise RangeNotSatisfiable(detail="Invalid Content-Range header.")
    if match[3] == "*" and int(match[2]) + 1 > size:
        raise RangeNotSatisfiable(
            detail=f"Invalid stop position in Content-Range header. The stop position MUST be in the inclusive range [0, {size - 1}]."
        )
    return _part(int(match[1]), int(match[2]) + 1, size, "Content-Range")


def _part(start: int, end: int, size: int, header: str) -> tuple[int, int]:
    if start >= size:
        raise RangeNotSatisfiable(
            detail=f"Invalid start position in {header} header. Start position MUST be in the inclusive range [0, {size - 1}]."
        )
    return start, min(end, size) - start


async def _bytes(request: Request, path: Path, start: int, length: int) -> AsyncIterator[bytes]:
    """The bytes of a file, for as long as the client is there to take them."""
    gone = asyncio.ensure_future(request.wait_gone())
    try:
        async with aclosing(read(path, start, length, gone.done)) as blocks:
            async for block in blocks:
                yield block
    finally:
        gone.cancel()


def _md5(image: Image) -> dict[str, str]:
    checksum = image.values["checksum"]
    return {"content-md5": checksum} if checksum else {}  # none is known of bits at a location


def send(request: Request, image: Image, path: Path) -> Response:
    """The bits of an image as an answer, or the part of them that is asked for."""
    size = image.values["size"]
    if size == 0:  # it may never have had a file
        return Response(None, 200, {"content-length": "0", **_md5(image)}, OCTETS)
    part = _wanted(request, size)
    start, length = part or (0, size)
    headers = {"content-length": str(length), **_md5(image)}
    if part is not None:
        headers["content-range"] = f"bytes {start}-{start + length - 1}/{size}"
    return Response(None, 206 if part else 200, headers, OCTETS, stream=_bytes(request, path, start, length))


@routes.get("/file", mode="async", policy="download_image", answer=Answers({200: FILE, 204: NOTHING, 206: FILE}))
async def download_image(request: Request) -> Response:
    """Download the bits of an image."""

    def look(tx: Transaction) -> Image:
        image = find(tx, request, request.params["image_id"])
        if image.status == "deactivated" and not is_admin(request):
            raise Forbidden("The requested image has been deactivated. Image data download is forbidden.")
        authorize(request, image, "download_image")
        return image

    image = await request.db.read(look)
    _check_preference(request, image)
    if image.status not in WITH_BITS:
        return Response(None, 204)
    path = Store.of(request.cloud).path(image.id)
    if image.values["size"] and not await asyncio.to_thread(path.exists):
        log.error("the bits of image %s are not at %s", image.id, path)
        raise Fault(f"The bits of image {image.id} are missing from the image store. Ask the operator to restore them.")
    return send(request, image, path)


def _check_preference(request: Request, image: Image) -> None:
    """`prefer` names stores to take the bits from; there is one."""
    names = [name.strip() for name in request.query_map.get("prefer", "").split(",") if name.strip()]
    if not names:
        return
    authorize(request, image, "download_from_store")
    for name in names:
        if name != STORE:
            raise BadRequest(f"Store '{name}' is not configured.")
