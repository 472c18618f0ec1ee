"""The ranges, and who uses what of them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from monostack.db import Row, Select, Transaction, metadata
from monostack.http import Request
from monostack.http.answers import INTEGER, TEXT, many, mapping, maybe, optional
from monostack.resources import Field, Kind, Resource
from monostack.resources.fields import REQUIRED
from monostack.services.network import values
from monostack.services.network.standard import STANDARD, TAGS
from monostack.services.network.style import STYLE
from monostack.services.network.tags.table import CONDITIONS, tags_of
from monostack.services.network.values.plain import to_int

TYPES = ("vlan", "vxlan", "gre", "geneve")  # that Neutron knows ranges of
LARGEST = 2**31 - 1
FIRST, LAST = 1, 65536  # what a cloud begins with
DEFAULT_ID = "00000000-0000-0000-0000-000000000001"


def _end(name: str) -> Field:
    def accept(value: Any) -> int:
        number = to_int(value)
        if number < 1:
            raise ValueError(f"'{number}' is too small - must be at least '1'")
        if number > LARGEST:
            raise ValueError(f"'{number}' is too large - must be no larger than '{LARGEST}'")
        return number

    kind = Kind(sa.Integer(), {"type": ["integer", "string"], "minimum": 1, "maximum": LARGEST}, to_int, accept=accept)
    return Field(name, kind, default=REQUIRED, create=True, update=True, filter=False, sort=False)


def _expand(tx: Transaction, request: Request, rows: Sequence[Row]) -> list[Mapping[str, Any]]:
    tags = tags_of(tx, [row.id for row in rows])
    shown: list[Mapping[str, Any]] = []
    for row in rows:
        used = used_in(tx, row)
        free = [number for number in range(row.minimum, row.maximum + 1) if number not in used]
        item = {"tags": tags(row.id), "used": {str(number): project for number, project in used.items()}, "available": free}
        shown.append(item if row.shared else {**item, "project_id": row.project_id})
    return shown


RANGES = Resource(
    "network_segment_range",
    "network_segment_ranges",
    STYLE,
    path="/v2.0/network-segment-ranges",
    fields=(
        Field("id", values.uuid()),
        Field("name", values.name(), default="", create=True, update=True),
        Field("default", values.boolean(), default=False, column="is_default", filter=False, sort=False),
        Field("shared", values.boolean(), default=True, create=True, filter=False, sort=False),
        Field("project_id", values.text(), create=True, nullable=True, view=False),
        Field("network_type", values.choice(*TYPES), default=REQUIRED, create=True, sort=False),
        Field("physical_network", values.nullable(values.text(64)), default="", create=True, nullable=True, sort=False),
        _end("minimum"),
        _end("maximum"),
        Field("used", values.tags(), column=None, answer=mapping(TEXT)),
        Field("available", values.tags(), column=None, answer=many(INTEGER)),
        TAGS,
        *STANDARD,
    ),
    conditions=CONDITIONS,
    expand=_expand,
    adds={"project_id": optional(maybe(TEXT)), "tenant_id": optional(maybe(TEXT))},  # of those that are not shared
)

_r = RANGES.table.c
_OF_TYPE = sa.select(RANGES.table).where(_r.network_type == sa.bindparam("kind")).order_by(_r.minimum)
_statements: dict[str, Select] = {}


def of_type(tx: Transaction, kind: str) -> Sequence[Row]:
    return tx.rows(_OF_TYPE, {"kind": kind})


def used_in(tx: Transaction, row: Row) -> dict[int, str]:
    """The segmentation ids of a range that networks have, with the networks' projects."""
    if not _statements:  # the networks' package imports this one
        networks, segments = metadata.tables["networks"], metadata.tables["network_segments"]
        s = segments.c
        inside = s.segmentation_id.between(sa.bindparam("low", type_=sa.Integer), sa.bindparam("high", type_=sa.Integer))
        there = sa.func.coalesce(s.physical_network, "") == sa.bindparam("physical")
        found = sa.select(s.segmentation_id, networks.c.project_id).join(networks, networks.c.id == s.network_id)
        found = found.where(s.network_type == sa.bindparam("kind"), there, inside)
        _statements["used"] = found.order_by(s.segmentation_id)
    asked = {"kind": row.network_type, "physical": row.physical_network or "", "low": row.minimum, "high": row.maximum}
    return {found[0]: found[1] for found in tx.rows(_statements["used"], asked)}


def candidates(tx: Transaction, kind: str, physical: str | None, project_id: str | None) -> Iterator[tuple[str | None, range]]:
    """Where a network of the project may get its id from: the project's own ranges first, then what is everybody's. Each with its wire."""
    every = [row for row in of_type(tx, kind) if physical is None or row.physical_network == physical]
    private = [row for row in every if not row.shared]
    yield from ((row.physical_network or None, range(row.minimum, row.maximum + 1)) for row in private if row.project_id == project_id)
    for row in every:
        if row.shared:
            inside = [other for other in private if other.maximum >= row.minimum and other.minimum <= row.maximum]
            taken = [other for other in inside if other.physical_network == row.physical_network]
            yield from ((row.physical_network or None, numbers) for numbers in _without(row, taken))


def _without(row: Row, taken: Sequence[Row]) -> Iterator[range]:
    """The parts of a range that no project has for itself."""
    begin = row.minimum
    for other in taken:
        if begin < other.minimum:
            yield range(begin, other.minimum)
        begin = max(begin, other.maximum + 1)
    if begin <= row.maximum:
        yield range(begin, row.maximum + 1)


def bootstrap(tx: Transaction) -> None:
    """A cloud begins with a range for its tenants' networks, which stays."""
    if any(row.is_default for row in of_type(tx, "vxlan")):
        return
    row = {"id": DEFAULT_ID, "name": "", "description": "", "revision_number": 0, "physical_network": ""}
    RANGES.insert(tx, None, {**row, "default": True, "shared": True, "network_type": "vxlan", "minimum": FIRST, "maximum": LAST})
