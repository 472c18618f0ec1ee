"""The tables of trusts."""


import sqlalchemy as sa

from monostack.db import Row, Transaction, table
from monostack.http.answers import NULL
from monostack.resources import Field, Resource, flag, integer, text, time
from monostack.resources.fields import REQUIRED
from monostack.services.identity.moments import has_passed
from monostack.services.identity.style import STYLE


def _with_zone(value: str | None) -> str | None:
    return value and value + "Z"


TRUSTS = Resource(
    "trust", "trusts", STYLE, "/v3/OS-TRUST/trusts",
    fields=(
        Field("id", text(64)),
        Field("trustor_user_id", text(64), REQUIRED, create=True, references="users.id", index=True),
        Field("trustee_user_id", text(64), REQUIRED, create=True, references="users.id", index=True),
        Field("project_id", text(64), create=True, nullable=True, references="projects.id", index=True),
        Field("impersonation", flag(), REQUIRED, create=True),
        Field("expires_at", time(), create=True, nullable=True, filter=False, show=_with_zone),
        Field("remaining_uses", integer(1), create=True, nullable=True),
        Field("redelegated_trust_id", text(64), create=True, nullable=True, references="trusts.id"),
        Field("redelegation_count", integer(0), create=True, nullable=True),
    ),
    unknown="extra",
    adds={"deleted_at": NULL},
    expand=lambda tx, request, rows: [{"deleted_at": None}] * len(rows),  # one that was deleted is not shown at all
)  # fmt: skip
trusts = TRUSTS.table

trust_roles = table(
    "trust_roles",
    sa.Column("trust_id", sa.ForeignKey("trusts.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("role_id", sa.ForeignKey("roles.id", ondelete="CASCADE"), primary_key=True, index=True),
)

_FIND = sa.select(trusts).where(trusts.c.id == sa.bindparam("id"))
_ROLES = sa.select(trust_roles.c.role_id).where(trust_roles.c.trust_id == sa.bindparam("trust")).order_by(trust_roles.c.role_id)


def find_valid(tx: Transaction, trust_id: str) -> Row | None:
    """A trust that has not expired. One whose uses are spent still stands for the tokens it was used for."""
    row = tx.row(_FIND, {"id": trust_id})
    return row if row is not None and not has_passed(row.expires_at) else None


def chain(tx: Transaction, trust: Row) -> list[Row] | None:
    """The trust and those it was redelegated from, up to the first; None if one of them is not valid any more."""
    found = [trust]
    while found[-1].redelegated_trust_id is not None:
        above = find_valid(tx, found[-1].redelegated_trust_id)
        if above is None:
            return None
        found.append(above)
    return found


def role_ids(tx: Transaction, trust_id: str) -> list[str]:
    """The roles a trust delegates."""
    return [row[0] for row in tx.rows(_ROLES, {"trust": trust_id})]
