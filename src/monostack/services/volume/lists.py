"""How Cinder's lists are asked for: pages, sorting, and the filters that depend on version and role.

A filter that Cinder does not know is removed, refused or makes the list empty, by version and role; see `read`.
"""

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import sqlalchemy as sa
from oslo_utils import timeutils

from monostack.core.errors import BadRequest
from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.http.answers import INTEGER, Record, Schema, since
from monostack.http.routing import Version
from monostack.resources import ListQuery, Resource
from monostack.resources.fields import FALSE, TRUE
from monostack.services.volume.links import MAX_LIMIT, linked, next_links
from monostack.services.volume.parameters import MAX_INT, query_flag
from monostack.services.volume.words import invalid_input

_encode = msgspec.json.Encoder().encode
STRICT = (3, 31)  # from here on a filter that is not enabled is refused
LIKE = (3, 34)
COUNT = (3, 45)
PAGING = {"limit", "marker", "offset", "sort", "sort_key", "sort_dir"}
TIMES = {"gt": "gt", "gte": "ge", "eq": "eq", "neq": "ne", "lt": "lt", "lte": "le"}
RENAMED = {"name~": "display_name~", "description~": "display_description~", "consumes_quota": "use_quota"}


@dataclass(frozen=True, slots=True)
class Tenants:
    """How a list understands `all_tenants`, or that it is not given (None).

    asks: does it ask for the things of every project? Only administrators may. Raises BadRequest.
    forgiving: it may also ask for nothing; otherwise it is then a filter that nothing matches.
    """

    asks: Callable[[str | None], bool] = lambda text: False
    forgiving: bool = False


def _literal_flag(text: str | None) -> bool:
    value = value_of(text) if text is not None else False
    return query_flag({"all_tenants": str(value)}, "all_tenants")


def _boolean(text: str | None) -> bool:
    if text is not None and text.lower() not in TRUE | FALSE:
        raise BadRequest(f"all_tenants must be a boolean, got '{text}'.", kind="InvalidParameterValue")
    return text is not None and text.lower() in TRUE


UNKNOWN = Tenants()
LITERAL = Tenants(_literal_flag)
BOOLEAN = Tenants(_boolean, forgiving=True)
WORD = Tenants(lambda text: text is not None and text.strip().lower() in TRUE, forgiving=True)
PRESENT = Tenants(lambda text: text is not None)  # whatever it says


@dataclass(frozen=True, slots=True)
class Listing:
    """What a list may be filtered and sorted by.

    columns: Cinder's attribute -> our column; None is one that is empty with every row here. pairs: filters that are a mapping of
    items; special: those that are no comparison with a column; each with its condition. open: the filters of those who are not
    administrators; legacy: before they were configurable, None is any; since: the version from which a filter counts. literal: values are
    Python literals (`'a'` is a); keep: the filters of which they are not. counted: it can be asked for how many there are.
    """

    columns: Mapping[str, str | None]
    open: Sequence[str]
    legacy: Sequence[str] | None = None
    tenants: Tenants = UNKNOWN
    counted: bool = False
    pairs: Mapping[str, str] = field(default_factory=dict[str, str])
    special: Mapping[str, str] = field(default_factory=dict[str, str])
    since: Mapping[str, Version] = field(default_factory=dict[str, Version])
    literal: bool = False
    keep: Sequence[str] = ("display_name",)
    times: Sequence[str] = ()
    strict_flags: Version | None = None  # a word that is neither true nor false is refused from here on
    strict: Version = STRICT
    name_sorts: Version = (0, 0)  # `name` is a sort key from here on
    unsorted: Sequence[str] = ()  # filters that are no sort keys


def whole_number(params: Mapping[str, str], name: str, default: int) -> int:
    text = params.get(name)
    if text is None:
        return default
    try:
        value = int(text)
    except ValueError:
        raise BadRequest(f"{name} param must be an integer") from None
    if value < 0:
        raise BadRequest(f"{name} param must be positive")
    return value


def offset(params: Mapping[str, str]) -> int:
    text = params.get("offset", "0")
    try:
        value = int(text)
    except ValueError:
        raise BadRequest("offset must be an integer") from None
    if not 0 <= value <= MAX_INT:
        raise BadRequest("offset must be >= 0" if value < 0 else f"offset must be <= {MAX_INT}")
    return value


def page(params: Mapping[str, str]) -> ListQuery:
    """The part of the list that is asked for."""
    limit = min(whole_number(params, "limit", MAX_LIMIT), MAX_LIMIT)
    return ListQuery(limit=limit, offset=offset(params), marker=params.get("marker"))


