"""Domains: what projects, users and groups belong to."""

import re
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from monostack.core.errors import BadRequest, Conflict, Forbidden
from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.resources import Field, Resource, integer, json_value, text
from monostack.resources.fields import REQUIRED
from monostack.services.identity.immutable import check_mutable, merged_options
from monostack.services.identity.kinds import BOOLEAN, IDENTIFIER, TAGS, boolean, immutable_options, is_true, query, words
from monostack.services.identity.projects.table import projects
from monostack.services.identity.removal import forget_domain
from monostack.services.identity.style import STYLE
from monostack.services.identity.users.table import users

DOMAINS = Resource(
    "domain", "domains", STYLE, "/v3/domains",
    fields=(
        Field("id", text(64)),
        Field("name", text(64, 1, r"[\S]+"), REQUIRED, create=True, update=True, unique=True),
        Field("description", text(255), "", create=True, update=True, filter=False, nullable=True),
        Field("enabled", boolean(), True, create=True, update=True),
        Field("tags", json_value(TAGS), list, create=True, update=True, filter=False),
        Field("options", immutable_options(), dict, create=True, update=True, filter=False),
        Field("token_generation", integer(), 0, view=False, filter=False),  # tokens of an older one are revoked
    ),
    policy={
        "list": "identity:list_domains", "show": "identity:get_domain", "create": "identity:create_domain",
        "update": "identity:update_domain", "delete": "identity:delete_domain",
    },
    unknown="extra",
)  # fmt: skip
domains = DOMAINS.table

BY_NAME = sa.select(domains).where(domains.c.name == sa.bindparam("name"))
BY_ID = sa.select(domains).where(domains.c.id == sa.bindparam("id"))
OWN = domains.c.id == sa.bindparam("caller_domain")
_HEX = re.compile("[0-9a-f]{32}")
FEDERATED = "federated"  # the name of a domain no cloud may have: Keystone's for users of other identity providers


def list_domains(request: Request, tx: Transaction) -> Any:
    """List domains. A token scoped to a domain sees that one."""
    domain_id = request.caller.domain_id
    target: dict[str, Any] = {"target": {"domain": {"id": domain_id}}} if domain_id else dict(request.query_map)
    request.authorize("identity:list_domains", target)
    listed = STYLE.parse_list(request, DOMAINS)
    rows = DOMAINS.page(request, tx, listed, OWN if domain_id else None)
    return STYLE.list_envelope(request, DOMAINS, DOMAINS.views(request, tx, rows), listed)


def create_domain(request: Request, tx: Transaction) -> dict[str, Any]:
    """Create a domain."""
    given: dict[str, Any] = dict(request.body["domain"])
    request.authorize("identity:create_domain", {"target": {"domain": given}})
    values = new_domain(request, tx, without_place(given))
    return DOMAINS.render(request, tx, DOMAINS.insert(tx, request, values))


def without_place(given: Mapping[str, Any]) -> dict[str, Any]:
    """What is given for a domain but for what says where a project is: that is not kept."""
    return {name: value for name, value in given.items() if name not in ("domain_id", "parent_id", "is_domain")}


def new_domain(request: Request, tx: Transaction, given: dict[str, Any]) -> dict[str, Any]:
    """The values of a domain that may be created."""
    explicit = given.pop("explicit_domain_id", None)
    if explicit is not None and not _HEX.fullmatch(explicit):
        raise BadRequest("Domain ID does not conform to required UUID format.")
    given["name"] = given["name"].strip()
    _check_name(tx, given["name"])
    values = DOMAINS.accept_create(request, given)
    values["enabled"] = is_true(values["enabled"])
    if explicit is not None:
        if tx.row(BY_ID, {"id": explicit}) is not None:
            raise Conflict(f"Conflict occurred attempting to store project - Duplicate entry found with name {given['name']}.")
        values["id"] = explicit
    return values


def _check_name(tx: Transaction, name: str, but: str | None = None) -> None:
    if name.lower() == FEDERATED:
        raise BadRequest(f"Domain cannot be named {name}")
    found = tx.row(BY_NAME, {"name": name})
    if found is not None and found.id != but:
        raise Conflict(
            "Conflict occurred attempting to store project - it is not permitted to have two projects acting as domains with the same"
            f" name: {name}."
        )


def _find(request: Request, tx: Transaction, action: str) -> Row:
    """The domain of the path. That it does not exist is told before it is asked who may."""
    row = DOMAINS.get(request, tx, request.params["id"])
    DOMAINS.authorize(request, action, row)
    return row


def update_domain(request: Request, tx: Transaction) -> dict[str, Any]:
    """Update a domain."""
    row = _find(request, tx, "update")
    return DOMAINS.render(request, tx, change_domain(request, tx, row, without_place(request.body["domain"])))


def change_domain(request: Request, tx: Transaction, row: Row, given: dict[str, Any]) -> Row:
    """Write what is given to a domain. Disabling it revokes the tokens of its users and for its projects."""
    check_mutable(row, "domain", given)
    if "name" in given:
        given["name"] = given["name"].strip()
        _check_name(tx, given["name"], row.id)
    if "options" in given:
        given["options"] = merged_options(row, given["options"])
    if "enabled" in given:
        given["enabled"] = is_true(given["enabled"])
        if row.enabled and not given["enabled"]:
            for statement in _REVOKE:
                tx.execute(statement, {"domain": row.id})
    return DOMAINS.change(tx, request, row, DOMAINS.accept_update(request, given))


_REVOKE = tuple(
    sa.update(column.table).where(column == sa.bindparam("domain")).values(token_generation=column.table.c.token_generation + 1)
    for column in (users.c.domain_id, projects.c.domain_id, domains.c.id)
)


def delete_domain(request: Request, tx: Transaction) -> None:
    """Delete a disabled domain with everything in it."""
    row = _find(request, tx, "delete")
    remove_domain(request, tx, row)


def remove_domain(request: Request, tx: Transaction, row: Row) -> None:
    check_mutable(row, "domain", None)
    if row.enabled:
        raise Forbidden("Cannot delete a domain that is enabled, please disable it first.")
    for project in tx.rows(_PROJECTS, {"domain": row.id}):
        check_mutable(project, "project", None)
    forget_domain(tx, row.id)
    DOMAINS.remove(tx, request, row)


_PROJECTS = sa.select(projects.c.id, projects.c.options).where(projects.c.domain_id == sa.bindparam("domain"))


_CREATE = DOMAINS.body_schema("create")
_CREATE["properties"]["domain"]["properties"]["explicit_domain_id"] = IDENTIFIER
_UPDATE = DOMAINS.body_schema("update")
_UPDATE["properties"]["domain"]["minProperties"] = 1

_QUERY = query(name=words(64), enabled=BOOLEAN)
routes = DOMAINS.routes(only=("show",))
routes.add("GET", "", list_domains, "read", policy="identity:list_domains", query=_QUERY, answer=DOMAINS.answer_list)
routes.add("POST", "", create_domain, "write", status=201, policy="identity:create_domain", body=_CREATE, answer=DOMAINS.answer_one)
routes.add("PATCH", "/{id}", update_domain, "write", policy="identity:update_domain", body=_UPDATE, answer=DOMAINS.answer_one)
routes.add("DELETE", "/{id}", delete_domain, "write", status=204, policy="identity:delete_domain")
