"""What a new token is to be for: a project, a domain, the system, a trust, nothing, or what the user or credential has by default."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from monostack.db import Row, Transaction
from monostack.services.identity import domains
from monostack.services.identity.dialect import expecting
from monostack.services.identity.projects.table import projects
from monostack.services.identity.tokens import payload as kinds
from monostack.services.identity.tokens import session as sessions
from monostack.services.identity.tokens.session import Rejected
from monostack.services.identity.trusts.table import find_valid

if TYPE_CHECKING:
    from monostack.services.identity.tokens.methods import Proof

_PROJECT_BY_NAME = sa.select(projects.c.id).where(projects.c.domain_id == sa.bindparam("domain"), projects.c.name == sa.bindparam("name"))
_SCOPES = ("system", "project", "domain", "OS-TRUST:trust", "unscoped")


@dataclass(frozen=True, slots=True)
class Scope:
    """A kind of payload with the project's or domain's id and that of the trust, access token or application credential."""

    kind: int
    id: str | None = None
    delegation_id: str | None = None


def find_login_domain(tx: Transaction, given: Mapping[str, Any]) -> Row:
    """The enabled domain that a login names."""
    if given.get("name"):
        domain = tx.row(domains.BY_NAME, {"name": given["name"]})
    else:
        domain = tx.row(domains.BY_ID, {"id": given.get("id")})
    if domain is None or not domain.enabled:
        raise Rejected("the domain does not exist or is disabled")
    return domain


def wanted_scope(tx: Transaction, proof: "Proof", scope: Any, user: Row) -> Scope:
    """The scope that is asked for. Raises Rejected for one that does not exist, BadRequest for one that is not clear."""
    if proof.application_credential is not None:
        return Scope(kinds.APPLICATION_CREDENTIAL, proof.application_credential.project_id, proof.application_credential.id)
    if proof.access_token is not None:
        return Scope(kinds.ACCESS_TOKEN, proof.access_token.project_id, proof.access_token.id)
    if scope is None:
        return _default_scope(tx, user)
    if sum(name in scope for name in _SCOPES) != 1:
        raise expecting("system, project, domain, OS-TRUST:trust or unscoped", "scope")
    if "system" in scope:
        return Scope(kinds.SYSTEM)
    if "domain" in scope:
        return Scope(kinds.DOMAIN, find_login_domain(tx, scope["domain"]).id)
    if "project" in scope:
        return Scope(kinds.PROJECT, _find_project(tx, scope["project"]))
    if "OS-TRUST:trust" in scope:
        return _trust_scope(tx, scope["OS-TRUST:trust"])
    return Scope(kinds.UNSCOPED)


def _find_project(tx: Transaction, given: Mapping[str, Any]) -> str:
    if not given.get("name"):
        return given.get("id") or ""
    if "domain" not in given:
        raise expecting("domain", "project")
    domain = find_login_domain(tx, given["domain"])
    project_id = tx.scalar(_PROJECT_BY_NAME, {"domain": domain.id, "name": given["name"]})
    if project_id is None:
        raise Rejected(f"there is no project {given['name']} in domain {domain.id}")
    return project_id


def _trust_scope(tx: Transaction, given: Mapping[str, Any]) -> Scope:
    if not given.get("id"):
        raise expecting("trust_id", "trust")
    trust = find_valid(tx, given["id"])
    if trust is None or trust.project_id is None or trust.remaining_uses == 0:
        raise Rejected(f"trust {given['id']} does not exist, has expired, has no uses left or is for no project")
    return Scope(kinds.TRUST, trust.project_id, trust.id)


def _default_scope(tx: Transaction, user: Row) -> Scope:
    """The user's default project if he may use it."""
    if user.default_project_id is not None:
        try:
            project = sessions.find_project(tx, user.default_project_id)
        except Rejected:
            return Scope(kinds.UNSCOPED)
        if sessions.project_roles(tx, user.id, project):
            return Scope(kinds.PROJECT, project.id)
    return Scope(kinds.UNSCOPED)
