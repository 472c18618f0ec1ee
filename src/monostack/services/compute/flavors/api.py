"""/flavors: the declaration, and the rules that are special."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from monostack.core import ids
from monostack.core.errors import BadRequest, Conflict, Fault, NotFound
from monostack.db import Flag, Id, Row, Transaction, table
from monostack.http import Request, answers
from monostack.resources import Field, Kind, ListQuery, Resource, Scopes, choice, json_value, time
from monostack.resources.fields import REQUIRED
from monostack.services.compute.answers import LINKS
from monostack.services.compute.flavors import numbers
from monostack.services.compute.links import next_page
from monostack.services.compute.paging import limit_and_marker
from monostack.services.compute.parameters import BOOLEAN, NAME, REGEX, SIZE, SIZE_OR_ZERO, TEXT, is_true, queries, query, strict_flag
from monostack.services.compute.style import LINKED

SORT_KEYS = {
    "created_at": "created_at", "description": "description", "disabled": "disabled", "ephemeral_gb": "ephemeral_gb", "flavorid": "id",
    "id": "id", "is_public": "is_public", "memory_mb": "memory_mb", "name": "name", "root_gb": "root_gb", "rxtx_factor": "rxtx_factor",
    "swap": "swap", "updated_at": "updated_at", "vcpu_weight": "id", "vcpus": "vcpus",
}  # fmt: skip
_SORT_KEY = {"type": "string", "enum": list(SORT_KEYS)}
_FILTERS = {
    "limit": {"type": ["integer", "string"], "pattern": "^[0-9]*$", "minimum": 0, "minLength": 1},
    "marker": TEXT,
    "is_public": TEXT,
    "minRam": TEXT,
    "minDisk": TEXT,
    "sort_key": _SORT_KEY,
    "sort_dir": choice("asc", "desc").schema,
}
_NEWER_SORT_KEY = {"type": "string", "enum": [key for key in SORT_KEYS if key != "rxtx_factor"]}
LIST_QUERY = [*queries(_FILTERS), ((2, 102), query({**_FILTERS, "name": REGEX, "sort_key": _NEWER_SORT_KEY}, strict=True))]

flavor_projects = table(
    "flavor_projects",
    sa.Column("flavor_id", sa.ForeignKey("flavors.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("project_id", Id(), primary_key=True),
)


def _shared_with_caller(t: sa.Table[Any]) -> Any:
    granted = sa.select(sa.literal(1)).where(
        flavor_projects.c.flavor_id == t.c.id, flavor_projects.c.project_id == sa.bindparam("caller_project")
    )
    return sa.or_(t.c.is_public, granted.correlate(t).exists())


def _scope(request: Request) -> str:
    return "all" if request.caller.is_admin else "granted"


def _versioned(tx: Transaction, request: Request, rows: Sequence[Row]) -> Sequence[Mapping[str, Any]]:
    """No swap was an empty text until 2.75."""
    none: Any = 0 if request.at_least(2, 75) else ""
    return [{"swap": row.swap or none} for row in rows]


def _size(schema: dict[str, Any]) -> Kind:
    return Kind(sa.Integer(), schema, int)


_ID = {"type": ["string", "number", "null"], "minLength": 1, "maxLength": 255, "pattern": "^(?! )[a-zA-Z0-9. _-]+(?<! )$"}
_FACTOR = {"type": ["number", "string"], "pattern": r"^[0-9]+(\.[0-9]+)?$", "exclusiveMinimum": 0, "maximum": 3.40282e38}
_DESCRIPTION = {"type": ["string", "null"], "format": "printable", "minLength": 0, "maxLength": 65535}

_INTEGER = {"type": "integer"}
# None was an empty text.
_SWAP = answers.changing(((2, 0), answers.either(_INTEGER, {"const": ""})), ((2, 75), _INTEGER))
_EXTRA = answers.mapping(answers.TEXT)
FLAVORS = Resource(
    "flavor", "flavors", LINKED, path="/v2.1/flavors",
    fields=(
        Field("id", Kind(sa.String(255), _ID), create=True, answer=answers.TEXT),
        Field("name", Kind(sa.String(255), NAME), REQUIRED, create=True, unique=True),
        Field("ram", _size(SIZE), REQUIRED, create=True, column="memory_mb"),
        Field("disk", _size(SIZE_OR_ZERO), REQUIRED, create=True, column="root_gb"),
        Field("swap", _size(SIZE_OR_ZERO), 0, create=True, answer=_SWAP),
        Field("OS-FLV-EXT-DATA:ephemeral", _size(SIZE_OR_ZERO), 0, create=True, column="ephemeral_gb"),
        Field("OS-FLV-DISABLED:disabled", Kind(Flag(), {"type": "boolean"}), False, column="disabled", until=(2, 101)),
        Field("vcpus", _size(SIZE), REQUIRED, create=True),
        Field("os-flavor-access:is_public", Kind(Flag(), BOOLEAN, answer=answers.FLAG), True, create=True, column="is_public"),
        Field("rxtx_factor", Kind(sa.Float(), _FACTOR), 1.0, create=True, show=float, until=(2, 101), answer=answers.NUMBER),
        Field("description", Kind(sa.Text(), _DESCRIPTION), create=True, update=True, nullable=True, since=(2, 55)),
        Field("extra_specs", json_value(_EXTRA), {}, since=(2, 61), view="os_compute_api:os-flavor-extra-specs:index"),
        Field("created_at", time(), view=False),
        Field("updated_at", time(), view=False),
    ),
    policy={action: f"os_compute_api:os-flavor-manage:{action}" for action in ("create", "update", "delete")},
    scopes=Scopes(_scope, {"all": None, "granted": _shared_with_caller}),
    expand=_versioned,
)  # fmt: skip

_t = FLAVORS.table.c
_IN_USE = sa.select(_t.id, _t.name).where(sa.or_(_t.id == sa.bindparam("the_id"), _t.name == sa.bindparam("the_name")))
_IS_PUBLIC = {True: _t.is_public, False: ~_t.is_public}
_OWN_OR_PUBLIC = _shared_with_caller(FLAVORS.table)
_PRIVATE = ~_t.is_public


@dataclass(frozen=True, slots=True)
class Flavor:
    """A flavor as servers carry it with them: what was true when they were made."""

    id: str
    name: str
    vcpus: int
    memory_mb: int
    root_gb: int
    ephemeral_gb: int
    swap: int
    disabled: bool
    extra_specs: Mapping[str, str]


def flavor_not_found(flavor_id: str) -> Fault:
    return NotFound(f"Flavor {flavor_id} could not be found.")


def find(tx: Transaction, request: Request, flavor_id: str) -> Flavor:
    """The flavor the caller may use. Raises NotFound."""
    row = FLAVORS.get(request, tx, flavor_id)
    return Flavor(row.id, row.name, row.vcpus, row.memory_mb, row.root_gb, row.ephemeral_gb, row.swap, row.disabled, row.extra_specs or {})


def snapshot(flavor: Flavor) -> dict[str, Any]:
    """What a server keeps of its flavor, as microversion 2.47 shows it, and its id."""
    return {
        "id": flavor.id, "original_name": flavor.name, "vcpus": flavor.vcpus, "ram": flavor.memory_mb, "disk": flavor.root_gb,
        "ephemeral": flavor.ephemeral_gb, "swap": flavor.swap, "extra_specs": dict(flavor.extra_specs),
    }  # fmt: skip


# --- list ----------------------------------------------------------------------------------------------------------------


def _number(request: Request, name: str) -> int | None:
    value = request.query_map.get(name)
    if value is None:
        return None
    try:
        return int(value)
    except ValueError:
        raise BadRequest(f"Invalid {name} filter [{value}]") from None


def _public_filter(request: Request) -> Any:
    """Which of the flavors: an administrator may ask for private ones, everybody else sees what is public or shared with them."""
    if not request.caller.is_admin:
        return None
    asked = request.query_map.get("is_public")
    if asked is None:
        return _OWN_OR_PUBLIC
    if asked.lower() == "none":
        return None
    try:
        return _OWN_OR_PUBLIC if strict_flag(asked) else _PRIVATE
    except ValueError:
        raise BadRequest(f"Invalid is_public filter [{asked}]") from None


def _rows(request: Request, tx: Transaction) -> tuple[Sequence[Row], int]:
    limit, marker = limit_and_marker(request)
    key, direction = request.query_map.get("sort_key") or "flavorid", request.query_map.get("sort_dir") or "asc"
    wanted = ListQuery(sorts=[(SORT_KEYS[key], direction)], limit=limit, marker=marker)
    for name, column in (("minRam", "memory_mb"), ("minDisk", "root_gb")):
        least = _number(request, name)
        if least is not None:
            wanted.filters[column, "ge"] = least
    if not request.caller.is_admin:
        wanted.filters["disabled", "eq"] = False
    if request.at_least(2, 102) and "name" in request.query_map:
        wanted.filters["name", "regex"] = request.query_map["name"]
    return FLAVORS.page(request, tx, wanted, _public_filter(request)), limit


def _listed(request: Request, tx: Transaction, collection: str, only: Sequence[str]) -> dict[str, Any]:
    rows, limit = _rows(request, tx)
    answer: dict[str, Any] = {"flavors": FLAVORS.views(request, tx, rows, only)}
    more = next_page(request, collection, rows, limit, rows[-1].id if rows else None)
    if more:
        answer["flavors_links"] = more
    return answer


def list_flavors(request: Request, tx: Transaction) -> Any:
    """List flavors: ids, names, and from 2.55 descriptions."""
    return _listed(request, tx, "flavors", ("id", "name", "links", "description"))


def list_flavors_detail(request: Request, tx: Transaction) -> Any:
    """List flavors with all that is known of them."""
    return _listed(request, tx, "flavors/detail", ())


# --- create --------------------------------------------------------------------------------------------------------------


def create_flavor(request: Request, tx: Transaction) -> Any:
    """Create a flavor."""
    FLAVORS.authorize(request, "create", {})
    values = FLAVORS.accept_create(request)
    values["id"] = str(values["id"]) if values.get("id") else ids.new_uuid()
    values["name"] = values["name"].strip()
    for name in ("ram", "disk", "swap", "OS-FLV-EXT-DATA:ephemeral", "vcpus"):
        values[name] = int(values[name])
    values["rxtx_factor"] = float(values["rxtx_factor"])
    if not 0 < values["rxtx_factor"] <= 3.40282e38:
        raise BadRequest("Invalid input received: 'rxtx_factor' argument must be a float between 0 and 3.40282e+38")
    values["os-flavor-access:is_public"] = is_true(values["os-flavor-access:is_public"])
    for row in tx.rows(_IN_USE, {"the_id": values["id"], "the_name": values["name"]}):
        if row.id == values["id"]:
            raise Conflict(f"Flavor with ID {values['id']} already exists.")
        raise Conflict(f"Flavor with name {values['name']} already exists.")
    row = FLAVORS.insert(tx, request, values)
    numbers.give(tx, row.id)
    return FLAVORS.render(request, tx, row)


def update_flavor(request: Request, tx: Transaction) -> Any:
    """Update a flavor's description."""
    FLAVORS.authorize(request, "update", {})
    row = FLAVORS.get(request, tx, request.params["id"])
    return FLAVORS.render(request, tx, FLAVORS.change(tx, request, row, FLAVORS.accept_update(request)))


