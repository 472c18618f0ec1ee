"""/v3/OS-TRUST/trusts."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from monostack.core import ids
from monostack.core.errors import BadRequest, Conflict, Forbidden
from monostack.db import Row, Transaction
from monostack.http import Request, Routes
from monostack.http.answers import Record, envelope, many
from monostack.services.identity import access, delegation
from monostack.services.identity.application_credentials.api import ROLE_REFERENCE, role_ids_of
from monostack.services.identity.assignments.effective import Filters, effective
from monostack.services.identity.dialect import FORBIDDEN, forbidden_action
from monostack.services.identity.moments import parse_expiration
from monostack.services.identity.projects import tree
from monostack.services.identity.projects.table import PROJECTS
from monostack.services.identity.roles.table import ROLES, roles
from monostack.services.identity.style import PAGE_LINKS, STYLE
from monostack.services.identity.trusts.table import TRUSTS, chain, find_valid, role_ids, trust_roles, trusts
from monostack.services.identity.users.table import USERS

DEEPEST = 3  # times a trust may be passed on: Keystone's [trust] max_redelegation_count

_ROLES = sa.select(roles).where(roles.c.id.in_(sa.bindparam("ids", expanding=True))).order_by(roles.c.id)
_ADD_ROLE = sa.insert(trust_roles)
_SAME = sa.select(trusts.c.id).where(
    *[trusts.c[name] == sa.bindparam(name) for name in ("trustor_user_id", "trustee_user_id", "project_id", "impersonation", "expires_at")]
)
_BY_TRUSTOR = trusts.c.trustor_user_id == sa.bindparam("person")
_BY_TRUSTEE = trusts.c.trustee_user_id == sa.bindparam("person")

routes = Routes("/v3/OS-TRUST/trusts")
_WITH_ROLES = envelope("trust", TRUSTS.answer.with_keys("TrustWithRoles", {"roles": many(ROLES.answer), "roles_links": PAGE_LINKS}))


def _body() -> dict[str, Any]:
    schema = TRUSTS.body_schema("create")
    properties = schema["properties"]["trust"]["properties"]
    properties["expires_at"] = {"type": ["null", "string"]}
    properties["allow_redelegation"] = {"type": ["boolean", "null"]}
    properties["roles"] = {"type": "array", "items": ROLE_REFERENCE}
    return schema


@routes.get("", policy="identity:list_trusts", answer=TRUSTS.answer_list)
def list_trusts(request: Request, tx: Transaction) -> Any:
    """List trusts: all, or those of a trustor or for a trustee."""
    trustor, trustee = request.query_map.get("trustor_user_id"), request.query_map.get("trustee_user_id")
    if trustor:
        request.authorize("identity:list_trusts_for_trustor", {"target": {"trust": {"trustor_user_id": trustor}}})
    elif trustee:
        request.authorize("identity:list_trusts_for_trustee", {"target": {"trust": {"trustee_user_id": trustee}}})
    else:
        request.authorize("identity:list_trusts", {})
    delegation.forbid_trusts(request)
    query = STYLE.parse_list(request, TRUSTS)
    query.filters.clear()
    clause = _BY_TRUSTOR if trustor else _BY_TRUSTEE if trustee else None
    rows = TRUSTS.page(request, tx, query, clause, {"person": trustor or trustee})
    return STYLE.list_envelope(request, TRUSTS, TRUSTS.views(request, tx, rows), query)


@routes.post("", policy="identity:create_trust", status=201, body=_body(), answer=_WITH_ROLES)
def create_trust(request: Request, tx: Transaction) -> dict[str, Any]:
    """Trust a user."""
    given: dict[str, Any] = dict(request.body["trust"])
    request.authorize("identity:create_trust", {"target": {"trust": given}})
    delegation.forbid_trusts(request)
    if given.get("project_id") and not given.get("roles"):
        raise Forbidden(forbidden_action("At least one role should be specified"))
    if request.caller.user_id != given["trustor_user_id"]:
        raise Forbidden(forbidden_action("The authenticated user should match the trustor"))
    if access.find(USERS, tx, given["trustee_user_id"]) is None:
        raise STYLE.not_found(USERS, given["trustee_user_id"])
    source = find_valid(tx, request.caller.trust_id) if request.caller.trust_id is not None else None
    pedigree = (chain(tx, source) or []) if source is not None else []
    wanted = role_ids_of(tx, given.pop("roles", None) or [])
    _require_held(tx, given["trustor_user_id"], given.get("project_id"), wanted)
    if given.get("expires_at") is not None:
        given["expires_at"] = parse_expiration(given["expires_at"]).isoformat(timespec="microseconds")
    _settle_redelegation(tx, given, wanted, source, pedigree)
    row = TRUSTS.insert(tx, request, {**TRUSTS.accept_create(request, given), "id": _free_id(tx, given)})
    if wanted:
        tx.execute(_ADD_ROLE, [{"trust_id": row.id, "role_id": role_id} for role_id in wanted])
    return _rendered(request, tx, row)


def _free_id(tx: Transaction, given: dict[str, Any]) -> str:
    """A new id, unless there is a trust that says the same."""
    new_id = ids.new_hex()
    same = {name: given.get(name) for name in ("trustor_user_id", "trustee_user_id", "project_id", "impersonation", "expires_at")}
    if tx.row(_SAME, same) is not None:
        raise Conflict(f"Conflict occurred attempting to store trust - Duplicate entry found with ID {new_id}.")
    return new_id


def _require_held(tx: Transaction, user_id: str, project_id: str | None, wanted: list[str]) -> None:
    """Nobody can pass on a role he does not hold."""
    held: set[str] = set()
    if project_id:
        project = access.find(PROJECTS, tx, project_id)
        if project is None:
            raise STYLE.not_found(PROJECTS, project_id)
        above = (project.domain_id, *(row.id for row in tree.parents(tx, project_id)))
        held = {one.role_id for one in effective(tx, Filters(user=user_id, projects=(project_id,), above=above))}
    for role_id in wanted:
        if role_id not in held:
            raise STYLE.not_found(ROLES, role_id)


def _settle_redelegation(
    tx: Transaction, given: dict[str, Any], wanted: list[str], source: Row | None, pedigree: list[Row]
) -> None:
    """How often the new trust may be passed on, and whether it keeps within the trust it is passed on from."""
    count = given.get("redelegation_count")
    may_go_on = bool(given.pop("allow_redelegation", False)) and count != 0
    given["redelegated_trust_id"] = None
    if not may_go_on:
        given["redelegation_count"] = 0
    else:
        if count and count > DEEPEST:
            raise Forbidden(FORBIDDEN)
        if given.get("remaining_uses") is not None:
            raise BadRequest("remaining_uses must not be set if redelegation is allowed")
    if source is not None:
        given["redelegated_trust_id"] = source.id
        left = source.redelegation_count - 1
        if may_go_on and count and count != left:
            raise Forbidden(FORBIDDEN)
        if given.get("redelegation_count") is None:
            given["redelegation_count"] = left
        for trust in pedigree:
            _keep_within(tx, trust, given, wanted)
    if given.get("redelegation_count") is None:
        given["redelegation_count"] = DEEPEST


def _keep_within(tx: Transaction, source: Row, given: dict[str, Any], wanted: list[str]) -> None:
    if not 0 < source.redelegation_count <= DEEPEST or given.get("remaining_uses") is not None:
        raise Forbidden(FORBIDDEN)
    if given.get("expires_at") is None:
        given["expires_at"] = source.expires_at
    elif source.expires_at is not None and datetime.fromisoformat(source.expires_at) < datetime.fromisoformat(given["expires_at"]):
        raise Forbidden(FORBIDDEN)
    if not set(role_ids(tx, source.id)).issuperset(wanted) or (given["impersonation"] and not source.impersonation):
        raise Forbidden(FORBIDDEN)


def _find(request: Request, tx: Transaction, rule: str) -> Row:
    """The trust of the path, which is told to be missing before anything else."""
    trust_id = request.params["id"]
    row = find_valid(tx, trust_id)
    if row is None or row.remaining_uses == 0:
        raise STYLE.not_found(TRUSTS, trust_id)
    request.authorize(rule, TRUSTS.target(row))
    delegation.forbid_trusts(request)
    return row


def _roles(request: Request, tx: Transaction, trust_id: str) -> list[dict[str, Any]]:
    return ROLES.views(request, tx, tx.rows(_ROLES, {"ids": role_ids(tx, trust_id)}))


def _role_links(request: Request, trust_id: str) -> dict[str, Any]:
    return {"self": f"{request.service_url}/v3/{trust_id}/roles", "next": None, "previous": None}


def _rendered(request: Request, tx: Transaction, row: Row) -> dict[str, Any]:
    answer = TRUSTS.render(request, tx, row)
    answer["trust"].update(roles=_roles(request, tx, row.id), roles_links=_role_links(request, row.id))
    return answer


@routes.get("/{id}", policy="identity:get_trust", answer=_WITH_ROLES)
def show_trust(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show a trust."""
    return _rendered(request, tx, _find(request, tx, "identity:get_trust"))


@routes.delete("/{id}", policy="identity:delete_trust")
def delete_trust(request: Request, tx: Transaction) -> None:
    """End a trust and all that were passed on from it."""
    TRUSTS.remove(tx, request, _find(request, tx, "identity:delete_trust"))


@routes.get("/{id}/roles", policy="identity:list_roles_for_trust", answer=Record("", {"roles": many(ROLES.answer), "links": PAGE_LINKS}))
def list_roles(request: Request, tx: Transaction) -> dict[str, Any]:
    """List the roles a trust delegates."""
    row = _find(request, tx, "identity:list_roles_for_trust")
    return {"roles": _roles(request, tx, row.id), "links": _role_links(request, row.id)}


@routes.get("/{id}/roles/{role_id}", policy="identity:get_role_for_trust", answer=ROLES.answer_one)
def show_role(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show a role a trust delegates."""
    row, role_id = _find(request, tx, "identity:get_role_for_trust"), request.params["role_id"]
    for role in _roles(request, tx, row.id):
        if role["id"] == role_id:
            return {"role": role}
    raise STYLE.not_found(ROLES, role_id)
