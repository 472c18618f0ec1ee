"""What is shown of a server, by microversion and by what the caller may see.

A plan, the keys with a column or a function each, is made once for every combination; a page of servers needs one statement for the
servers and one for each thing that lives in other tables. JSON that is stored as it is shown goes out as text, without being read.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from operator import itemgetter
from typing import Any

import msgspec
import sqlalchemy as sa

from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.services.compute.hosts.known import KnownHosts, known_hosts
from monostack.services.compute.hosts.life import host_status, signs_of_life
from monostack.services.compute.image_properties import NAMES as NAMES_OF_PROPERTIES
from monostack.services.compute.links import Linker, linker
from monostack.services.compute.server_groups import groups_of
from monostack.services.compute.servers import volumes
from monostack.services.compute.servers.addresses import addresses_of
from monostack.services.compute.servers.states import BUILDING, DELETED, WITH_FAULT, WITH_PROGRESS, status_of
from monostack.services.compute.servers.table import instance_name, servers
from monostack.services.network import facade as network

NAMES = (
    "number", "id", "project_id", "user_id", "name", "description", "hostname", "image_id", "flavor_id", "flavor", "vm_state", "task_state",
    "power_state", "host", "availability_zone", "config_drive", "key_name", "metadata", "tags", "access_ip_v4", "access_ip_v6",
    "disk_config", "locked_by", "locked_reason", "progress", "reservation_id", "launch_index", "root_device", "fault", "created_at",
    "updated_at", "launched_at", "terminated_at", "deleted_at", "trusted_certificates",
)  # fmt: skip
_AS_TEXT = {"flavor", "metadata", "tags"}
LISTED = tuple(sa.type_coerce(servers.c[n], sa.Text).label(n) if n in _AS_TEXT else servers.c[n] for n in NAMES)
I = {name: index for index, name in enumerate(NAMES)}  # noqa: E741 - short, since every line below uses it
ONE = sa.select(*LISTED, servers.c.user_data).where(servers.c.id == sa.bindparam("the_id"), servers.c.deleted_at.is_(None))

Getter = Callable[[Any, "Page"], Any]
Entries = list[tuple[str, Getter | int]]  # a key, with what makes its value or the place of the column that is its value
Raw = msgspec.Raw


@dataclass(slots=True)
class Page:
    """What a page of servers needs besides their rows."""

    links: Linker
    hosts: KnownHosts
    living: Mapping[str, str] = field(default_factory=dict)
    addresses: Mapping[str, Any] = field(default_factory=dict)
    security_groups: Mapping[str, Sequence[str]] = field(default_factory=dict)
    attached: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    groups: Mapping[str, list[str]] = field(default_factory=dict)
    user_data: Mapping[str, str | None] = field(default_factory=dict)
    properties: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # of the servers' images
    hints: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    is_admin: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """What decides which keys are shown. `everything` is off in the answers to updates before 2.75."""

    version: tuple[int, int]
    extended: bool
    host_status: str  # "", "all", "unknown"
    extra_specs: bool
    server_groups: bool
    everything: bool = True

    def since(self, minor: int) -> bool:
        return self.version >= (2, minor)


def shape_of(request: Request, *, detail: bool, everything: bool = True, project_id: str | None = None) -> Shape:
    """`detail` is the list; its policies are asked for the caller's own project."""
    target = None if project_id is None else {"project_id": project_id}
    status = ""
    if everything and request.at_least(2, 16):
        if request.allows("os_compute_api:servers:show:host_status", target):
            status = "all"
        elif request.allows("os_compute_api:servers:show:host_status:unknown-only", target):
            status = "unknown"
    return Shape(
        request.microversion or (2, 1),
        everything and request.allows("os_compute_api:os-extended-server-attributes", target),
        status,
        request.at_least(2, 47) and request.allows("os_compute_api:servers:show:flavor-extra-specs", target),
        not detail and request.at_least(2, 71),
        everything,
    )


# --- values --------------------------------------------------------------------------------------------------------------


def _text(name: str) -> Getter:
    index = I[name]
    return lambda row, page: row[index] or ""


def _json(name: str) -> Getter:
    index = I[name]
    return lambda row, page: Raw(row[index].encode())


def _seconds(name: str) -> Getter:
    index = I[name]
    return lambda row, page: row[index][:19] + "Z"


@lru_cache(maxsize=16384)
def host_id(host: str | None, project_id: str) -> str:
    """A name for a host that tells a project nothing but whether two of its servers share it."""
    return hashlib.sha224((project_id + host).encode()).hexdigest() if host else ""


def status(row: Any) -> str:
    return "DELETED" if row[I["deleted_at"]] else status_of(row[I["vm_state"]], row[I["task_state"]])


