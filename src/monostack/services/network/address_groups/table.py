"""The groups."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.resources import Field, Resource, Scopes
from monostack.resources.fields import REQUIRED
from monostack.services.network import values
from monostack.services.network.lookup import among, grouped
from monostack.services.network.rbac.table import SHARED, shared_with, visible
from monostack.services.network.scopes import scope_of
from monostack.services.network.standard import STANDARD
from monostack.services.network.style import STYLE
from monostack.services.network.words import not_found


def _own_or_given(table: sa.Table) -> Any:
    return sa.or_(table.c.project_id == sa.bindparam("caller_project"), table.c.id.in_(visible((SHARED,))))


def _expand(tx: Transaction, request: Request, rows: Sequence[Row]) -> list[Mapping[str, Any]]:
    shared = shared_with(tx, [row.id for row in rows], request.caller.project_id)
    return [{"address_group:shared": shared(row.id)} for row in rows]


ADDRESS_GROUPS = Resource(
    "address_group",
    "address_groups",
    STYLE,
    path="/v2.0/address-groups",
    fields=(
        Field("id", values.uuid()),
        Field("name", values.name(), default="", create=True, update=True),
        Field("project_id", values.text(), default=REQUIRED, create=True, index=True),
        Field("addresses", values.prefixes(), default=list, create=True, filter=False, sort=False),
        *STANDARD,
    ),
    scopes=Scopes(scope_of, {"all": None, "project": _own_or_given}),
    expand=_expand,
)

_BY_IDS = sa.select(ADDRESS_GROUPS.table).where(among(ADDRESS_GROUPS.table.c.id))


def find_many(tx: Transaction, ids: Collection[str]) -> dict[str, Row]:
    return {id: rows[0] for id, rows in grouped(tx, _BY_IDS, ids, "id").items()}


def get(tx: Transaction, id: str) -> Row:
    """A group, whoever asks. Raises AddressGroupNotFound."""
    found = find_many(tx, [id])
    if id not in found:
        raise not_found("address_group", id)
    return found[id]