def delete_flavor(request: Request, tx: Transaction) -> None:
    """Delete a flavor. Servers keep what it was."""
    FLAVORS.authorize(request, "delete", {})
    FLAVORS.remove(tx, request, FLAVORS.get(request, tx, request.params["id"]))


_UPDATE = {
    "type": "object",
    "properties": {
        "flavor": {
            "type": "object", "properties": {"description": _DESCRIPTION}, "required": ["description"], "additionalProperties": False
        }
    },
    "required": ["flavor"],
    "additionalProperties": False,
}  # fmt: skip
routes = FLAVORS.routes(only=("show", "create"), create=create_flavor)
_DESCRIBED = {"description": answers.since((2, 55), answers.maybe(answers.TEXT))}
_SUMMARY = answers.Record("FlavorSummary", {"id": answers.TEXT, "name": answers.TEXT, "links": LINKS, **_DESCRIBED})
_SUMMARIES = answers.Record("", {"flavors": answers.many(_SUMMARY), "flavors_links": answers.optional(LINKS)})
routes.add("GET", "", list_flavors, "read", query=LIST_QUERY, answer=_SUMMARIES)
routes.add("GET", "/detail", list_flavors_detail, "read", query=LIST_QUERY, answer=FLAVORS.answer_list)
routes.add("PUT", "/{id}", update_flavor, "write", policy=FLAVORS.policy["update"], since=(2, 55), body=_UPDATE,
           answer=FLAVORS.answer_one)  # fmt: skip
routes.add("DELETE", "/{id}", delete_flavor, "write", policy=FLAVORS.policy["delete"], status=202, answer=answers.NOTHING)
