"""Domains as the projects at the top of their hierarchies: /v3/projects shows, makes, changes and deletes them, too."""

from collections.abc import Sequence
from typing import Any

from monostack.core.errors import BadRequest
from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.services.identity import access, domains
from monostack.services.identity.domains import DOMAINS
from monostack.services.identity.projects.table import PROJECTS
from monostack.services.identity.style import STYLE


def find(tx: Transaction, project_id: str) -> Row | None:
    return tx.row(domains.BY_ID, {"id": project_id})


def target(row: Row) -> dict[str, Any]:
    """As the rules of projects read it."""
    return {"target": {"project": {**row._mapping, "domain_id": None, "parent_id": None, "is_domain": True}}}


def views(request: Request, tx: Transaction, rows: Sequence[Row]) -> list[dict[str, Any]]:
    shown = DOMAINS.views(request, tx, rows)
    for item in shown:
        item.update(domain_id=None, parent_id=None, is_domain=True)
        STYLE.self_link(request, PROJECTS, item)  # pyright: ignore[reportOptionalCall]
    return shown


def listed(request: Request, tx: Transaction) -> Any:
    """The list of projects with is_domain=true."""
    if request.query_map.get("domain_id") or request.query_map.get("parent_id"):
        return STYLE.list_envelope(request, PROJECTS, [], STYLE.parse_list(request, DOMAINS))
    query = STYLE.parse_list(request, DOMAINS)
    rows = DOMAINS.page(request, tx, query, domains.OWN if request.caller.domain_id else None)
    return STYLE.list_envelope(request, PROJECTS, views(request, tx, rows), query)


def create(request: Request, tx: Transaction, given: dict[str, Any]) -> dict[str, Any]:
    if given.get("parent_id") or given.get("domain_id"):
        raise BadRequest("only root projects are allowed to act as domains.")
    values = domains.new_domain(request, tx, domains.without_place(given))
    return {"project": views(request, tx, [DOMAINS.insert(tx, request, values)])[0]}


def update(request: Request, tx: Transaction, row: Row, given: dict[str, Any]) -> dict[str, Any]:
    access.keep_id(row, given)
    if given.get("domain_id") is not None:
        raise BadRequest("Cannot change Domain ID")
    changed = domains.change_domain(request, tx, row, domains.without_place(given))
    return {"project": views(request, tx, [changed])[0]}

