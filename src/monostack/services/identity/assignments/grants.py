"""Grants: a role for a user or group on a project, a domain or the system; under OS-INHERIT on what is below."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from monostack.core.errors import Forbidden, NotFound
from monostack.db import Row, Transaction
from monostack.events import record
from monostack.http import Request, Response, Routes
from monostack.services.identity.assignments.table import SYSTEM, assignments
from monostack.services.identity.domains import DOMAINS
from monostack.services.identity.groups.table import GROUPS
from monostack.services.identity.projects.table import PROJECTS
from monostack.services.identity.roles.table import ROLES
from monostack.services.identity.style import collection, page_of
from monostack.services.identity.users.table import USERS

_a = assignments.c
_ACTOR_AND_TARGET = sa.and_(
    _a.actor_type == sa.bindparam("actor_type"), _a.actor_id == sa.bindparam("actor_id"),
    _a.target_type == sa.bindparam("target_type"), _a.target_id == sa.bindparam("target_id"),
    _a.inherited == sa.bindparam("is_inherited"),
)  # fmt: skip
_ONE = sa.and_(_ACTOR_AND_TARGET, _a.role_id == sa.bindparam("role_id"))
_FIND = sa.select(_a.role_id).where(_ONE)
_DELETE = sa.delete(assignments).where(_ONE)
_LIST = sa.select(ROLES.table).join(assignments, _a.role_id == ROLES.table.c.id).where(_ACTOR_AND_TARGET).order_by(ROLES.table.c.id)
_INSERT = sa.insert(assignments)

ACTORS = {"users": USERS, "groups": GROUPS}
TARGETS = {"projects": PROJECTS, "domains": DOMAINS}


@dataclass(frozen=True, slots=True)
class Grant:
    """What a grant's path names."""

    actor: Row
    target: Row | None
    role: Row | None
    key: dict[str, Any]  # parameters of the statements


def _row(resource: Any, request: Request, tx: Transaction, id: str) -> Row:
    return resource.get(request, tx, id)


def _attributes(row: Row) -> dict[str, Any]:
    return dict(row._mapping)


@dataclass(frozen=True, slots=True)
class Place:
    """One family of grant paths: which kind of actor on which kind of target, inherited or not."""

    actors: str  # users, groups
    targets: str  # projects, domains, system
    inherited: bool = False

    @property
    def path(self) -> str:
        target = "/system" if self.targets == SYSTEM else f"/{self.targets}/{{id}}"
        return f"{'/OS-INHERIT' if self.inherited else ''}{target}/{self.actors}/{{{self.actors[:-1]}_id}}/roles"

    def rule(self, verb: str) -> str:
        if self.targets == SYSTEM:
            return f"identity:{verb}_system_grant{'s' if verb == 'list' else ''}_for_{self.actors[:-1]}"
        return f"identity:{verb}_grant{'s' if verb == 'list' else ''}"

    def find(self, request: Request, tx: Transaction, verb: str) -> Grant:
        """What the path names, all of which must exist, authorized."""
        actor_kind = self.actors[:-1]
        role = _row(ROLES, request, tx, request.params["role_id"]) if "role_id" in request.params else None
        actor = _row(ACTORS[self.actors], request, tx, request.params[f"{actor_kind}_id"])
        target = None if self.targets == SYSTEM else _row(TARGETS[self.targets], request, tx, request.params["id"])
        about: dict[str, Any] = {actor_kind: _attributes(actor)}
        if role is not None:
            about["role"] = _attributes(role)
        if target is not None:
            about[self.targets[:-1]] = _attributes(target)
        request.authorize(self.rule(verb), {"target": about})
        key = {
            "actor_type": actor_kind,
            "actor_id": actor.id,
            "target_type": SYSTEM if target is None else self.targets[:-1],
            "target_id": SYSTEM if target is None else target.id,
            "is_inherited": self.inherited,
        }
        if role is not None:
            key["role_id"] = role.id
        return Grant(actor, target, role, key)

    def list(self, request: Request, tx: Transaction) -> dict[str, Any]:
        """List the roles granted here."""
        grant = self.find(request, tx, "list")
        rows = tx.rows(_LIST, grant.key)
        return collection(request, "roles", ROLES.views(request, tx, rows))

    def check(self, request: Request, tx: Transaction) -> Response:
        """Say whether the role is granted."""
        grant = self.find(request, tx, "check")
        if tx.row(_FIND, grant.key) is None:
            raise self._missing(grant)
        return Response(None, 204)

    def create(self, request: Request, tx: Transaction) -> None:
        """Grant the role."""
        grant = self.find(request, tx, "create")
        assert grant.role is not None
        self._check_role_domain(grant)
        if tx.row(_FIND, grant.key) is None:
            key = dict(grant.key)
            key["inherited"] = key.pop("is_inherited")
            tx.execute(_INSERT, key)
            record(tx, request, "role.grant", grant.role.id, self._project(grant), grant.key)

    def revoke(self, request: Request, tx: Transaction) -> None:
        """Take the role away."""
        grant = self.find(request, tx, "revoke")
        assert grant.role is not None
        if tx.execute(_DELETE, grant.key).rowcount == 0:
            raise self._missing(grant)
        record(tx, request, "role.revoke", grant.role.id, self._project(grant), grant.key)

    def _project(self, grant: Grant) -> str | None:
        return grant.key["target_id"] if self.targets == "projects" else None

    def _missing(self, grant: Grant) -> NotFound:
        target = SYSTEM if grant.target is None else grant.target.id
        return NotFound(
            f"Could not find role assignment with role: {grant.key['role_id']}, user or group: {grant.actor.id},"
            f" project, domain, or system: {target}."
        )

    def _check_role_domain(self, grant: Grant) -> None:
        """A role of a domain is granted only on that domain's projects."""
        role, target = grant.role, grant.target
        assert role is not None
        if self.targets == "projects" and target is not None and role.domain_id not in (None, target.domain_id):
            raise Forbidden(f"Project {target.id} must be in the same domain as the role {role.id} being assigned.")


def _routes() -> Routes:
    routes = Routes("/v3")
    for actors in ACTORS:
        for targets in (*TARGETS, SYSTEM):
            _add(routes, Place(actors, targets))
        for targets in TARGETS:
            _add(routes, Place(actors, targets, inherited=True))
    return routes


def _add(routes: Routes, place: Place) -> None:
    end = "/inherited_to_projects" if place.inherited else ""
    one = place.path + "/{role_id}" + end
    routes.add("GET", place.path + end, place.list, "read", policy=place.rule("list"), answer=page_of(ROLES))
    routes.add("GET", one, place.check, "read", policy=place.rule("check"), status=204)
    routes.add("PUT", one, place.create, "write", policy=place.rule("create"), status=204)
    routes.add("DELETE", one, place.revoke, "write", policy=place.rule("revoke"), status=204)


routes = _routes()