def _image(row: Any, page: Page) -> Any:
    image_id = row[I["image_id"]]
    return page.links.named("images", image_id) if image_id else ""


def _image_with_properties(row: Any, page: Page) -> Any:
    image = _image(row, page)
    if not image:
        return image
    properties = page.properties.get(row[I["id"]], {})
    return {**image, "properties": {name: value for name, value in properties.items() if name in NAMES_OF_PROPERTIES}}


def _hints(row: Any, page: Page) -> dict[str, list[str]]:
    """Each hint as a list of texts, as the scheduler reads them."""
    given = page.hints.get(row[I["id"]]) or {}
    return {name: [str(each) for each in (value if isinstance(value, list) else [value])] for name, value in given.items()}


def _flavor_link(row: Any, page: Page) -> Any:
    return page.links.named("flavors", row[I["flavor_id"]])


def _plain_flavor(row: Any, page: Page) -> Any:
    flavor = msgspec.json.decode(row[I["flavor"]])
    del flavor["extra_specs"]
    return flavor


def _addresses(row: Any, page: Page) -> Any:
    return {} if row[I["vm_state"]] == BUILDING else page.addresses.get(row[I["id"]], {})


def _plain_addresses(row: Any, page: Page) -> Any:
    found = _addresses(row, page)
    return {label: [{"version": a["version"], "addr": a["addr"]} for a in each] for label, each in found.items()}


def _zone(row: Any, page: Page) -> str:
    return page.hosts.zone_of(row[I["host"]]) or row[I["availability_zone"]] or ""


def _attached(row: Any, page: Page) -> list[dict[str, Any]]:
    return [{"id": volume.volume_id} for volume in page.attached.get(row[I["id"]], ())]


def _attached_23(row: Any, page: Page) -> list[dict[str, Any]]:
    return [{"id": v.volume_id, "delete_on_termination": v.delete_on_termination} for v in page.attached.get(row[I["id"]], ())]


_EXTENDED: tuple[tuple[str, Getter | int], ...] = (
    ("host", I["host"]),
    ("instance_name", lambda row, page: instance_name(row[I["number"]])),
    ("hypervisor_hostname", I["host"]),
)
_EXTENDED_23: tuple[tuple[str, Getter | int], ...] = (
    ("hostname", I["hostname"]),
    ("kernel_id", lambda row, page: ""),  # hosts here boot what the image's firmware finds: no kernels outside of images
    ("launch_index", I["launch_index"]),
    ("ramdisk_id", lambda row, page: ""),
    ("reservation_id", I["reservation_id"]),
    ("root_device_name", I["root_device"]),
    ("user_data", lambda row, page: page.user_data.get(row[I["id"]])),
)


@dataclass(frozen=True, slots=True)
class Plan:
    """The keys that every server has. Those whose values are columns as they stand are taken from a row all at once."""

    columns: tuple[str, ...]
    take: Callable[[Any], tuple[Any, ...]]
    made: tuple[tuple[str, Getter], ...]


@cache
def plan_of(shape: Shape) -> Plan:
    """The keys that every server has at this version for this caller."""
    flavor = _flavor_link if not shape.since(47) else _json("flavor") if shape.extra_specs else _plain_flavor
    plan: Entries = [
        ("accessIPv4", _text("access_ip_v4")),
        ("accessIPv6", _text("access_ip_v6")),
        ("addresses", _addresses if shape.everything else _plain_addresses),
        ("created", _seconds("created_at")),
        ("flavor", flavor),
        ("hostId", lambda row, page: host_id(row[I["host"]], row[I["project_id"]])),
        ("id", I["id"]),
        ("image", _image_with_properties if shape.since(98) else _image),
        ("links", lambda row, page: page.links.both("servers", row[I["id"]])),
        ("metadata", _json("metadata")),
        ("name", I["name"]),
        ("status", lambda row, page: status(row)),
        ("tenant_id", I["project_id"]),
        ("user_id", I["user_id"]),
        ("updated", _seconds("updated_at")),
        ("OS-DCF:diskConfig", I["disk_config"]),
    ]
    if shape.everything:
        plan += _everything(shape)
    plan += _later(shape)
    columns = {key: source for key, source in plan if isinstance(source, int)}
    made = tuple((key, source) for key, source in plan if not isinstance(source, int))
    return Plan(tuple(columns), itemgetter(*columns.values()), made)


