"""The address scopes."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.resources import Field, Resource, Scopes
from monostack.resources.fields import REQUIRED
from monostack.services.network import values
from monostack.services.network.lookup import among, grouped
from monostack.services.network.rbac.table import SHARED, is_shared, shared_with, visible
from monostack.services.network.scopes import scope_of
from monostack.services.network.style import STYLE
from monostack.services.network.words import not_found


def _own_or_given(table: sa.Table) -> Any:
    return sa.or_(table.c.project_id == sa.bindparam("caller_project"), table.c.id.in_(visible((SHARED,))))


def _expand(tx: Transaction, request: Request, rows: Sequence[Row]) -> list[Mapping[str, Any]]:
    shared = shared_with(tx, [row.id for row in rows], request.caller.project_id)
    return [{"shared": shared(row.id)} for row in rows]


_RULES: dict[str, Any] = {"create": "create_address_scope:shared", "update": "update_address_scope:shared"}

ADDRESS_SCOPES = Resource(
    "address_scope",
    "address_scopes",
    STYLE,
    path="/v2.0/address-scopes",
    fields=(
        Field("id", values.uuid()),
        Field("name", values.name(), default="", create=True, update=True),
        Field("project_id", values.text(), default=REQUIRED, create=True, index=True),
        Field("shared", values.boolean(), default=False, column=None, **_RULES),
        Field("ip_version", values.ip_version(), default=REQUIRED, create=True),
    ),
    scopes=Scopes(scope_of, {"all": None, "project": _own_or_given}),
    conditions={"shared": is_shared},
    expand=_expand,
)

_BY_IDS = sa.select(ADDRESS_SCOPES.table).where(among(ADDRESS_SCOPES.table.c.id))


def get(tx: Transaction, id: str) -> Row:
    """An address scope, whoever asks. Raises AddressScopeNotFound."""
    found = grouped(tx, _BY_IDS, [id])
    if id not in found:
        raise not_found("address_scope", id)
    return found[id][0]