def sort_pairs(params: Mapping[str, str], default: str) -> list[tuple[str, str]]:
    """`sort=name:asc,size`, or the older sort_key and sort_dir, as pairs of key and direction. Raises BadRequest."""
    if "sort" in params:
        if "sort_key" in params or "sort_dir" in params:
            raise BadRequest("The 'sort_key' and 'sort_dir' parameters are deprecated and cannot be used with the 'sort' parameter.")
        parts = [part.partition(":") for part in params["sort"].strip().split(",")]
        return [(key.strip(), direction.strip() or "desc") for key, _, direction in parts]
    return [(params.get("sort_key", default).strip(), params.get("sort_dir", "desc").strip())]


def sorts(params: Mapping[str, str], columns: Mapping[str, str | None]) -> list[tuple[str, str]]:
    """What to sort by; then by time and id in the direction of the first key."""
    pairs = sort_pairs(params, "created_at")
    if any(direction not in ("asc", "desc") for _, direction in pairs):
        raise invalid_input("Unknown sort direction, must be 'desc' or 'asc'.")
    named = {key for key, _ in pairs}
    pairs += [(key, pairs[0][1]) for key in ("created_at", "id") if key not in named]
    if any(key not in columns for key, _ in pairs):
        raise invalid_input("Invalid sort key")
    found = {}
    for key, direction in pairs:
        column = columns[key]
        if column is not None:
            found.setdefault(column, direction)
    return list(found.items())


def is_admin(request: Request) -> bool:
    return request.allows("context_is_admin")


def all_tenants(request: Request, tenants: Tenants) -> bool:
    """An administrator who asks for every project's. Raises BadRequest."""
    return is_admin(request) and tenants.asks(request.query_map.get("all_tenants"))


def public_filter(request: Request) -> bool | None:
    """Which types an administrator asks for with is_public: public ones, private ones, or with `none` all. Raises BadRequest."""
    text = request.query_map.get("is_public")
    if text is None or not is_admin(request):
        return True
    if text.lower() == "none":
        return None
    if text.strip().lower() not in TRUE | FALSE:
        raise BadRequest(f"Invalid is_public filter [{text}]")
    return text.strip().lower() in TRUE


def read(request: Request, resource: Resource, listing: Listing, skip: Sequence[str] = ()) -> ListQuery:
    """The whole query but for the filters in `skip`, which may be used and which the caller reads. Raises BadRequest."""
    params = request.query_map
    query = page(params)
    named = "display_name" in listing.columns
    sortable = {"name": listing.columns["display_name"]} if named and request.at_least(*listing.name_sorts) else {}
    columns = {**listing.columns, **sortable}
    query.sorts = sorts(params, {name: column for name, column in columns.items() if name not in listing.unsorted})
    given = {name: value for name, value in params.items() if name not in PAGING}
    if listing.counted and request.at_least(*COUNT):
        given.pop("with_count", None)
    given = enabled(request, listing, given)
    everyones = all_tenants(request, listing.tenants)
    if given.pop("all_tenants", None) is not None and not (everyones or listing.tenants.forgiving):
        nothing(resource, query)
    if not everyones and listing.tenants is not UNKNOWN:
        given.pop("project_id", None)
    if "name" in given and named:
        given["display_name"] = given.pop("name")
    for name, value in given.items():
        if name not in skip:
            _filter(request, resource, listing, query, name, value)
    return query


def enabled(request: Request, listing: Listing, given: dict[str, str]) -> dict[str, str]:
    """The filters that count: before 3.31 the others are overlooked, since then they are refused; administrators may use any."""
    if not request.at_least(*listing.strict):
        kept = {name: value for name, value in given.items() if name not in listing.since or request.at_least(*listing.since[name])}
        if listing.legacy is None or is_admin(request):
            return kept
        return {name: value for name, value in kept.items() if name in listing.legacy}
    if any(not name.isascii() for name in given):
        raise BadRequest("Filter keys can only contain ASCII characters.")
    if not is_admin(request):
        like = request.at_least(*LIKE)
        wrong = [name for name in given if name not in listing.open and not (like and f"{name}~" in listing.open) and name != "all_tenants"]
        if wrong:
            raise BadRequest(f"Invalid filters {','.join(wrong)} are found in query options.")
        given = {name: value for name, value in given.items() if name != "all_tenants"}
    return {RENAMED.get(name, name): value for name, value in given.items()}


def nothing(resource: Resource, query: ListQuery) -> None:
    """No row can be what is asked for."""
    query.filters[resource.key, "in"] = []


def value_of(text: str) -> Any:
    """A Python literal, or else the text itself."""
    try:
        return ast.literal_eval(text) if len(text) <= 4096 else text
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return text


