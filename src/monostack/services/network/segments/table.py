"""The segments, whose they are, and which one the hosts plug a network into.

Most networks have one. With several, a host is connected to one of them: the first, or, when subnets belong to segments (a routed network),
the first on a physical network that has one.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from monostack.db import Row, Select, Transaction, metadata
from monostack.resources import Field, Resource
from monostack.resources.fields import REQUIRED
from monostack.services.network import values
from monostack.services.network.lookup import among, grouped
from monostack.services.network.standard import STANDARD
from monostack.services.network.style import STYLE
from monostack.services.network.words import not_found

SEGMENTS = Resource(
    "segment",
    "segments",
    STYLE,
    path="/v2.0/segments",
    table_name="network_segments",
    fields=(
        Field("id", values.uuid()),
        Field("project_id", values.text(), create=True, view=False, column=None),
        Field("network_id", values.uuid(), default=REQUIRED, create=True, references="networks.id"),
        Field("physical_network", values.text(64), create=True, nullable=True),
        Field("network_type", values.text(32), default=REQUIRED, create=True),
        Field("segmentation_id", values.number(), create=True, nullable=True, filter=False),
        Field("name", values.nullable(values.name()), create=True, update=True, nullable=True),
        *STANDARD,
    ),
    columns=(
        sa.Column("position", sa.Integer(), nullable=False),  # among the network's
        sa.UniqueConstraint("network_type", "physical_network", "segmentation_id"),
        sa.Index("ix_network_segments_network_id", "network_id", "position"),
    ),
)

_s = SEGMENTS.table.c
_BY_ID = sa.select(SEGMENTS.table).where(_s.id == sa.bindparam("the_id"))
_OF_NETWORKS = sa.select(SEGMENTS.table).where(among(_s.network_id)).order_by(_s.position)
_statements: dict[str, Select] = {}


def _with_subnets() -> Select:
    if not _statements:  # the subnets' module is above this one
        subnets = metadata.tables["subnets"].c
        found = sa.select(subnets.network_id, subnets.segment_id).where(among(subnets.network_id), subnets.segment_id.is_not(None))
        _statements["with_subnets"] = found.distinct()
    return _statements["with_subnets"]


def find(tx: Transaction, id: str) -> Row:
    """A segment, whoever asks. Raises SegmentNotFound."""
    row = tx.row(_BY_ID, {"the_id": id})
    if row is None:
        raise not_found("segment", id)
    return row


def of_networks(tx: Transaction, network_ids: Iterable[str]) -> dict[str, list[Row]]:
    """The segments of each network, in order; a network without any is missing."""
    return grouped(tx, _OF_NETWORKS, network_ids, "network_id")


def routed(tx: Transaction, network_ids: Iterable[str]) -> dict[str, set[str]]:
    """The segments that subnets belong to, of each network that is routed: whose guests reach each other by routers alone."""
    return {id: {row.segment_id for row in rows} for id, rows in grouped(tx, _with_subnets(), network_ids, "network_id").items()}


def connected(tx: Transaction, network_ids: Sequence[str]) -> dict[str, Row]:
    """The segment that hosts plug each network into; one without any that they reach is missing."""
    found, with_subnets = of_networks(tx, network_ids), routed(tx, network_ids)
    chosen: dict[str, Row] = {}
    for id, rows in found.items():
        inside = with_subnets.get(id)
        fit = rows if inside is None else [row for row in rows if row.id in inside and row.physical_network]
        if fit:
            chosen[id] = fit[0]
    return chosen


def _matching(column: sa.Column[Any]) -> Any:
    def clause(table: sa.Table, operator: str, parameter: str) -> Any:
        wanted: Any = sa.bindparam(parameter, expanding=True, type_=sa.String)
        return table.c.id.in_(sa.select(_s.network_id).where(sa.cast(column, sa.String).in_(wanted)))

    return clause


ATTRIBUTES = ("network_type", "physical_network", "segmentation_id")
CONDITIONS = {f"provider:{name}": _matching(_s[name]) for name in ATTRIBUTES}
"""Filters of networks by what their segments are."""


def shown(rows: Sequence[Row]) -> dict[str, Any]:
    """What a network shows of its segments: of one its attributes, of several a list."""
    described = [{f"provider:{name}": row._mapping[name] for name in ATTRIBUTES} for row in rows]
    if len(described) > 1:
        return {"segments": described}
    return described[0] if described else {f"provider:{name}": None for name in ATTRIBUTES}
