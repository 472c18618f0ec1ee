"""Finding namespaces for a caller, and asking what he may do with them."""

from typing import Any
from urllib.parse import unquote

import sqlalchemy as sa

from monostack.core.errors import Forbidden, NotFound
from monostack.db import Row, Transaction
from monostack.http import Request, Response
from monostack.services.image.metadefs.table import namespaces
from monostack.services.image.policy import allows, is_admin, refusal

_n = namespaces.c
_caller: Any = sa.bindparam("caller_project", type_=sa.String)
# What everybody may know of and what is the caller's own; what has no owner is found by its name, but not listed.
LISTED = sa.or_(_n.visibility == "public", _n.owner == _caller)
_ONE = sa.select(namespaces).where(_n.namespace == sa.bindparam("the_name"))
_VISIBLE = _ONE.where(sa.or_(LISTED, _n.owner.is_(None)))


def named(request: Request, parameter: str) -> str:
    """A name from the path, as it was before it was quoted."""
    return unquote(request.params[parameter])


def find(tx: Transaction, request: Request, missing: str = "Namespace {name} not found", name: str | None = None) -> Row:
    """The namespace of the path, or `name`, if the caller may know of it. Raises NotFound, worded by `missing`."""
    wanted = named(request, "namespace") if name is None else name
    statement = _ONE if is_admin(request) else _VISIBLE
    row = tx.row(statement, {"the_name": wanted, "caller_project": request.caller.project_id})
    if row is None:
        raise NotFound(missing.format(name=wanted))
    return row


def sees(request: Request, rule: str, namespace: Row) -> bool:
    return allows(request, rule, {"project_id": namespace.owner, "visibility": namespace.visibility})


def authorize(request: Request, rule: str, namespace: Row | None = None) -> None:
    """Raises the refusal, or NotFound for who may not even see the namespace. Without one: the caller's own project."""
    if namespace is None:
        if not allows(request, rule, {"project_id": request.caller.project_id}):
            raise refusal(rule)
    elif not sees(request, rule, namespace):
        if not sees(request, "get_metadef_namespace", namespace):
            raise NotFound()
        raise refusal(rule)


def check_unprotected(namespace: Row, what: str, name: str) -> None:
    """Raises Forbidden for anything of a protected namespace."""
    if namespace.protected:
        raise Forbidden(f"Metadata definition {what} {name} is protected and cannot be deleted.")


def deleted() -> Response:
    response = Response(None, 204)
    response.content_type = "text/html; charset=utf-8"
    return response
