"""/v3/roles/{role}/implies and /v3/role_inferences: which role implies which."""

from typing import Any

import sqlalchemy as sa

from monostack.core.errors import Conflict, Forbidden, NotFound
from monostack.db import Row, Transaction
from monostack.events import record
from monostack.http import Request, Response, Routes
from monostack.http.answers import TEXT, Record, Schema, envelope, many
from monostack.services.identity.roles.table import ROLES, implied_roles, roles
from monostack.services.identity.style import LINKS

PROHIBITED = ("admin",)  # Keystone's [assignment] prohibited_implied_role

_PAIR = sa.and_(implied_roles.c.prior_role_id == sa.bindparam("prior"), implied_roles.c.implied_role_id == sa.bindparam("implied"))
_FIND = sa.select(implied_roles).where(_PAIR)
_DELETE = sa.delete(implied_roles).where(_PAIR)
_INSERT = sa.insert(implied_roles)
_IMPLIED = (
    sa.select(roles.c.id, roles.c.name)
    .join(implied_roles, implied_roles.c.implied_role_id == roles.c.id)
    .where(implied_roles.c.prior_role_id == sa.bindparam("prior"))
    .order_by(roles.c.id)
)
_prior = roles.alias("prior")
_ALL = (
    sa.select(_prior.c.id.label("prior_id"), _prior.c.name.label("prior_name"), roles.c.id, roles.c.name)
    .join_from(implied_roles, _prior, _prior.c.id == implied_roles.c.prior_role_id)
    .join(roles, roles.c.id == implied_roles.c.implied_role_id)
    .order_by(_prior.c.id, roles.c.id)
)

routes = Routes("/v3")


def _shown(request: Request, id: str, name: str) -> dict[str, Any]:
    return {"id": id, "links": {"self": f"{request.service_url}/v3/roles/{id}"}, "name": name}


def _find_pair(request: Request, tx: Transaction, rule: str) -> tuple[Row, Row | None]:
    """The roles of the path, authorized."""
    prior = ROLES.get(request, tx, request.params["id"])
    implied = ROLES.get(request, tx, request.params["implied_id"]) if "implied_id" in request.params else None
    target = {"prior_role": dict(prior._mapping)}
    if implied is not None:
        target["implied_role"] = dict(implied._mapping)
    request.authorize(rule, {"target": target})
    return prior, implied


_ROLE = Record("ImpliedRole", {"id": TEXT, "links": LINKS, "name": TEXT})
_EVERY = envelope("role_inferences", many(Record("RoleInference", {"prior_role": _ROLE, "implies": many(_ROLE)})))


def _one(implied: Schema) -> Record:
    return Record("", {"role_inference": Record("", {"prior_role": _ROLE, "implies": implied}), "links": LINKS})


@routes.get("/roles/{id}/implies", policy="identity:list_implied_roles", answer=_one(many(_ROLE)))
def list_implied(request: Request, tx: Transaction) -> dict[str, Any]:
    """List what a role implies."""
    prior, _ = _find_pair(request, tx, "identity:list_implied_roles")
    implies = [_shown(request, row.id, row.name) for row in tx.rows(_IMPLIED, {"prior": prior.id})]
    return {
        "role_inference": {"prior_role": _shown(request, prior.id, prior.name), "implies": implies},
        "links": {"self": f"{request.service_url}/v3/roles/{prior.id}/implies"},
    }


def _inference(request: Request, prior: Row, implied: Row) -> dict[str, Any]:
    return {
        "role_inference": {"prior_role": _shown(request, prior.id, prior.name), "implies": _shown(request, implied.id, implied.name)},
        "links": {"self": f"{request.service_url}/v3/roles/{prior.id}/implies/{implied.id}"},
    }


def _existing(request: Request, tx: Transaction, rule: str) -> tuple[Row, Row]:
    prior, implied = _find_pair(request, tx, rule)
    assert implied is not None
    if tx.row(_FIND, {"prior": prior.id, "implied": implied.id}) is None:
        raise NotFound(f"{prior.id} does not imply {implied.id}.")
    return prior, implied


@routes.get("/roles/{id}/implies/{implied_id}", policy="identity:get_implied_role", answer=_one(_ROLE))
def show_implied(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show one implication."""
    prior, implied = _existing(request, tx, "identity:get_implied_role")
    return _inference(request, prior, implied)


@routes.head("/roles/{id}/implies/{implied_id}", policy="identity:check_implied_role")
def check_implied(request: Request, tx: Transaction) -> Response:
    """Say whether a role implies another."""
    _existing(request, tx, "identity:check_implied_role")
    return Response(None, 204)


@routes.put("/roles/{id}/implies/{implied_id}", policy="identity:create_implied_role", status=201, answer=_one(_ROLE))
def create_implied(request: Request, tx: Transaction) -> dict[str, Any]:
    """Make a role imply another."""
    prior, implied = _find_pair(request, tx, "identity:create_implied_role")
    assert implied is not None
    if implied.name in PROHIBITED or (prior.domain_id is None and implied.domain_id is not None):
        raise Forbidden(f"{implied.id} cannot be an implied roles.")
    if tx.row(_FIND, {"prior": prior.id, "implied": implied.id}) is not None:
        raise Conflict("Conflict occurred attempting to store implied_role - Duplicate entry.")
    tx.execute(_INSERT, {"prior_role_id": prior.id, "implied_role_id": implied.id})
    record(tx, request, "role.imply", prior.id, details={"implied": implied.id})
    return _inference(request, prior, implied)


@routes.delete("/roles/{id}/implies/{implied_id}", policy="identity:delete_implied_role")
def delete_implied(request: Request, tx: Transaction) -> None:
    """Let a role no longer imply another."""
    prior, implied = _existing(request, tx, "identity:delete_implied_role")
    tx.execute(_DELETE, {"prior": prior.id, "implied": implied.id})
    record(tx, request, "role.unimply", prior.id, details={"implied": implied.id})


@routes.get("/role_inferences", policy="identity:list_role_inference_rules", answer=_EVERY)
def list_inferences(request: Request, tx: Transaction) -> dict[str, Any]:
    """List every implication."""
    request.authorize("identity:list_role_inference_rules", {})
    inferences: dict[str, dict[str, Any]] = {}
    for row in tx.rows(_ALL):
        prior = inferences.setdefault(
            row.prior_id, {"prior_role": _shown(request, row.prior_id, row.prior_name), "implies": []}
        )
        prior["implies"].append(_shown(request, row.id, row.name))
    return {"role_inferences": list(inferences.values())}
