"""The pools."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.http.answers import TEXT
from monostack.resources import Field, Kind, Resource, Scopes
from monostack.resources.fields import REQUIRED
from monostack.services.network import values
from monostack.services.network.lookup import among, grouped
from monostack.services.network.rbac.table import SHARED, is_shared, shared_with, visible
from monostack.services.network.scopes import scope_of
from monostack.services.network.standard import STANDARD, TAGS
from monostack.services.network.style import STYLE
from monostack.services.network.tags.table import CONDITIONS, tags_of
from monostack.services.network.values.plain import check_name, check_text
from monostack.services.network.words import not_found


def _named(value: Any) -> str:
    check_text(value)
    if not value.strip():
        raise ValueError(f"'{value}' Blank strings are not permitted")
    return check_name(value)


def _length(name: str) -> Field:
    return Field(name, values.number(), create=True, update=True, show=lambda value: str(value), answer=TEXT)


def _own_or_shared(table: sa.Table) -> Any:
    return sa.or_(table.c.project_id == sa.bindparam("caller_project"), table.c.id.in_(visible((SHARED,))))


def _expand(tx: Transaction, request: Request, rows: Sequence[Row]) -> list[Mapping[str, Any]]:
    ids = [row.id for row in rows]
    tags, shared = tags_of(tx, ids), shared_with(tx, ids, request.caller.project_id)
    return [{"tags": tags(id), "shared": shared(id)} for id in ids]


POOLS = Resource(
    "subnetpool",
    "subnetpools",
    STYLE,
    path="/v2.0/subnetpools",
    fields=(
        Field("id", values.uuid()),
        Field("name", Kind(sa.String(255), {"type": "string"}, accept=_named), default=REQUIRED, create=True, update=True),
        Field("project_id", values.text(), default=REQUIRED, create=True, index=True),
        Field("prefixes", values.prefixes(), default=REQUIRED, create=True, update=True, filter=False, sort=False),
        Field("default_quota", values.nullable(values.number()), create=True, update=True),
        Field("ip_version", values.ip_version()),
        _length("default_prefixlen"),
        _length("min_prefixlen"),
        _length("max_prefixlen"),
        Field(
            "is_default", values.boolean(), default=False, create="create_subnetpool:is_default", update="update_subnetpool:is_default"
        ),
        Field("shared", values.boolean(), default=False, create="create_subnetpool:shared", column=None),
        Field("address_scope_id", values.nullable(values.uuid()), create=True, update=True, nullable=True, index=True),
        TAGS,
        *STANDARD,
    ),
    scopes=Scopes(scope_of, {"all": None, "project": _own_or_shared}),
    conditions={**CONDITIONS, "shared": is_shared},
    expand=_expand,
)

_p = POOLS.table.c
_BY_ID = sa.select(POOLS.table).where(_p.id == sa.bindparam("the_id"))
_BY_IDS = sa.select(POOLS.table).where(among(_p.id))
_IN_SCOPE = sa.select(POOLS.table).where(_p.address_scope_id == sa.bindparam("scope"))
_DEFAULT = sa.select(POOLS.table).where(_p.is_default.is_(sa.true()), _p.ip_version == sa.bindparam("version"))


def get(tx: Transaction, id: str) -> Row:
    """A pool, whoever asks. Raises SubnetPoolNotFound."""
    row = tx.row(_BY_ID, {"the_id": id})
    if row is None:
        raise not_found("subnetpool", id)
    return row


def find_many(tx: Transaction, ids: Iterable[str]) -> dict[str, Row]:
    return {id: rows[0] for id, rows in grouped(tx, _BY_IDS, ids, "id").items()}


def in_scope(tx: Transaction, address_scope_id: str) -> Sequence[Row]:
    """The pools of an address scope."""
    return tx.rows(_IN_SCOPE, {"scope": address_scope_id})


def default_of(tx: Transaction, version: int) -> Row | None:
    """The pool that subnets of this IP version come from when none is named."""
    return tx.row(_DEFAULT, {"version": version})
