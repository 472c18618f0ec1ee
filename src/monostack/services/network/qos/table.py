"""The policies and what is shown of them."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.http.answers import many
from monostack.resources import Field, Resource, Scopes
from monostack.resources.fields import REQUIRED
from monostack.services.network import values
from monostack.services.network.lookup import among, grouped
from monostack.services.network.qos.rules import DESCRIBED, described
from monostack.services.network.rbac.table import SHARED, is_shared, shared_with, visible
from monostack.services.network.scopes import scope_of
from monostack.services.network.standard import STANDARD, TAGS
from monostack.services.network.style import STYLE
from monostack.services.network.tags.table import CONDITIONS, tags_of
from monostack.services.network.words import not_found


def _own_or_given(table: sa.Table) -> Any:
    return sa.or_(table.c.project_id == sa.bindparam("caller_project"), table.c.id.in_(visible((SHARED,))))


def _expand(tx: Transaction, request: Request, rows: Sequence[Row]) -> list[Mapping[str, Any]]:
    ids = [row.id for row in rows]
    shared, tags, rules = shared_with(tx, ids, request.caller.project_id), tags_of(tx, ids), described(tx, ids)
    return [{"shared": shared(id), "tags": tags(id), "rules": rules.get(id, [])} for id in ids]


POLICIES = Resource(
    "policy",
    "policies",
    STYLE,
    path="/v2.0/qos/policies",
    table_name="qos_policies",
    fields=(
        Field("id", values.uuid()),
        Field("name", values.name(), default="", create=True, update=True),
        Field("project_id", values.text(), default=REQUIRED, create=True, index=True),
        Field("shared", values.boolean(), default=False, create=True, update=True, column=None),
        Field("is_default", values.boolean(), default=False, create=True, update=True, sort=False),
        Field("rules", values.tags(), column=None, answer=many(DESCRIBED)),
        TAGS,
        *STANDARD,
    ),
    scopes=Scopes(scope_of, {"all": None, "project": _own_or_given}),
    conditions={**CONDITIONS, "shared": is_shared},
    expand=_expand,
)

_p = POLICIES.table.c
_BY_IDS = sa.select(POLICIES.table).where(among(_p.id))
_DEFAULT = sa.select(_p.id).where(_p.project_id == sa.bindparam("project"), _p.is_default.is_(sa.true()))


def find_many(tx: Transaction, ids: Collection[str]) -> dict[str, Row]:
    return {id: rows[0] for id, rows in grouped(tx, _BY_IDS, ids, "id").items()}


def get(tx: Transaction, id: str) -> Row:
    """A policy, whoever asks. Raises QosPolicyNotFound."""
    found = find_many(tx, [id])
    if id not in found:
        raise not_found("policy", id)
    return found[id]


def default_of(tx: Transaction, project_id: str) -> str | None:
    """The policy that networks of the project are under when they name none."""
    return tx.scalar(_DEFAULT, {"project": project_id})
