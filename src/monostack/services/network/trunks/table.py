"""The trunks and what is shown of them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from monostack.db import Id, Row, Transaction, table
from monostack.http import Request
from monostack.http.answers import ID, INTEGER, TEXT, Record, many
from monostack.resources import Field, Kind, Resource, Scopes
from monostack.resources.fields import REQUIRED
from monostack.services.network import values
from monostack.services.network.lookup import among, grouped
from monostack.services.network.scopes import scope_of
from monostack.services.network.standard import STANDARD, TAGS
from monostack.services.network.style import STYLE
from monostack.services.network.tags.table import CONDITIONS, tags_of
from monostack.services.network.values.plain import is_uuid

SUBPORT = "trunk:subport"  # device owner of ports in a trunk
INHERIT = "inherit"

subports = table(
    "network_subports",
    sa.Column("port_id", Id(), sa.ForeignKey("ports.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("trunk_id", Id(), sa.ForeignKey("trunks.id", ondelete="CASCADE"), nullable=False),
    sa.Column("segmentation_type", sa.String(32), nullable=False),
    sa.Column("segmentation_id", sa.Integer(), nullable=False),
    sa.UniqueConstraint("trunk_id", "segmentation_type", "segmentation_id"),
)

SUBPORT_SHOWN = Record("Subport", {"port_id": ID, "segmentation_type": TEXT, "segmentation_id": INTEGER})


def check_subports(value: Any) -> list[dict[str, Any]]:
    """The form of subports; whether the ports can be had is not looked at."""
    if not isinstance(value, list):
        raise ValueError(f"Invalid data format for subports: '{value}' is not a list")
    ports: set[str] = set()
    tags: set[tuple[Any, Any]] = set()
    for one in value:
        if not isinstance(one, dict):
            raise ValueError(f"Invalid data format for subport: '{one}' is not a dict")
        if "port_id" not in one:
            raise ValueError("A valid port UUID must be specified")
        if not is_uuid(one["port_id"]):
            raise ValueError(f"Invalid UUID for subport: '{one['port_id']}'")
        if one["port_id"] in ports:
            raise ValueError(f"Non unique UUID for subport: '{one['port_id']}'")
        ports.add(one["port_id"])
        kind, tag = one.get("segmentation_type"), one.get("segmentation_id")
        if kind == INHERIT:
            return value
        if (not kind or tag is None) and len(one) > 1:
            raise ValueError(missing_tag(one))
        if (kind, str(tag)) in tags:
            raise ValueError(f"Segmentation ID '{tag}' for '{one['port_id']}' is not unique")
        if tag is not None:
            tags.add((kind, str(tag)))
    return value


def missing_tag(subport: Mapping[str, Any]) -> str:
    return (
        f"Invalid subport details '{dict(subport)}': missing segmentation information. Must specify both segmentation_id and "
        "segmentation_type"
    )


def _own(table: sa.Table) -> Any:
    return table.c.project_id == sa.bindparam("caller_project")


def _expand(tx: Transaction, request: Request, rows: Sequence[Row]) -> list[Mapping[str, Any]]:
    ids = [row.id for row in rows]
    tags, inside = tags_of(tx, ids), of_trunks(tx, ids)
    return [{"tags": tags(id), "sub_ports": shown(inside.get(id, ()))} for id in ids]


TRUNKS = Resource(
    "trunk",
    "trunks",
    STYLE,
    path="/v2.0/trunks",
    fields=(
        Field("id", values.uuid()),
        Field("name", values.name(), default="", create=True, update=True),
        Field("admin_state_up", values.boolean(), default=True, create=True, update=True),
        Field("project_id", values.text(), default=REQUIRED, create=True, index=True),
        Field("port_id", values.uuid(), default=REQUIRED, create=True, unique=True, references="ports.id"),
        Field("status", values.text(16), default="DOWN"),
        Field(
            "sub_ports",
            Kind(None, {"type": "array"}, accept=check_subports, answer=many(SUBPORT_SHOWN)),
            default=list,
            create=True,
            column=None,
        ),
        TAGS,
        *STANDARD,
    ),
    scopes=Scopes(scope_of, {"all": None, "project": _own}),
    conditions=CONDITIONS,
    expand=_expand,
)

_t, _s = TRUNKS.table.c, subports.c
_OF_TRUNKS = sa.select(subports).where(among(_s.trunk_id)).order_by(_s.segmentation_id, _s.port_id)
_OF_PARENTS = sa.select(_t.port_id, _t.id).where(among(_t.port_id))
_LEGS = (
    sa.select(_s.port_id, _t.port_id.label("parent"), _s.segmentation_id, _s.trunk_id)
    .join(TRUNKS.table, _t.id == _s.trunk_id)
    .where(among(_s.port_id))
)


def of_trunks(tx: Transaction, ids: Iterable[str]) -> dict[str, list[Row]]:
    """The subports of trunks, by trunk."""
    return grouped(tx, _OF_TRUNKS, ids, "trunk_id")


def shown(rows: Iterable[Row]) -> list[dict[str, Any]]:
    names = ("port_id", "segmentation_type", "segmentation_id")
    return [{name: row._mapping[name] for name in names} for row in rows]


def trunks_of(tx: Transaction, port_ids: Iterable[str]) -> dict[str, str]:
    """The trunk of each of these ports that is a parent."""
    return {port: rows[0].id for port, rows in grouped(tx, _OF_PARENTS, port_ids).items()}


def legs(tx: Transaction, port_ids: Iterable[str]) -> dict[str, Row]:
    """(parent, segmentation_id, trunk_id) of each of these ports that is a subport."""
    return {port: rows[0] for port, rows in grouped(tx, _LEGS, port_ids).items()}
