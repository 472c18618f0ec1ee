"""PATCH /v2/images/{id}: JSON patches in the two dialects of Glance, applied to an image.

Media type v2.1 takes RFC 6902 operations ({"op", "path", "value"}); v2.0 an older draft ({"add": path, "value"}), where adding what is
there already is a conflict.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monostack.core import clock
from monostack.core.errors import BadRequest, Conflict, Forbidden, UnsupportedMediaType
from monostack.db import Transaction
from monostack.events import record
from monostack.http import Request, Routes
from monostack.services.image import uploading, writing
from monostack.services.image.images import locations, rules, table
from monostack.services.image.images.image import ANSWER, Image, authorize, complete, find
from monostack.services.image.policy import is_admin
from monostack.services.image.schemas import body_of, check_image
from monostack.services.image.store import Content

routes = Routes("/v2/images/{image_id}")
MEDIA_TYPES = {"application/openstack-images-v2.0-json-patch": 4, "application/openstack-images-v2.1-json-patch": 10}  # and the draft
_OPERATIONS = ("add", "remove", "replace")
_READ_ONLY = (
    "created_at", "updated_at", "status", "checksum", "size", "virtual_size", "direct_url", "self", "file", "schema", "id",
    "os_hash_algo", "os_hash_value",
)  # fmt: skip
_EDITABLE = (*table.SETTABLE, "tags")


@dataclass(frozen=True, slots=True)
class Change:
    operation: str
    name: str
    value: Any
    draft: int
    position: str  # where in the list, of locations


# --- reading ---------------------------------------------------------------------------------------------------------


def parse(request: Request) -> list[Change]:
    """The changes a request asks for. Raises UnsupportedMediaType, BadRequest or Forbidden before anything is looked up."""
    draft = MEDIA_TYPES.get(request.headers.get("content-type", "").partition(";")[0].strip().lower())
    if draft is None:
        allowed = ", ".join(sorted(MEDIA_TYPES))
        raise UnsupportedMediaType(detail=f"Image PATCH expects Content-Type one of: {allowed}", headers={"accept-patch": allowed})
    body = body_of(request)
    if not isinstance(body, list):
        raise BadRequest("Request body must be a JSON array of operation objects.")
    return [_change(raw, draft) for raw in body]


def _change(raw: Any, draft: int) -> Change:
    if not isinstance(raw, dict):
        raise BadRequest("Operations must be JSON objects.")
    operation, pointer = _operation_10(raw) if draft == 10 else _operation_4(raw)
    if not isinstance(pointer, str):
        raise BadRequest(f'Pointer `{pointer}` does not start with "/".')
    path = _decode(pointer)
    depth = {"add": 2, "remove": 2, "replace": 1}[operation] if path[0] == "locations" else 1
    if len(path) != depth:
        raise BadRequest(f"Invalid JSON pointer for this resource: '/{'/'.join(path)}'")
    if operation != "remove" and "value" not in raw:
        raise BadRequest(f'Operation "{operation}" requires a member named "value".')
    change = Change(operation, path[0], raw.get("value"), draft, path[-1])
    _check(change, depth)
    return change


def _operation_10(raw: Mapping[str, Any]) -> tuple[str, Any]:
    operation, known = raw.get("op"), ", ".join(_OPERATIONS)
    if operation is None:
        raise BadRequest(f"Unable to find `op` in JSON Schema change. It must be one of the following: {known}.")
    if operation not in _OPERATIONS:
        raise BadRequest(f"Invalid operation: `{operation}`. It must be one of the following: {known}.")
    if "path" not in raw:
        raise BadRequest("Unable to find 'path' in JSON Schema change")
    return operation, raw["path"]


def _operation_4(raw: Mapping[str, Any]) -> tuple[str, Any]:
    named = [operation for operation in _OPERATIONS if operation in raw]
    if len(named) > 1:
        raise BadRequest('Operation objects must contain only one member named "add", "remove", or "replace".')
    if not named:
        raise BadRequest('Operation objects must contain exactly one member named "add", "remove", or "replace".')
    return named[0], raw[named[0]]


def _decode(pointer: str) -> list[str]:
    """The parts of a JSON pointer; of its forms only those that can name an attribute."""
    if not pointer.startswith("/"):
        raise BadRequest(f'Pointer `{pointer}` does not start with "/".')
    if re.search(r"/\s*?/", pointer[1:]):
        raise BadRequest(f'Pointer `{pointer}` contains adjacent "/".')
    if len(pointer) > 1 and pointer.endswith("/"):
        raise BadRequest(f'Pointer `{pointer}` end with "/".')
    if pointer[1:].strip() == "/":
        raise BadRequest(f"Pointer `{pointer}` does not contains valid token.")
    if re.search("~[^01]", pointer) or pointer.endswith("~"):
        raise BadRequest(f'Pointer `{pointer}` contains "~" not part of a recognized escape sequence.')
    return [part.replace("~1", "/").replace("~0", "~").strip() for part in pointer.lstrip("/").split("/")]


def _check(change: Change, depth: int) -> None:
    name = change.name
    if name in _READ_ONLY or (name == "stores" and change.operation == "add"):
        raise Forbidden(f"Attribute '{name}' is read-only.")
    if name in rules.RESERVED or name.startswith(rules.RESERVED_PREFIX):
        raise Forbidden(f"Attribute '{name}' is reserved.")
    if change.operation == "remove":
        return
    if len(name) > rules.MAX_NAME:
        raise BadRequest("Custom property should not be greater than 255 characters.")
    check_image({name: change.value if depth == 1 else [change.value]})


# --- applying --------------------------------------------------------------------------------------------------------


def _apply(request: Request, image: Image, change: Change, good: Collection[str]) -> None:
    if change.name == "locations":
        locations.change(request, image, change.operation, change.position, change.value, good)
        return
    if change.name == "owner" and change.operation != "remove" and not is_admin(request):
        raise Forbidden(detail="Owner can't be updated by non admin.")
    if change.name == "visibility":
        rules.check_visibility(request, change.value, image.target(request))
    authorize(request, image, "modify_image")
    if change.operation == "remove":
        _remove(image, change.name)
    elif change.name in _EDITABLE:
        if change.operation == "add" and change.draft == 4:
            raise Conflict(detail=f"Property {change.name} already present.")
        _set(image, change.name, change.value)
    elif change.operation == "replace" and change.name not in image.properties:
        raise Conflict(detail=f"Property {change.name} does not exist.")
    elif change.operation == "add" and change.draft == 4 and change.name in image.properties:
        raise Conflict(detail=f"Property {change.name} already present.")
    else:
        image.properties[change.name] = change.value


def _remove(image: Image, name: str) -> None:
    if name in _EDITABLE:
        raise Forbidden(detail=f"Property {name} may not be removed.")
    if image.properties.pop(name, None) is None:
        raise Conflict(detail=f"Property {name} does not exist.")


def _set(image: Image, name: str, value: Any) -> None:
    if name == "tags":
        rules.check_tags(set(value))
        image.tags = list(dict.fromkeys(value))
        return
    if name in ("disk_format", "container_format") and image.status not in ("queued", "importing"):
        raise Forbidden(f"Attribute {name} can be only replaced for a queued image.")
    image.values[name] = value


def _changed(request: Request, before: Image, changes: Sequence[Change], good: Collection[str]) -> Image:
    """The image after the changes. `good`: the URLs that may be locations."""
    after = Image(dict(before.values), dict(before.properties), list(before.tags))
    for change in changes:
        _apply(request, after, change, good)
    return after


# --- saving ----------------------------------------------------------------------------------------------------------


def save(tx: Transaction, request: Request, before: Image, after: Image) -> None:
    """Write what differs. Raises TooLarge for too many properties, BadRequest for values out of range."""
    rules.check_minimums(after.values)
    if set(after.properties) - set(before.properties):
        rules.check_counts(after.properties, after.tags)
    now = clock.now().replace(microsecond=0).isoformat(timespec="microseconds")
    after.values["updated_at"] = now
    tx.execute(table.SAVE, {"the_id": after.id, "the_time": now, **{f"v_{name}": after.values[name] for name in table.SAVED}})
    changed = {name for name in table.SAVED if before.values[name] != after.values[name]}
    changed |= write_properties(tx, after.id, before.properties, after.properties)
    changed |= write_tags(tx, after.id, before.tags, after.tags)
    record(tx, request, "image.update", after.id, after.values["owner"], {"changed": sorted(changed)})


def write_properties(tx: Transaction, image_id: str, before: Mapping[str, str], after: Mapping[str, str]) -> set[str]:
    """Make the stored properties those of `after`. Returns the names that changed."""
    changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    stale = sorted(name for name in changed if name in before)
    if stale:
        tx.execute(table.REMOVE_PROPERTIES, {"the_id": image_id, "names": stale})
    new = [{"image_id": image_id, "name": name, "value": after[name]} for name in sorted(changed) if name in after]
    if new:
        tx.execute(table.ADD_PROPERTIES, new)
    return changed


def write_tags(tx: Transaction, image_id: str, before: list[str], after: list[str]) -> set[str]:
    """Make the stored tags those of `after`. Returns {"tags"} if that changed anything."""
    gone, new = sorted(set(before) - set(after)), sorted(set(after) - set(before))
    if gone:
        tx.execute(table.REMOVE_TAGS, {"the_id": image_id, "values": gone})
    if new:
        tx.execute(table.ADD_TAGS, [{"image_id": image_id, "value": tag} for tag in new])
    return {"tags"} if gone or new else set()


@routes.patch("", mode="async", policy="modify_image", answer=ANSWER)
async def update_image(request: Request) -> dict[str, Any]:
    """Update an image."""
    changes = parse(request)
    said = [change.value for change in changes if change.name == "locations" and change.operation != "remove"]
    urls = [one["url"] for value in said for one in (value if isinstance(value, list) else [value])]
    good = await locations.reachable(request, urls)
    image, ready = await request.db.write(lambda tx: _update(tx, request, changes, good))
    if not ready:
        image = await _fetch_bits(request, changes, good, image.values["locations"][0]["url"])
    return image.view(request.cloud)


def _update(tx: Transaction, request: Request, changes: Sequence[Change], good: Collection[str]) -> tuple[Image, bool]:
    """The image as it is then. False, with nothing saved: it has to get its bits first."""
    before = find(tx, request, request.params["image_id"])
    after = _changed(request, before, changes, good)
    if after.status != before.status:
        return after, False
    if changes:
        save(tx, request, before, after)
    return after, True


async def _fetch_bits(request: Request, changes: Sequence[Change], good: Collection[str], url: str) -> Image:
    """Change an image that waits for its bits and gets them with its first location. The changes are saved with them, or not at all."""
    image_id = request.params["image_id"]
    saved: list[Image] = []

    def begin(tx: Transaction) -> tuple[Image, str]:
        before = find(tx, request, image_id)
        after = _changed(request, before, changes, good)
        after.values["status"] = before.status
        return after, writing.take(tx, after, "saving")

    def commit(tx: Transaction, token: str, content: Content) -> bool:
        image = complete(tx, tx.rows(table.GET[True], {"the_id": image_id}))
        if not image or not writing.finish(tx, request, image[0], token, content):
            return False
        before = find(tx, request, image_id)
        before.values.update(dict.fromkeys(writing.CLAIMS), status="queued")
        after = _changed(request, before, changes, good)
        save(tx, request, before, after)
        writing.claim(tx, image_id, after.values)
        saved.append(after)
        return True

    await uploading.take_from(request.cloud, begin, url, commit)
    return saved[-1]
