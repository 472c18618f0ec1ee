"""Managing: the routes of volumes and of snapshots, and the lists of what a back end has that could be managed or is already."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from monostack.agentlink import CommandFailed, CommandTimeout, HostUnreachable
from monostack.core import ids
from monostack.core.errors import BadRequest
from monostack.db import Row, Transaction
from monostack.http import Request, Routes
from monostack.http.answers import FLAG, ID, INTEGER, NULL, TEXT, Record, envelope, many, mapping, maybe
from monostack.protocol.volumes import PoolRef, UnmanagedFile, UnmanagedFiles
from monostack.services.volume.hosts.serving import chosen, serving, unavailable
from monostack.services.volume.lists import page, sort_pairs
from monostack.services.volume.words import invalid_input

SINCE, CLUSTERS = (3, 8), (3, 17)
WITHIN = 60.0  # seconds: the host looks into each file
SORTS = ("reference", "size")
Managed = Callable[[Transaction, Row], Sequence[dict[str, Any]]]  # of a back end
_BRIEF = {"reference": mapping(TEXT), "size": INTEGER, "safe_to_manage": FLAG}
_MORE = {"reason_not_safe": maybe(TEXT), "cinder_id": maybe(ID), "extra_info": NULL}
_ORIGIN = {"source_reference": mapping(TEXT)}


def routes(kind: str, managed: Managed, manage: Callable[..., Any], **managing: Any) -> Routes:
    """To `manage` a `volume` or `snapshot`, which is declared further in `managing`, and to list what could be.

    Before /manageable_volumes (3.8) there was /os-volume-manage, and it still is.
    """

    async def list_brief(request: Request) -> dict[str, Any]:
        """List what could be managed of the files of a back end."""
        return await manageable(request, kind, managed, detail=False)

    async def list_detail(request: Request) -> dict[str, Any]:
        """List what could be managed of the files of a back end, with details."""
        return await manageable(request, kind, managed, detail=True)

    found, rules, (brief, detail) = Routes("/v3"), f"{kind}_extension", _answers(kind)
    listing: dict[str, Any] = {"policy": f"{rules}:list_manageable", "enforce": True}
    for path, since in ((f"/os-{kind}-manage", None), (f"/manageable_{kind}s", SINCE)):
        found.add("POST", path, manage, "write", since=since, status=202, policy=f"{rules}:{kind}_manage", **managing)
        found.add("GET", path, list_brief, "async", since=since, answer=brief, **listing)
        found.add("GET", f"{path}/detail", list_detail, "async", since=since, answer=detail, **listing)
    return found


def _answers(kind: str) -> tuple[Record, Record]:
    """What the brief and the detailed list answer."""
    origin = _ORIGIN if kind == "snapshot" else {}
    brief, full = (Record(f"Manageable{kind.title()}{n}", {**keys, **origin}) for n, keys in (("", _BRIEF), ("Detail", _BRIEF | _MORE)))
    return envelope(f"manageable-{kind}s", many(brief)), envelope(f"manageable-{kind}s", many(full))


def name(reference: str) -> dict[str, str]:
    """A file as callers name it."""
    return {"source-name": reference}


def managed(reference: str, size: int, id: str) -> dict[str, Any]:
    """What is a volume or a snapshot already."""
    taken = {"safe_to_manage": False, "reason_not_safe": "already managed", "cinder_id": id, "extra_info": None}
    return {"reference": name(reference), "size": size, **taken}


def _unmanaged(file: UnmanagedFile) -> dict[str, Any]:
    shown = {
        "reference": name(file.name), "size": file.size_gib, "safe_to_manage": file.unfit is None, "reason_not_safe": file.unfit,
        "cinder_id": None, "extra_info": None,
    }  # fmt: skip
    return shown | ({"source_reference": name(file.volume_name)} if file.volume_name else {})


async def manageable(request: Request, kind: str, rows: Managed, *, detail: bool) -> dict[str, Any]:
    """One page of the list. Raises NotFound, BadRequest."""
    query = request.query_map
    host = chosen(request, query, CLUSTERS)
    part, order = page(query), _order(query)
    row = await request.db.read(lambda tx: serving(request, tx, host))
    try:
        answer = await request.cloud.hosts.call(row.host, "volume.list_unmanaged", PoolRef(row.pool), id=ids.new_uuid(), timeout=WITHIN)
    except (CommandFailed, CommandTimeout, HostUnreachable):
        raise unavailable() from None
    stored = msgspec.convert(answer, UnmanagedFiles)
    items = [_unmanaged(file) for file in (stored.snapshots if kind == "snapshot" else stored.volumes)]
    items += await request.db.read(lambda tx: rows(tx, row))
    items.sort(key=functools.cmp_to_key(lambda left, right: _compare(left, right, order)))
    start = _after(items, part.marker) + (part.offset or 0)
    keys = _BRIEF if not detail else _BRIEF | _MORE
    shown = [{key: item[key] for key in item if key in keys or key in _ORIGIN} for item in items[start : start + (part.limit or 0)]]
    return {f"manageable-{kind}s": shown}


def _order(query: Mapping[str, str]) -> list[tuple[str, str]]:
    pairs = sort_pairs(query, "reference")
    wrong = [key for key, _ in pairs if key not in SORTS]
    if wrong:
        raise BadRequest(f"Invalid sort keys passed: {', '.join(wrong)}", kind="InvalidParameterValue")
    wrong = [direction for _, direction in pairs if direction not in ("asc", "desc")]
    if wrong:
        raise BadRequest(f"Invalid sort dirs passed: {', '.join(wrong)}", kind="InvalidParameterValue")
    return pairs


def _compare(left: dict[str, Any], right: dict[str, Any], order: Sequence[tuple[str, str]]) -> int:
    for key, direction in order:
        one, other = (item[key]["source-name"] if key == "reference" else item[key] for item in (left, right))
        if one != other:
            return -1 if (one < other) is (direction == "asc") else 1
    return 0


def _after(items: Sequence[dict[str, Any]], marker: str | None) -> int:
    """The place behind the marker, which is the JSON of a reference. Raises BadRequest."""
    if not marker:
        return 0
    try:
        reference: Any = msgspec.json.decode(marker)
    except msgspec.DecodeError:
        raise invalid_input(f"marker {marker} can not be analysed, please use json like format") from None
    for number, item in enumerate(items):
        if item["reference"] == reference:
            return number + 1
    raise invalid_input(f"marker not found: {reference}")
