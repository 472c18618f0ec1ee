"""Locations in PATCH /v2/images/{id}, as Glance has them with `show_multiple_locations`.

The first location of an image makes it active at once, and it shows the hash that came with it, or none. The bits are fetched within the
request and kept, so hosts boot from what was inspected; further locations are only said.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Any

from monostack.core.errors import BadRequest, Conflict, Forbidden, TooLarge
from monostack.http import Request
from monostack.operations import StepError
from monostack.services.image.images.image import STORE, Image, authorize
from monostack.services.image.import_filter import passes_filter
from monostack.services.image.store import HASH
from monostack.services.image.writing import CLAIMS

MAX_LOCATIONS = 10
_VERBS = {"add": "add", "remove": "remove", "replace": "update"}
_HEX_LENGTHS = {"checksum": (32, "md5 (should be 16 bytes)"), "os_hash_value": (128, f"{HASH} (should be 64 bytes)")}


async def reachable(request: Request, urls: Iterable[str]) -> set[str]:
    """Those of the URLs that may be locations, and have bits now."""
    settings = request.cloud.config.image
    if not (settings.show_multiple_locations and settings.web_locations):
        return set()
    return {url for url in urls if await passes_filter(settings.import_filter, url) and await _has_bits(request, url)}


async def _has_bits(request: Request, url: str) -> bool:
    from monostack.services.image.web_download import fetching  # takes long to load

    try:
        async with fetching(request.cloud, url) as bits:
            async for block in bits:
                if block:
                    return True
    except StepError:
        return False
    return False


def change(request: Request, image: Image, operation: str, position: str, value: Any, good: Collection[str]) -> None:
    """Apply one operation on the locations of an image. `good`: the URLs that are `reachable`. Raises Forbidden, Conflict, BadRequest."""
    if operation == "replace" and not value:
        raise Forbidden(detail="Cannot set locations to empty list.")
    authorize(request, image, "delete_image_location" if operation == "remove" else "set_image_location")
    if not request.cloud.config.image.show_multiple_locations:
        raise Forbidden(f"It's not allowed to {_VERBS[operation]} locations if locations are invisible.")
    if image.status != "active" and (image.status != "queued" or operation == "remove"):
        raise Conflict(f"It's not allowed to {operation} locations if image status is {image.status}.")
    known = image.locations(request.cloud)
    if operation == "remove":
        _remove(known, position)
    else:
        given = value if operation == "replace" else [value]
        claims = _claims(image, given)
        said = [{"url": one["url"], "metadata": {**one["metadata"], "store": STORE}} for one in given]
        known = _replaced(known, said, good) if operation == "replace" else _added(known, said[0], position, good)
        if image.status == "queued":
            image.values.update(claims, status="active")
    if len(known) > MAX_LOCATIONS:
        raise TooLarge(
            f"The limit has been exceeded on the number of allowed image locations. Attempted: {len(known)}, Maximum: {MAX_LOCATIONS}"
        )
    image.values["locations"] = known


def _position(text: str, *, last: int) -> int | None:
    """What a part of a JSON pointer says of a list."""
    if text == "-":
        return last
    return int(text) if text.isdecimal() and len(text) < 10 else None


def _remove(known: list[dict[str, Any]], position: str) -> None:
    if len(known) == 1:
        raise Forbidden(detail="Cannot remove last location in the image.")
    at = _position(position, last=len(known) - 1)
    if at is None or at >= len(known):
        raise BadRequest("Invalid position for removing a location.")
    del known[at]


def _added(known: list[dict[str, Any]], new: dict[str, Any], position: str, good: Collection[str]) -> list[dict[str, Any]]:
    at = _position(position, last=len(known))
    if at is None:
        raise BadRequest("Invalid position for adding a location.")
    _check_reachable([new], good)
    if new in known:
        raise BadRequest(f"The location {new['url']} already exists")
    return [*known[:at], new, *known[at:]]


def _replaced(known: list[dict[str, Any]], new: list[dict[str, Any]], good: Collection[str]) -> list[dict[str, Any]]:
    """Of locations that there are only the metadata may be replaced."""
    if Counter(one["url"] for one in known) == Counter(one["url"] for one in new):
        return new
    if known:
        raise BadRequest(f"Original locations is not empty: {known}")
    _check_reachable(new, good)
    for index, one in enumerate(new):
        if one in new[:index]:
            raise BadRequest(f"The location {one['url']} already exists")
    return new


def _check_reachable(new: list[dict[str, Any]], good: Collection[str]) -> None:
    if not all(one["url"] in good for one in new):
        raise BadRequest("Invalid location")


def _claims(image: Image, given: list[dict[str, Any]]) -> dict[str, str]:
    """What the locations' validation data says of the bits and the image does not show yet. Raises Conflict where they differ."""
    said: dict[str, str] = {}
    for one in given:
        for name, value in one.get("validation_data", {}).items():
            if said.setdefault(name, value) != value:
                raise Conflict(f"Conflicting values for {name}")
    new: dict[str, str] = {}
    for name, value in said.items():
        current = image.values[name]
        if current and current != value:
            raise Conflict(f"{name} is already set with a different value")
        if not current:
            new[name] = value
    if new and image.status != "queued":
        raise Conflict(f"New value(s) for {', '.join(new)} may only be provided when image status is 'queued'")
    if new:
        _check_claims(new)
    return new


def _check_claims(claims: dict[str, str]) -> None:
    if claims["os_hash_algo"] != HASH:
        raise Conflict(f"os_hash_algo must be {HASH}, not {claims['os_hash_algo']}")
    for name in CLAIMS:
        if name not in claims or name not in _HEX_LENGTHS:
            continue
        try:
            length = len(bytearray.fromhex(claims[name])) * 2
        except ValueError:
            raise Conflict(f"{name} ({claims[name]}) is not a valid hexadecimal value") from None
        wanted, words = _HEX_LENGTHS[name]
        if length != wanted:
            raise Conflict(f"{name} ({claims[name]}) is not the correct size for {words}")