def _everything(shape: Shape) -> Entries:
    plan: Entries = [
        ("OS-EXT-AZ:availability_zone", _zone),
        ("config_drive", lambda row, page: "True" if row[I["config_drive"]] else ""),
        ("key_name", I["key_name"]),
        ("OS-SRV-USG:launched_at", I["launched_at"]),
        ("OS-SRV-USG:terminated_at", I["terminated_at"]),
        ("OS-EXT-STS:task_state", I["task_state"]),
        ("OS-EXT-STS:vm_state", lambda row, page: DELETED if row[I["deleted_at"]] else row[I["vm_state"]]),
        ("OS-EXT-STS:power_state", I["power_state"]),
        ("os-extended-volumes:volumes_attached", _attached_23 if shape.since(3) else _attached),
    ]
    if shape.extended:
        more = _EXTENDED + (_EXTENDED_23 if shape.since(3) else ())
        plan += [(f"OS-EXT-SRV-ATTR:{name}", getter) for name, getter in more]
    if shape.since(96):
        plan.append(("pinned_availability_zone", I["availability_zone"]))
    return plan


def _later(shape: Shape) -> Entries:
    plan: Entries = []
    if shape.since(9):
        plan.append(("locked", lambda row, page: row[I["locked_by"]] is not None))
    if shape.since(19):
        plan.append(("description", I["description"]))
    if shape.since(26):
        plan.append(("tags", _json("tags")))
    if shape.since(63):
        plan.append(("trusted_image_certificates", I["trusted_certificates"]))
    if shape.server_groups:
        plan.append(("server_groups", lambda row, page: page.groups.get(row[I["id"]], [])))
    if shape.since(73):
        plan.append(("locked_reason", I["locked_reason"]))
    if shape.since(100):
        plan.append(("scheduler_hints", _hints))
    if shape.since(90) and not shape.extended:
        plan.append(("OS-EXT-SRV-ATTR:hostname", I["hostname"]))
    return plan


def _fault(row: Any, page: Page) -> dict[str, Any] | None:
    fault = row[I["fault"]]
    if not fault:
        return None
    shown = {name: fault[name] for name in ("code", "created", "message")}
    if fault.get("details") and (page.is_admin or fault["code"] != 500):
        shown["details"] = fault["details"]
    return shown


# --- servers -------------------------------------------------------------------------------------------------------------


def page_for(request: Request, tx: Transaction, rows: Sequence[Any], shape: Shape) -> Page:
    """Read what these servers need from other tables: a statement or two for each kind of thing."""
    ids = [row[I["id"]] for row in rows]
    page = Page(linker(request), known_hosts(tx), is_admin=request.caller.is_admin)
    if not ids:
        return page
    page.addresses = addresses_of(tx, ids)
    if shape.everything:
        page.attached = volumes.attached_to(tx, ids)
        page.security_groups = network.security_group_names(tx, ids)
    if shape.host_status:
        page.living = signs_of_life(tx)
    if shape.server_groups:
        page.groups = groups_of(tx, ids)
    if shape.extended and shape.since(3):
        page.user_data = {row.id: row.user_data for row in tx.rows(_USER_DATA, {"the_ids": ids})}
    if shape.since(98):
        asked = tx.rows(_ASKED, {"the_ids": ids})
        page.properties = {row.id: (row.image or {}).get("properties") or {} for row in asked}
        page.hints = {row.id: row.hints for row in asked}
    return page


_ASKED = sa.select(servers.c.id, servers.c.image, servers.c.hints).where(servers.c.id.in_(sa.bindparam("the_ids", expanding=True)))
_USER_DATA = sa.select(servers.c.id, servers.c.user_data).where(
    servers.c.id.in_(sa.bindparam("the_ids", expanding=True)), servers.c.user_data.is_not(None)
)


def render(rows: Sequence[Any], page: Page, shape: Shape) -> list[dict[str, Any]]:
    """Servers as they are shown."""
    plan = plan_of(shape)
    columns, take, made = plan.columns, plan.take, plan.made
    shown: list[dict[str, Any]] = []
    for row in rows:
        server: dict[str, Any] = dict(zip(columns, take(row), strict=True))
        for key, get in made:
            server[key] = get(row, page)
        state = server["status"]
        if state in WITH_PROGRESS:
            server["progress"] = row[I["progress"]]
        elif state in WITH_FAULT and (fault := _fault(row, page)) is not None:
            server["fault"] = fault
        names = page.security_groups.get(row[I["id"]])
        if names:
            server["security_groups"] = [{"name": name} for name in names]
        if shape.host_status:
            value = host_status(page.hosts.by_name.get(row[I["host"]]), page.living)
            if shape.host_status == "all" or value == "UNKNOWN":
                server["host_status"] = value
        shown.append(server)
    return shown


def show(request: Request, tx: Transaction, server_id: str, *, everything: bool = True) -> dict[str, Any]:
    """One server in its envelope. It exists, and the caller may see it."""
    row: Row | None = tx.row(ONE, {"the_id": server_id})
    assert row is not None, "the caller looked it up in this transaction"
    shape = shape_of(request, detail=False, everything=everything, project_id=row.project_id)
    return {"server": render([row], page_for(request, tx, [row], shape), shape)[0]}