def _filter(request: Request, resource: Resource, listing: Listing, query: ListQuery, name: str, text: str) -> None:
    if name in listing.times:
        _times(query, listing.columns[name], name, text)
        return
    if name in listing.pairs:
        _pairs(resource, query, listing.pairs[name], value_of(text))
        return
    if name in listing.special:
        query.filters[listing.special[name], "eq"] = text
        return
    like = name.endswith("~")
    column = listing.columns.get(name.rstrip("~"), "")
    if column == "":
        nothing(resource, query)
    elif like and column is not None:
        query.filters[column, "icontains"] = text
    elif column is not None and isinstance(resource.table.c[column].type, sa.Boolean):
        _flag(request, resource, listing, query, name, column, text)
    else:
        value = value_of(text) if listing.literal and name not in listing.keep else text
        _equal(resource, query, column, value)


def _equal(resource: Resource, query: ListQuery, column: str | None, value: Any) -> None:
    """A column with a value, or one of several. A value the column cannot have finds nothing."""
    if column is None:
        if value is not None:
            nothing(resource, query)
    elif value is None:
        query.filters[column, "isnull"] = None
    else:
        several = isinstance(value, list | tuple | set)
        wanted = [fitting(resource.table.c[column], one) for one in (value if several else [value])]
        wanted = [one for one in wanted if one is not None]
        if not wanted:
            nothing(resource, query)
        elif several:
            query.filters[column, "in"] = wanted
        else:
            query.filters[column, "eq"] = wanted[0]


def fitting(column: sa.Column[Any], value: Any) -> Any:
    """A value as the column keeps it; None if it cannot."""
    if isinstance(column.type, sa.Integer):
        try:
            number = int(value)
        except (TypeError, ValueError):
            return None
        return number if abs(number) <= MAX_INT else None
    return str(value) if isinstance(value, str | int | float) else None


def _flag(request: Request, resource: Resource, listing: Listing, query: ListQuery, name: str, column: str, text: str) -> None:
    word = text.strip().lower()
    if name == "use_quota" and word not in TRUE | FALSE:
        raise BadRequest(f"Value '{text}' for '{name}' is not a boolean.", kind="InvalidParameterValue")
    if listing.strict_flags and request.at_least(*listing.strict_flags):
        if word not in TRUE | FALSE:
            raise invalid_input(f"'{name} = {text}'")
        query.filters[column, "eq"] = word in TRUE
    else:
        query.filters[column, "eq"] = word != "false" if listing.strict_flags else word in TRUE


def _times(query: ListQuery, column: str | None, name: str, text: str) -> None:
    """`created_at=gt:2026-01-01T00:00:00,lt:2026-02-01T00:00:00`."""
    for unit in text.split(","):
        operator, _, moment = unit.partition(":")
        if operator not in TIMES:
            raise BadRequest(f"Invalid {operator} operator")
        try:
            parsed = timeutils.normalize_time(timeutils.parse_isotime(moment))
        except ValueError:
            raise BadRequest(f"Invalid {moment} value") from None
        query.filters[column or name, TIMES[operator]] = parsed


def _pairs(resource: Resource, query: ListQuery, condition: str, value: Any) -> None:
    """Rows whose items have all of these; each is a condition of its own."""
    if not isinstance(value, dict):
        nothing(resource, query)
        return
    for number, (key, wanted) in enumerate(value.items()):
        query.filters[condition, str(number)] = f"{_encode(str(key)).decode()}:{_encode(str(wanted)).decode()}"


def has_item(*columns: str) -> Callable[[sa.Table, str, str], Any]:
    """The condition of `pairs`: one of these mappings has the item. As text of JSON, where nothing but an item reads like an item."""

    def condition(table: sa.Table, operator: str, parameter: str) -> Any:
        texts = [sa.type_coerce(table.c[name], sa.Text()) for name in columns]
        item = sa.bindparam(parameter, type_=sa.Text())
        return sa.or_(*(sa.func.replace(text, item, "") != text for text in texts))

    return condition


def counted(plural: str, schema: Schema) -> Record:
    """A page of a list, with the link to the next one, and how many there are where that was asked for."""
    return linked(plural, schema).with_keys("", {"count": since(COUNT, INTEGER, optional=True)})


Brief = Callable[[Request, Transaction, Sequence[Row]], list[dict[str, Any]]]


def counted_page(request: Request, tx: Transaction, resource: Resource, listing: Listing, brief: Brief | None) -> dict[str, Any]:
    """A page as `counted` declares it: of what `brief` says of each row, or else (`/detail`) of all of it."""
    query = read(request, resource, listing)
    rows = resource.page(request, tx, query)
    answer: dict[str, Any] = {resource.plural: (brief or resource.views)(request, tx, rows)}
    total = None
    if request.at_least(*COUNT) and query_flag(request.query_map, "with_count"):
        total = answer["count"] = resource.count(request, tx, query)
    following = next_links(request, resource.plural if brief else f"{resource.plural}/detail", rows, total)
    return answer | ({f"{resource.plural}_links": following} if following else {})
