"""What many identity operations share: who may, in which domain, and whether the name is free."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import sqlalchemy as sa

from monostack.core.errors import BadRequest, Conflict, Fault, NotFound
from monostack.db import Row, Select, Transaction
from monostack.http import Request
from monostack.resources import Resource
from monostack.services.identity.domains import BY_ID

DEFAULT_DOMAIN = "default"


def authorize_create(resource: Resource, request: Request, given: Mapping[str, Any]) -> None:
    """The rule sees what is to be created as its target."""
    request.authorize(resource.policy["create"], {"target": {resource.singular: dict(given)}})


def own_domain(request: Request, given: Mapping[str, Any]) -> str:
    """The domain something is created in: the one given, else the token's, else the default one."""
    return given.get("domain_id") or request.caller.domain_id or DEFAULT_DOMAIN


def list_in_domain(resource: Resource) -> Callable[[Request, Transaction], Any]:
    """The list operation of what belongs to domains: a token scoped to a domain sees that domain's."""
    clause = resource.table.c.domain_id == sa.bindparam("caller_domain")

    def list_them(request: Request, tx: Transaction) -> Any:
        domain_id = request.caller.domain_id
        authorize_list(request, resource.policy["list"])
        query = resource.style.parse_list(request, resource)
        rows = resource.page(request, tx, query, clause if domain_id else None)
        return resource.style.list_envelope(request, resource, resource.views(request, tx, rows), query)

    list_them.__doc__ = resource.list.__doc__
    return list_them


def authorize_list(request: Request, rule: str) -> None:
    """The rule sees the filters of the query and the domain of the token."""
    domain_id = request.caller.domain_id
    request.authorize(rule, {"target": {"domain_id": domain_id, "group": {"domain_id": domain_id}}} if domain_id else request.query_map)


def find(resource: Resource, tx: Transaction, id: str) -> Row | None:
    """A row whoever asks, or None."""
    return tx.row(_by_id(resource.table), {"id": id})


@cache
def _by_id(table: sa.Table) -> Select:
    return sa.select(table).where(table.c.id == sa.bindparam("id"))


def require_domain(tx: Transaction, domain_id: str, fault: type[Fault] = NotFound) -> Row:
    """The domain that a body names. Users and groups answer 404 when there is none, projects 400."""
    row = tx.row(BY_ID, {"id": domain_id})
    if row is None:
        raise fault(f"Could not find domain: {domain_id}.")
    return row


def keep_domain(row: Row, given: Mapping[str, Any]) -> None:
    if "domain_id" in given and given["domain_id"] != row.domain_id:
        raise BadRequest("Cannot change Domain ID")


def keep_id(row: Row, given: Mapping[str, Any]) -> None:
    if given.get("id") is not None and given["id"] != row.id:
        raise BadRequest("Cannot change ID")


def check_lengths(resource: Resource, given: Mapping[str, Any]) -> None:
    """BadRequest for a text that the body's schema lets pass but no column holds."""
    for name, value in given.items():
        field = resource.by_name.get(name)
        limit = getattr(field.kind.column, "length", None) if field is not None and field.create else None
        if isinstance(value, str) and limit is not None and len(value) > limit:
            raise BadRequest(
                f"String length exceeded. The length of string '{value}' exceeds the limit of column {name}(CHAR({limit}))."
            )


def free_name(
    resource: Resource, tx: Transaction, name: str, domain_id: str | None, but: str | None = None, message: str | None = None
) -> None:
    """Conflict if another one in the domain has the name; `but` is the id of the one that may have it."""
    found = tx.scalar(_by_name(resource.table), {"name": name, "domain": domain_id or ""})
    if found is not None and found != but:
        where = f" at domain ID {domain_id}" if domain_id and but is None else ""
        text = message or f"Duplicate entry found with name {name}{where}."
        raise Conflict(f"Conflict occurred attempting to store {resource.singular} - {text}")


@cache
def _by_name(table: sa.Table) -> Select:
    statement = sa.select(table.c.id).where(table.c.name == sa.bindparam("name"))
    if "domain_id" in table.c:
        statement = statement.where(sa.func.coalesce(table.c.domain_id, "") == sa.bindparam("domain"))
    return statement
