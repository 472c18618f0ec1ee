"""The tables of application credentials and access rules."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from monostack.db import Row, Select, Transaction, table
from monostack.http import Request
from monostack.http.answers import NULL, many, optional
from monostack.resources import Field, Resource, choice, flag, text, time
from monostack.resources.fields import REQUIRED
from monostack.services.identity.kinds import identifier
from monostack.services.identity.roles.table import ROLES, roles
from monostack.services.identity.style import STYLE

credential_roles = table(
    "application_credential_roles",
    sa.Column("credential_id", sa.ForeignKey("application_credentials.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("role_id", sa.ForeignKey("roles.id", ondelete="CASCADE"), primary_key=True, index=True),
)
credential_rules = table(
    "application_credential_access_rules",
    sa.Column("credential_id", sa.ForeignKey("application_credentials.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("rule_id", sa.ForeignKey("access_rules.id"), primary_key=True, index=True),
)

ACCESS_RULES = Resource(
    "access_rule", "access_rules", STYLE, "/v3/access_rules",
    title="Access Rule",
    fields=(
        Field("id", text(64)),
        Field("service", identifier(), REQUIRED),
        Field("path", text(225, 0, r"^/\.*"), REQUIRED),
        Field("method", choice("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"), REQUIRED),
    ),
    columns=(
        sa.Column("user_id", sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.UniqueConstraint("user_id", "service", "path", "method"),
    ),
)  # fmt: skip
access_rules = ACCESS_RULES.table

_ROLES = (
    sa.select(credential_roles.c.credential_id, roles.c.id, roles.c.name, roles.c.domain_id, roles.c.description, roles.c.options)
    .join(roles, roles.c.id == credential_roles.c.role_id)
    .where(credential_roles.c.credential_id.in_(sa.bindparam("ids", expanding=True)))
    .order_by(roles.c.id)
)
_RULES = (
    sa.select(credential_rules.c.credential_id, access_rules.c.id, access_rules.c.service, access_rules.c.path, access_rules.c.method)
    .join(access_rules, access_rules.c.id == credential_rules.c.rule_id)
    .where(credential_rules.c.credential_id.in_(sa.bindparam("ids", expanding=True)))
    .order_by(access_rules.c.id)
)


def roles_of(tx: Transaction, credential_ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """The roles of each credential."""
    return _grouped(tx, _ROLES, credential_ids)


def rules_of(tx: Transaction, credential_ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """The access rules of each credential that has any."""
    return _grouped(tx, _RULES, credential_ids)


def _grouped(tx: Transaction, statement: Select, ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in tx.rows(statement, {"ids": list(ids)}):
        item = dict(row._mapping)
        found.setdefault(item.pop("credential_id"), []).append(item)
    return found


def _expand(tx: Transaction, request: Request, rows: Sequence[Row]) -> list[Mapping[str, Any]]:
    ids = [row.id for row in rows]
    held, allowed = roles_of(tx, ids), rules_of(tx, ids)
    return [
        {"roles": held.get(id, []), "system": None, **({"access_rules": allowed[id]} if id in allowed else {})} for id in ids
    ]  # fmt: skip


CREDENTIALS = Resource(
    "application_credential", "application_credentials", STYLE, "/v3/application_credentials",
    title="Application Credential",
    fields=(
        Field("id", text(64)),
        Field("name", text(255, 1, r"[\S]+"), REQUIRED, create=True),
        Field("description", text(65535), create=True, nullable=True, filter=False),
        Field("user_id", text(64), REQUIRED, filter=False, references="users.id"),
        Field("project_id", text(64), REQUIRED, filter=False, references="projects.id", index=True),
        Field("expires_at", time(), create=True, nullable=True, filter=False, show=lambda value: value),
        Field("unrestricted", flag(), create=True, nullable=True, filter=False),
    ),
    columns=(sa.Column("secret_hash", sa.String(255), nullable=False), sa.UniqueConstraint("user_id", "name")),
    expand=_expand,
    adds={
        "roles": many(ROLES.answer.with_keys("RoleOfCredential", {}, without=("links",))), "system": NULL,
        "access_rules": optional(many(ACCESS_RULES.answer.with_keys("RuleOfCredential", {}, without=("links",)))),
    },
)  # fmt: skip
credentials = CREDENTIALS.table
