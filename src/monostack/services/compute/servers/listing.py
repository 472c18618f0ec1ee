"""GET /servers and /servers/detail: which servers, in which order, from where on."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec
import re2
import sqlalchemy as sa

from monostack.core.errors import BadRequest, Forbidden
from monostack.db import Select, Transaction
from monostack.http import Request, Routes
from monostack.resources import ListQuery
from monostack.resources import query as list_queries
from monostack.services.compute.links import linker, next_page
from monostack.services.compute.paging import limit_and_marker
from monostack.services.compute.parameters import NON_NEGATIVE, REGEX, TEXT, end_of_second, is_true, parse_time, query, strict_flag
from monostack.services.compute.servers import answers
from monostack.services.compute.servers.addresses import addresses_of
from monostack.services.compute.servers.states import DELETED, SOFT_DELETED, states_of
from monostack.services.compute.servers.table import servers
from monostack.services.compute.servers.view import LISTED, I, page_for, render, shape_of

_IGNORED = (
    "architecture", "cell_name", "cleaned", "default_ephemeral_device", "default_swap_device", "deleted", "deleted_at", "disable_terminate",
    "ephemeral_gb", "ephemeral_key_uuid", "id", "key_data", "launched_on", "locked", "memory_mb", "os_type", "reservation_id", "root_gb",
    "shutdown_terminate", "user_data", "vcpus", "vm_mode",
)  # fmt: skip
_SORT_KEYS: dict[str, str | None] = {
    "access_ip_v4": "access_ip_v4", "access_ip_v6": "access_ip_v6", "auto_disk_config": "disk_config",
    "availability_zone": "availability_zone", "config_drive": "config_drive", "created_at": "created_at",
    "display_description": "description", "display_name": "name", "host": "host", "hostname": "hostname", "image_ref": "image_id",
    "instance_type_id": "flavor_id", "kernel_id": None, "key_name": "key_name", "launch_index": "launch_index",
    "launched_at": "launched_at", "locked_by": "locked_by", "node": "host", "power_state": "power_state", "progress": "progress",
    "project_id": "project_id", "ramdisk_id": None, "root_device_name": "root_device", "task_state": "task_state",
    "terminated_at": "terminated_at", "updated_at": "updated_at", "user_id": "user_id", "uuid": "id", "vm_state": "vm_state",
}  # fmt: skip
_JOINED = ("block_device_mapping", "services", "metadata", "system_metadata", "info_cache", "security_groups", "pci_devices")
_TAGS = ("tags", "tags-any", "not-tags", "not-tags-any")

# name in the query -> (column, operator)
_EXACT = {
    "project_id": "project_id", "tenant_id": "project_id", "user_id": "user_id", "image": "image_id", "image_ref": "image_id",
    "vm_state": "vm_state", "task_state": "task_state", "host": "host", "uuid": "id", "launch_index": "launch_index", "flavor": "flavor_id",
}  # fmt: skip
_MATCHED = {
    "name": "name", "display_name": "name", "description": "description", "display_description": "description", "hostname": "hostname",
    "key_name": "key_name", "node": "host", "reservation_id": "reservation_id", "launched_at": "launched_at",
    "terminated_at": "terminated_at", "created_at": "created_at", "availability_zone": "availability_zone", "locked_by": "locked_by",
    "root_device_name": "root_device", "access_ip_v4": "access_ip_v4", "access_ip_v6": "access_ip_v6",
}  # fmt: skip
_NUMBERS = {"power_state": "power_state", "progress": "progress"}
_FLAGS = {"config_drive": "config_drive"}
_EVERYBODY = {"reservation_id", "name", "status", "image", "flavor", "ip", "changes-since", "all_tenants"}
_EVERYBODY_SINCE: tuple[tuple[int, set[str]], ...] = (
    (5, {"ip6"}),
    (26, set(_TAGS)),
    (66, {"changes-before"}),
    (73, {"locked"}),
    (83, {"availability_zone", "config_drive", "key_name", "created_at", "launched_at", "terminated_at", "power_state", "task_state",
          "vm_state", "progress", "user_id"}),
    (90, {"hostname"}),
)  # fmt: skip


def _schema(minor: int) -> dict[str, Any]:
    sortable = list(_SORT_KEYS) + list(_IGNORED)
    if minor >= 75:
        sortable = [*_SORT_KEYS, "locked"]
    text = {name: TEXT for name in (*_EXACT, *_JOINED, "sort_dir", "all_tenants", "soft_deleted", "deleted", "status", "marker")}
    more = ("kernel_id", "ramdisk_id", "flavor", "auto_disk_config", "ip", "ip6")
    patterns = {name: REGEX for name in (*_MATCHED, *_NUMBERS, *_FLAGS, *more)}
    moment = {"type": "string", "format": "date-time"}
    properties = {**text, **patterns, "limit": NON_NEGATIVE, "changes-since": moment, "sort_key": {"type": "string", "enum": sortable}}
    if minor >= 26:
        properties.update({name: REGEX for name in _TAGS})
    if minor >= 66:
        properties["changes-before"] = moment
    if minor >= 73:
        properties["locked"] = TEXT
    return {**query(properties, strict=minor >= 75), "patternProperties": {"^_": {"type": "array", "items": TEXT}}}


LIST_QUERY = [((2, minor), _schema(minor)) for minor in (0, 26, 66, 73, 75)]

routes = Routes("/v2.1/servers")


# --- conditions that are more than a column and a value --------------------------------------------------------------------


def _locked(table: sa.Table[Any], operator: str, parameter: str) -> Any:
    return table.c.locked_by.is_not(None) == sa.bindparam(parameter, type_=sa.Boolean)


def _tag(table: sa.Table[Any], operator: str, parameter: str) -> Any:
    found = sa.type_coerce(table.c.tags, sa.Text).contains(sa.bindparam(parameter, type_=sa.String), autoescape=False, escape="\\")
    return found if operator == "has" else ~found


servers.info["conditions"] = {"locked": _locked, **{f"tag{index}": _tag for index in range(50)}}


def _tag_text(tag: str) -> str:
    """A tag as it is in the stored list, for LIKE."""
    return msgspec.json.encode(tag).decode().replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")


@lru_cache(maxsize=1024)
def _statement(shape: tuple[Any, ...]) -> Select:
    return list_queries.statement(servers, None, shape).with_only_columns(*LISTED)


# --- from the query string to a ListQuery ------------------------------------------------------------------------------------


def _options(request: Request) -> dict[str, str]:
    """The filters that count: administrators may use all, others those that are documented for them."""
    given = {name: value for name, value in request.query if name not in ("sort_key", "sort_dir", "limit", "marker", "page_size")}
    if not request.allows("os_compute_api:servers:allow_all_filters"):
        allowed = set(_EVERYBODY)
        for minor, names in _EVERYBODY_SINCE:
            if request.at_least(2, minor):
                allowed |= names
        given = {name: value for name, value in given.items() if name in allowed}
    for name in given:
        if name in _JOINED or name.startswith("_"):
            raise BadRequest(f"Invalid filter field: {name}.")
    return given


def _moment(options: dict[str, str], name: str) -> str | None:
    if name not in options:
        return None
    try:
        return parse_time(options[name]).isoformat(timespec="microseconds")
    except ValueError:
        raise BadRequest(f"Invalid filter field: {name}.") from None


def _add_times(request: Request, options: dict[str, str], wanted: ListQuery) -> None:
    since, before = _moment(options, "changes-since"), _moment(options, "changes-before")
    if since and before and before < since:
        raise BadRequest("The value of changes-since must be less than or equal to changes-before.")
    if since:
        wanted.filters["updated_at", "ge"] = since
    if before:
        wanted.filters["updated_at", "le"] = end_of_second(before)
    if options.get("vm_state") == DELETED and not request.caller.is_admin:
        raise Forbidden("Only administrators may list deleted instances")
    if "deleted" in options:
        wanted.filters["deleted_at", "isset" if is_true(options["deleted"]) else "isnull"] = None
    elif not since and not before:
        wanted.filters["deleted_at", "isnull"] = None
    if not is_true(options.get("soft_deleted", False)):
        wanted.filters["vm_state", "ne"] = SOFT_DELETED


def _add_status(request: Request, wanted: ListQuery) -> bool:
    """False: no server can have the status."""
    statuses = request.query_all("status")
    if not statuses:
        return True
    vm_states, task_states = states_of(statuses)
    if not vm_states:
        if request.at_least(2, 38):
            raise BadRequest("Invalid status value")
        return False
    if vm_states == [DELETED]:
        if not request.caller.is_admin:
            raise Forbidden("Only administrators may list deleted instances")
        wanted.filters.pop(("deleted_at", "isnull"), None)
        wanted.filters["deleted_at", "isset"] = None
        return True
    wanted.filters["vm_state", "in"] = vm_states
    if "default" not in task_states:
        wanted.filters["task_state", "in"] = task_states
    return True


def _add_columns(options: dict[str, str], wanted: ListQuery) -> bool:
    """False: the value is one that no server can have."""
    for name, value in options.items():
        if name in _EXACT and name not in ("project_id", "tenant_id"):
            if name == "launch_index" and not value.isdigit():
                return False
            wanted.filters[_EXACT[name], "eq"] = int(value) if name == "launch_index" else value
        elif name in _MATCHED and value:
            wanted.filters[_MATCHED[name], "regex"] = f"(?i){value}"
        elif name in _NUMBERS:
            if not value.isdigit():
                return False
            wanted.filters[_NUMBERS[name], "eq"] = int(value)
        elif name in _FLAGS:
            wanted.filters[_FLAGS[name], "eq"] = is_true(value)
    return True


def _add_scope(request: Request, options: dict[str, str], wanted: ListQuery, rule: str) -> None:
    everybody = "all_tenants" in options
    if everybody and options["all_tenants"]:
        try:
            everybody = strict_flag(options["all_tenants"])
        except ValueError as error:
            raise BadRequest(f"Invalid input received: {error}") from None
    if everybody:
        request.authorize(f"{rule}:get_all_tenants")
        project_id = options.get("project_id") or options.get("tenant_id")
        if project_id:
            wanted.filters["project_id", "eq"] = project_id
    elif request.caller.project_id:
        wanted.filters["project_id", "eq"] = request.caller.project_id
    else:
        wanted.filters["user_id", "eq"] = request.caller.user_id


def _add_tags(options: dict[str, str], wanted: ListQuery) -> None:
    for index, tag in enumerate(options["tags"].split(",")[:50] if options.get("tags") else ()):
        wanted.filters[f"tag{index}", "has"] = _tag_text(tag)
    for index, tag in enumerate(options["not-tags-any"].split(",")[:50] if options.get("not-tags-any") else ()):
        wanted.filters[f"tag{index}", "hasnot"] = _tag_text(tag)
    if "locked" in options:
        try:
            wanted.filters["locked", "eq"] = strict_flag(options["locked"])
        except ValueError as error:
            raise BadRequest(f"Invalid input received: {error}") from None


def _add_order(request: Request, wanted: ListQuery) -> None:
    keys, directions = [k.strip() for k in request.query_all("sort_key")], [d.strip() for d in request.query_all("sort_dir")]
    keys, directions = keys or ["created_at"], directions or ["desc"]
    for direction in directions:
        if direction not in ("asc", "desc"):
            raise BadRequest("Invalid input received: Unknown sort direction, must be 'desc' or 'asc'")
    if len(directions) > len(keys):
        raise BadRequest("Invalid input received: Sort direction array size exceeds sort key array size.")
    for index, key in enumerate(keys):
        if key in ("host", "node") and not request.caller.is_admin:
            raise Forbidden(f"Only administrators can sort servers by {key}")
        direction = directions[index] if index < len(directions) else directions[0]
        column = "locked_by" if key == "locked" and request.at_least(2, 73) else _SORT_KEYS.get(key)
        if column is not None and all(column != taken for taken, _ in wanted.sorts):
            wanted.sorts.append((column, direction))
    last = wanted.sorts[-1][1] if wanted.sorts else "desc"
    if all(column != "number" for column, _ in wanted.sorts):
        wanted.sorts.append(("number", last))


# --- what SQL does not do ---------------------------------------------------------------------------------------------------


def _afterwards(tx: Transaction, options: dict[str, str], rows: Sequence[Any]) -> Sequence[Any]:
    """Filters by address and by any of several tags."""
    any_of = set(options["tags-any"].split(",")) if options.get("tags-any") else None
    not_all = set(options["not-tags"].split(",")) if options.get("not-tags") else None
    if any_of is not None or not_all is not None:
        tags = {row[I["id"]]: set(msgspec.json.decode(row[I["tags"]])) for row in rows}
        rows = [
            row for row in rows
            if (any_of is None or any_of & tags[row[I["id"]]]) and (not_all is None or not not_all <= tags[row[I["id"]]])
        ]  # fmt: skip
    patterns = {version: options[name] for name, version in (("ip", 4), ("ip6", 6)) if options.get(name)}
    if not patterns:
        return rows
    known = addresses_of(tx, [row[I["id"]] for row in rows])
    compiled = {version: re2.compile(pattern) for version, pattern in patterns.items()}
    return [row for row in rows if _has_address(known.get(row[I["id"]], {}), compiled)]


def _has_address(addresses: dict[str, list[dict[str, Any]]], patterns: dict[int, Any]) -> bool:
    every = [address for each in addresses.values() for address in each]
    return any(a["version"] == version and pattern.search(a["addr"]) for a in every for version, pattern in patterns.items())


_LATER = {"tags-any", "not-tags", "ip", "ip6"}


def find(request: Request, tx: Transaction, rule: str) -> tuple[Sequence[Any], int]:
    """The rows of one page and the page's size."""
    options = _options(request)
    limit, marker = limit_and_marker(request)
    wanted = ListQuery(marker=marker)
    _add_times(request, options, wanted)
    _add_scope(request, options, wanted, rule)
    if not _add_status(request, wanted) or not _add_columns(options, wanted):
        return [], limit
    _add_tags(options, wanted)
    _add_order(request, wanted)
    later = bool(_LATER & options.keys())
    wanted.limit = None if later else limit
    params = {f"f{index}": value for index, value in enumerate(wanted.filters.values())}
    params["limit"] = limit
    if marker is not None:
        start = tx.row(list_queries.marker_statement(servers, None, "id", tuple(wanted.sorts)), {"marker": marker})
        if start is None or not _may_begin_at(request, tx, marker):
            raise BadRequest(f"marker [{marker}] not found")
        params.update(start._mapping)
    rows = tx.rows(_statement(wanted.shape()), params)
    return (_afterwards(tx, options, rows)[:limit] if later else rows), limit


