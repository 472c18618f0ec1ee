"""The query string of a list call: what Glance lets one filter and sort by, and how it refuses the rest."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from oslo_utils import timeutils

from monostack.core.errors import BadRequest
from monostack.resources.query import ListQuery

SORT_KEYS = ("name", "status", "container_format", "disk_format", "size", "id", "created_at", "updated_at")
VISIBILITIES = ("community", "public", "private", "shared", "all")
MEMBER_STATUSES = ("pending", "accepted", "rejected", "all")
DEFAULT_LIMIT, MAX_LIMIT = 25, 1000
_TEXTS = ("owner", "checksum", "os_hash_algo", "os_hash_value")
_LISTS = ("name", "id", "status", "container_format", "disk_format")  # a value, or in:value,value
_NUMBERS = {"size": 2**63 - 1, "virtual_size": 2**63 - 1, "min_ram": 2**31 - 1, "min_disk": 2**31 - 1}  # and their largest values
_COMPARISONS = {"gt": "gt", "gte": "ge", "lt": "lt", "lte": "le", "neq": "ne", "eq": "eq"}
_QUOTED = re.compile(r'"([^"\\]*(?:\\.[^"\\]*)*)",?|([^,]+),?|,')


@dataclass(slots=True)
class Wanted:
    """What a list call asks for: the query over columns, and what needs other tables."""

    query: ListQuery
    visibility: str | None = None
    member_status: str = "accepted"
    tags: list[str] = field(default_factory=list[str])
    properties: dict[str, str] = field(default_factory=dict[str, str])


def parse(pairs: Sequence[tuple[str, str]]) -> Wanted:
    """Read the pairs of a query string. Raises BadRequest in Glance's words."""
    given = dict(pairs)
    limit, marker = given.pop("limit", None), given.pop("marker", None)
    member_status = given.pop("member_status", "accepted")
    tags = [value.strip() for name, value in pairs if name == "tag"]
    given.pop("tag", None)
    visibility = given.pop("visibility", None) or None
    if visibility is not None and visibility not in VISIBILITIES:
        raise BadRequest(f"Invalid visibility value: {visibility}")
    if given.pop("changes-since", None):
        raise BadRequest('The "changes-since" filter is no longer available on v2.')
    if member_status not in MEMBER_STATUSES:
        raise BadRequest(f"Invalid status: {member_status}")
    number = _limit(limit)
    sorts = _sorts(pairs)
    for name in ("sort", "sort_key", "sort_dir"):
        given.pop(name, None)
    query = ListQuery(sorts=sorts, limit=number, marker=marker)
    wanted = Wanted(query, visibility, member_status, tags)
    query.filters["os_hidden", "eq"] = _flag("os_hidden", given.pop("os_hidden", "false").lower())
    if "protected" in given:
        query.filters["protected", "eq"] = _flag("protected", given.pop("protected"))
    for name, value in given.items():
        _add(wanted, name, value)
    return wanted


def _limit(text: str | None) -> int:
    try:
        number = DEFAULT_LIMIT if text is None else int(text)
    except ValueError:
        raise BadRequest("limit param must be an integer") from None
    if number < 0:
        raise BadRequest("limit param must be positive")
    return min(number, MAX_LIMIT)


def _flag(name: str, text: str) -> bool:
    if text not in ("true", "false"):
        raise BadRequest(f"Invalid value '{text}' for '{name}' filter. Valid values are 'true' or 'false'.")
    return text == "true"


def _sorts(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """`sort=name:asc,size` or sort_key and sort_dir, each repeated; always ending with created_at and id, so that pages never overlap."""
    keys, directions, combined = ([value for key, value in pairs if key == name] for name in ("sort_key", "sort_dir", "sort"))
    if combined:
        if keys or directions:
            raise BadRequest("Old and new sorting syntax cannot be combined")
        named = [part.partition(":") for part in combined[0].strip().split(",")]
        keys, directions = [name for name, _, _ in named], [direction or "desc" for _, _, direction in named]
    keys, directions = [key.strip() for key in keys], [direction.strip() for direction in directions]
    for key in keys:
        if key not in SORT_KEYS:
            raise BadRequest(f"Invalid sort key: {key}. It must be one of the following: {', '.join(SORT_KEYS)}.")
    for direction in directions:
        if direction not in ("asc", "desc"):
            raise BadRequest(f"Invalid sort direction: {direction}")
    if len(directions) > 1 and len(directions) != len(keys):
        raise BadRequest("Number of sort dirs does not match the number of sort keys")
    keys, directions = keys or ["created_at"], directions or ["desc"]
    last = directions[0] if len(directions) == 1 else "desc"
    if len(directions) == 1:
        directions = directions * len(keys)
    sorts = dict(zip(keys, directions, strict=True))
    for key in ("created_at", "id"):
        sorts.setdefault(key, last)
    return list(sorts.items())


def _add(wanted: Wanted, name: str, value: str) -> None:
    filters = wanted.query.filters
    if name[-4:] in ("_min", "_max") and name[:-4] in _NUMBERS:
        filters[name[:-4], "ge" if name.endswith("_min") else "le"] = _number(name[:-4], value)
    elif name in _NUMBERS:
        filters[name, "eq"] = _number(name, value)
    elif name in ("created_at", "updated_at"):
        comparison, moment = _moment(name, value)
        filters[name, comparison] = moment
    elif name in _LISTS:
        operator, _, rest = value.partition(":") if ":" in value else ("eq", "", value)
        if operator not in ("in", "eq"):
            raise BadRequest(f"Unable to filter by unknown operator '{operator}'.")
        filters[name, operator] = _values(rest) if operator == "in" else rest
    elif name in _TEXTS:
        filters[name, "eq"] = value
    else:
        wanted.properties[name] = value


def _number(name: str, text: str) -> int:
    try:
        return max(-_NUMBERS[name], min(int(text), _NUMBERS[name]))
    except ValueError:
        raise BadRequest("Unable to filter on a range with a non-numeric value.") from None


def _parse_time(text: str) -> datetime | None:
    try:
        return timeutils.normalize_time(timeutils.parse_isotime(text))
    except ValueError:
        return None


def _moment(name: str, text: str) -> tuple[str, datetime]:
    """`gte:2026-11-22T04:59:45Z`; without an operator it is equality. Times have seconds, as they are shown."""
    operator, moment = "eq", _parse_time(text)
    if moment is None:
        operator, _, rest = text.partition(":")
        moment = _parse_time(rest)
    if moment is None:
        raise BadRequest(f'Bad "{name}" query filter format. Use ISO 8601 DateTime notation.')
    if operator not in _COMPARISONS:
        raise BadRequest("Unable to filter on a unknown operator.")
    return _COMPARISONS[operator], moment


def _values(text: str) -> list[str]:
    """`a,"b,c",d`: commas inside quotation marks belong to the value."""
    opening = True
    for index, character in enumerate(text):
        if character != '"' or (index and text[index - 1] == "\\"):
            continue
        if opening and index and text[index - 1] != ",":
            raise BadRequest(f"Invalid filter value {text}. There is no comma before opening quotation mark.")
        if not opening and index + 1 != len(text) and text[index + 1] != ",":
            raise BadRequest(f"Invalid filter value {text}. There is no comma after closing quotation mark.")
        opening = not opening
    if not opening:
        raise BadRequest(f"Invalid filter value {text}. The quote is not closed.")
    return [quoted or plain for quoted, plain in _QUOTED.findall(text)]
