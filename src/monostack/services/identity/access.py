"""What many identity operations share: who may, in which domain, and whether the name is free."""

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from monostack.core.errors import BadRequest, Conflict, Forbidden
from monostack.db import Transaction
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
    target: dict[str, Any] = dict(request.query_map)
    if request.caller.domain_id:
        target["target"] = {"domain_id": request.caller.domain_id}
    request.authorize(rule, target)


def require_domain(tx: Transaction, domain_id: str) -> Row[Any]:
    """The domain, or the fault for a body that names one that does not exist."""
    row = tx.row(BY_ID, {"id": domain_id})
    if row is None:
        raise BadRequest(f"Could not find domain: {domain_id}.")
    return row


def keep_domain(row: Row[Any], given: Mapping[str, Any]) -> None:
    if "domain_id" in given and given["domain_id"] != row.domain_id:
        raise BadRequest("Cannot change Domain ID")


def keep_id(row: Row[Any], given: Mapping[str, Any]) -> None:
    if given.get("id") is not None and given["id"] != row.id:
        raise BadRequest("Cannot change ID")


def free_name(resource: Resource, tx: Transaction, name: str, domain_id: str | None, message: str, but: str | None = None) -> None:
    """Conflict if another one in the domain has the name; `but` is the id of the one that may have it."""
    found = tx.scalar(_by_name(resource), {"name": name, "domain": domain_id or ""})
    if found is not None and found != but:
        raise Conflict(message)


_BY_NAME: dict[str, Any] = {}


def _by_name(resource: Resource) -> Any:
    statement = _BY_NAME.get(resource.table_name)
    if statement is None:
        columns = resource.table.c
        statement = sa.select(columns.id).where(columns.name == sa.bindparam("name"))
        if "domain_id" in columns:
            statement = statement.where(sa.func.coalesce(columns.domain_id, "") == sa.bindparam("domain"))
        _BY_NAME[resource.table_name] = statement
    return statement


def check_mutable(row: Row[Any], kind: str, given: Mapping[str, Any] | None) -> None:
    """What is immutable can only be made mutable, by nothing else in the same call. `given` is None for a deletion."""
    if not (row.options or {}).get("immutable"):
        return
    options = (given or {}).get("options") or {}
    if given is not None and len(given) == 1 and "immutable" in options and options["immutable"] in (False, None):
        return
    verb = "delete" if given is None else "update"
    # The backquote without a partner is Keystone's own.
    raise Forbidden(f'Unable to {verb} immutable {kind} resource: `{row.id}. Set resource option "immutable" to false first.')


def merged_options(row: Row[Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The options after an update: what is null is taken away."""
    return {name: value for name, value in {**(row.options or {}), **given}.items() if value is not None}