_OWNER = sa.select(servers.c.project_id).where(servers.c.id == sa.bindparam("the_id"))


def _may_begin_at(request: Request, tx: Transaction, marker: str) -> bool:
    return request.caller.is_admin or tx.scalar(_OWNER, {"the_id": marker}) == request.caller.project_id


@routes.get("", policy="os_compute_api:servers:index", query=LIST_QUERY, answer=answers.LIST)
def list_servers(request: Request, tx: Transaction) -> Any:
    """List servers: ids and names."""
    rule = "os_compute_api:servers:index"
    request.authorize(rule)
    rows, limit = find(request, tx, rule)
    links = linker(request)
    shown = [{"id": row[I["id"]], "name": row[I["name"]], "links": links.both("servers", row[I["id"]])} for row in rows]
    return _envelope(request, "servers", shown, limit)


@routes.get("/detail", policy="os_compute_api:servers:detail", query=LIST_QUERY, answer=answers.DETAIL)
def list_servers_detail(request: Request, tx: Transaction) -> Any:
    """List servers with details."""
    rule = "os_compute_api:servers:detail"
    request.authorize(rule)
    rows, limit = find(request, tx, rule)
    shape = shape_of(request, detail=True)
    return _envelope(request, "servers/detail", render(rows, page_for(request, tx, rows, shape), shape), limit)


def _envelope(request: Request, collection: str, shown: list[dict[str, Any]], limit: int) -> dict[str, Any]:
    answer: dict[str, Any] = {"servers": shown}
    more = next_page(request, collection, shown, limit, shown[-1]["id"] if shown else None)
    if more:
        answer["servers_links"] = more
    return answer
