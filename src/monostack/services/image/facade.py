"""What other services may call of the image service: plain functions on the caller's transaction, and two that steps of workflows await."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from monostack.core.errors import Conflict
from monostack.db import Transaction
from monostack.http import Request
from monostack.protocol.guests import ImageSource
from monostack.services.image import limits, members, writing
from monostack.services.image.bits import download_token, download_url
from monostack.services.image.collecting import collect, forget
from monostack.services.image.images import creation, deletion, filters, patch, rules, table
from monostack.services.image.images.deletion import delete
from monostack.services.image.images.image import Image, missing
from monostack.services.image.images.image import get as get_image
from monostack.services.image.images.listing import find_all, find_for
from monostack.services.image.store import Store

if TYPE_CHECKING:
    from monostack.cloud import Cloud

__all__ = ["ImageInfo", "collect", "create", "delete", "drop", "forget", "get", "owned", "search", "set_properties", "source"]

READ_AS = {"raw": "raw", "qcow2": "qcow2", "iso": "raw", "ami": "raw"}  # what a host reads an image of the format as


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """An image as other services see it. Sizes in bytes, min_ram in MiB, min_disk in GiB, times as in the database."""

    id: str
    name: str | None
    status: str
    owner: str | None
    visibility: str
    protected: bool
    disk_format: str | None
    container_format: str | None
    min_disk: int
    min_ram: int
    size: int | None
    virtual_size: int | None
    checksum: str | None
    created_at: str
    updated_at: str
    properties: Mapping[str, str]
    tags: tuple[str, ...]


_COPIED = [name for name in ImageInfo.__dataclass_fields__ if name not in ("properties", "tags")]


def _info(image: Image) -> ImageInfo:
    return ImageInfo(**{name: image.values[name] for name in _COPIED}, properties=image.properties, tags=tuple(image.tags))


def get(tx: Transaction, request: Request, image_id: str) -> ImageInfo:
    """An image the caller may know of. Raises NotFound."""
    return _info(get_image(tx, request, image_id))


def search(tx: Transaction, request: Request, query: Sequence[tuple[str, str]]) -> list[ImageInfo]:
    """One page of the images the caller may know of. `query` has the parameters of GET /v2/images. Raises BadRequest."""
    return [_info(image) for image in find_all(tx, request, filters.parse(query))]


def owned(tx: Transaction, project_id: str, query: Sequence[tuple[str, str]]) -> list[ImageInfo]:
    """One page of the images a project owns, for workflows. `query` as in `search`."""
    return [_info(image) for image in find_for(tx, project_id, False, filters.parse([*query, ("owner", project_id)]))]


def source(tx: Transaction, cloud: "Cloud", image_id: str) -> ImageSource:
    """Where a host gets the bits from: the path in the store, or a URL with `Authorization: Bearer <token>`, good for an hour.

    The caller must have been allowed to know the image (`get`). Raises NotFound, and Conflict for an image that no host can read.
    """
    row = tx.row(table.GET[True], {"the_id": image_id})
    if row is None:
        raise missing(image_id)
    if row.status != "active":
        raise Conflict(f"Image {image_id} is not active: it is {row.status}.")
    if row.container_format != "bare" and row.disk_format != "ami":
        raise Conflict(f"Image {image_id} is in a container of the format {row.container_format}: only bare images can be used.")
    if row.disk_format not in READ_AS:
        raise Conflict(f"Image {image_id} has the disk format {row.disk_format}: convert it to qcow2 or raw.")
    if row.disk_format == "qcow2" and row.virtual_size is None:
        raise Conflict(f"Image {image_id} says that it is qcow2, but its content is not.")
    return ImageSource(
        id=image_id,
        disk_format=READ_AS[row.disk_format],
        size=row.size,
        sha512=row.sha512,
        virtual_size=row.virtual_size,
        path=str(Store.of(cloud).path(image_id)),
        url=download_url(cloud, image_id),
        token=download_token(cloud, image_id),
    )


def create(
    tx: Transaction, request: Request, name: str, properties: Mapping[str, str], values: Mapping[str, Any] | None = None,
    share_with: str | None = None, *, empty: bool = False,
) -> ImageInfo:
    """A new private image of the caller's project that waits for its bits: a snapshot of a server, a copy of a volume.

    `values` are further attributes; `share_with` is a project that may see it too. `empty`: it waits for no bits and is
    active at once, since all it has to say is in its properties. Raises Forbidden, TooLarge.
    """  # fmt: skip
    given = {"owner": request.caller.project_id, "visibility": "shared" if share_with else "private", **(values or {}), "name": name}
    creation.authorize(request, given)
    limits.require(tx, request.cloud, request.caller.project_id, {limits.COUNT: 1, limits.SIZE: 0})
    rules.check_counts(properties, ())
    image = creation.insert(tx, request, given, dict(properties), [])
    if share_with:
        members.add(tx, request, image, share_with)
    if empty:
        writing.activate_empty(tx, request, image)
    return _info(image)


def drop(tx: Transaction, cloud: "Cloud", image_id: str) -> None:
    """Delete an image that did not get its bits. For workflows: no caller is asked. Nothing to do when it is gone."""
    deletion.drop(tx, cloud, image_id)


def set_properties(tx: Transaction, request: Request, image_id: str, properties: Mapping[str, str]) -> ImageInfo:
    """Replace the custom properties of an image (Nova's image metadata). Raises NotFound, Forbidden, TooLarge."""
    before = get_image(tx, request, image_id, "modify_image")
    after = Image(dict(before.values), dict(properties), before.tags)
    patch.save(tx, request, before, after)
    return _info(after)
