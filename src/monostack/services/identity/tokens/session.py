"""What a token stands for now: user, scope and roles, looked up in live state. A token that stands for nothing any more is Rejected."""

from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from monostack.core import clock
from monostack.core.context import Caller
from monostack.db import Row, Transaction
from monostack.services.identity.application_credentials.rules import compiled
from monostack.services.identity.application_credentials.table import credentials, roles_of, rules_of
from monostack.services.identity.assignments.table import SYSTEM as SYSTEM_TARGET
from monostack.services.identity.assignments.table import held_roles, with_implied
from monostack.services.identity.domains import domains
from monostack.services.identity.moments import has_passed
from monostack.services.identity.oauth1.table import access_tokens
from monostack.services.identity.projects.table import projects
from monostack.services.identity.tokens import payload as kinds
from monostack.services.identity.tokens.payload import Payload
from monostack.services.identity.tokens.revocations import is_revoked
from monostack.services.identity.trusts.table import chain, find_valid, role_ids
from monostack.services.identity.users.table import users


class Rejected(Exception):
    """The token, or the login, is not valid (any more).

    The reason is for the log. `told` is what a caller hears who asks about a token, having shown that he may.
    """

    def __init__(self, reason: str, told: str = "Failed to validate token") -> None:
        super().__init__(reason)
        self.told = told


class WrongMethod(Rejected):
    """A login by a way that is not there, or that does not allow what is asked. The message and `identity` are for the caller."""

    def __init__(self, message: str, identity: dict[str, Any]) -> None:
        super().__init__(message)
        self.identity = identity


@dataclass(slots=True)
class Session:
    """`roles` are (id, name), implied ones included. `project` or `domain` is the scope; neither for unscoped and system tokens.

    `actor` is as whom the token acts: the user, or the trustor whom the user impersonates.
    """

    payload: Payload
    user: Row
    roles: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    project: Row | None = None
    domain: Row | None = None
    trust: Row | None = None
    application_credential: Row | None = None
    access_token: Row | None = None
    access_rules: list[dict[str, Any]] | None = None
    actor: Row = field(init=False)
    caller: Caller = field(init=False)

    def __post_init__(self) -> None:
        self.actor = self.user

    @property
    def scope_generation(self) -> int:
        scope = self.project if self.project is not None else self.domain
        return scope.token_generation if scope is not None else 0

    @property
    def is_system(self) -> bool:
        return self.payload.kind == kinds.SYSTEM


_user_domain = domains.alias("user_domain")
USER = (
    sa.select(
        users.c.id, users.c.name, users.c.domain_id, users.c.enabled, users.c.default_project_id, users.c.password_expires_at,
        users.c.token_generation, users.c.options,
        _user_domain.c.name.label("domain_name"), _user_domain.c.enabled.label("domain_enabled"),
    ).join_from(users, _user_domain, _user_domain.c.id == users.c.domain_id)
    .where(users.c.id == sa.bindparam("user"))
)  # fmt: skip
PROJECT = (
    sa.select(
        projects.c.id, projects.c.name, projects.c.domain_id, projects.c.parent_id, projects.c.enabled, projects.c.description,
        projects.c.token_generation,
        domains.c.name.label("domain_name"), domains.c.enabled.label("domain_enabled"),
    ).join_from(projects, domains, domains.c.id == projects.c.domain_id)
    .where(projects.c.id == sa.bindparam("project"))
)  # fmt: skip
DOMAIN = sa.select(domains.c.id, domains.c.name, domains.c.enabled, domains.c.token_generation).where(
    domains.c.id == sa.bindparam("domain")
)
_CREDENTIAL = sa.select(credentials).where(credentials.c.id == sa.bindparam("id"))
_ACCESS_TOKEN = sa.select(access_tokens).where(access_tokens.c.id == sa.bindparam("id"))
_parent = sa.select(projects.c.parent_id).where(projects.c.id == sa.bindparam("project")).cte("above", recursive=True)
ABOVE = sa.select(
    _parent.union_all(sa.select(projects.c.parent_id).where(projects.c.id == _parent.c.parent_id)).c.parent_id
)


def above(tx: Transaction, project: Row) -> list[str]:
    """The projects a project is below, and its domain."""
    if project.parent_id in (None, project.domain_id):
        return [project.domain_id]
    return [row[0] for row in tx.rows(ABOVE, {"project": project.id}) if row[0] is not None]


def find_user(tx: Transaction, user_id: str) -> Row:
    """An enabled user of an enabled domain."""
    user = tx.row(USER, {"user": user_id})
    if user is None or not user.enabled or not user.domain_enabled:
        raise Rejected(f"user {user_id} does not exist or is disabled")
    return user


def find_project(tx: Transaction, project_id: str) -> Row:
    project = tx.row(PROJECT, {"project": project_id})
    if project is None or not project.enabled or not project.domain_enabled:
        told = f"Could not find project: {project_id}." if project is None else (
            f"Unable to validate token because project {project_id} is disabled"
            if not project.enabled
            else f"Unable to validate token because domain {project.domain_id} is disabled"
        )  # fmt: skip
        raise Rejected(f"project {project_id} does not exist or is disabled", told)
    return project


def find_domain(tx: Transaction, domain_id: str) -> Row:
    domain = tx.row(DOMAIN, {"domain": domain_id})
    if domain is None or not domain.enabled:
        raise Rejected(f"domain {domain_id} does not exist or is disabled")
    return domain


def project_roles(tx: Transaction, user_id: str, project: Row) -> list[tuple[str, str]]:
    return held_roles(tx, user_id, "project", project.id, above(tx, project))


def establish(tx: Transaction, payload: Payload) -> Session:
    """The session of a payload whose times and revocation are not in question. Raises Rejected."""
    session = Session(payload, find_user(tx, payload.user_id))
    if payload.kind == kinds.SYSTEM:
        session.roles = held_roles(tx, payload.user_id, SYSTEM_TARGET, SYSTEM_TARGET)
    elif payload.kind == kinds.DOMAIN:
        session.domain = find_domain(tx, payload.scope_id or "")
        session.roles = held_roles(tx, payload.user_id, "domain", session.domain.id)
    elif payload.kind == kinds.PROJECT:
        session.project = find_project(tx, payload.scope_id or "")
        session.roles = project_roles(tx, payload.user_id, session.project)
    elif payload.kind == kinds.TRUST:
        _act_by_trust(tx, session)
    elif payload.kind == kinds.ACCESS_TOKEN:
        _act_by_access_token(tx, session)
    elif payload.kind == kinds.APPLICATION_CREDENTIAL:
        _act_by_application_credential(tx, session)
    if payload.kind != kinds.UNSCOPED and not session.roles:
        raise Rejected(f"user {payload.user_id} holds no role on {payload.scope_id or 'the system'}")
    session.caller = caller_of(session)
    return session


def validate(tx: Transaction, payload: Payload, grace: int = 0) -> Session:
    """The session of a token that was presented. Raises Rejected; `grace` are seconds it may have been expired for."""
    if clock.timestamp() >= payload.expires_at + grace:
        raise Rejected("expired")
    if is_revoked(tx, payload.audit_ids):
        raise Rejected("revoked")
    session = establish(tx, payload)
    if session.user.token_generation != payload.generation or session.scope_generation != payload.scope_generation:
        raise Rejected("made before the user's or the scope's tokens were revoked")
    return session


def _act_by_trust(tx: Transaction, session: Session) -> None:
    """The roles the trust delegates. It ends when the trustor loses one of them."""
    payload = session.payload
    trust = find_valid(tx, payload.delegation_id or "")
    pedigree = chain(tx, trust) if trust is not None else None
    if trust is None or pedigree is None or trust.trustee_user_id != payload.user_id or trust.project_id is None:
        told = f"Could not find trust: {payload.delegation_id}."
        raise Rejected(f"trust {payload.delegation_id} is not one of {payload.user_id} any more", told)
    trustor = find_user(tx, trust.trustor_user_id)
    for above_it in pedigree[1:]:
        find_user(tx, above_it.trustee_user_id)
    session.trust, session.project = trust, find_project(tx, trust.project_id)
    delegated = with_implied(tx, role_ids(tx, trust.id))
    held = dict(project_roles(tx, pedigree[-1].trustor_user_id, session.project))
    if not delegated or not held.keys() >= set(delegated):
        raise Rejected(f"the trustor of {trust.id} does not hold all of its roles any more")
    session.roles = [(id, held[id]) for id in delegated]
    if trust.impersonation:
        session.actor = trustor


def _act_by_application_credential(tx: Transaction, session: Session) -> None:
    """Those of the credential's roles that its user still holds."""
    payload = session.payload
    credential = tx.row(_CREDENTIAL, {"id": payload.delegation_id})
    if credential is None or credential.user_id != payload.user_id or has_passed(credential.expires_at):
        told = f"Could not find Application Credential: {payload.delegation_id}."
        raise Rejected(f"application credential {payload.delegation_id} is not valid", told)
    session.application_credential, session.project = credential, find_project(tx, credential.project_id)
    granted = {role["id"] for role in roles_of(tx, [credential.id]).get(credential.id, ())}
    session.roles = [role for role in project_roles(tx, payload.user_id, session.project) if role[0] in granted]
    session.access_rules = rules_of(tx, [credential.id]).get(credential.id)


def _act_by_access_token(tx: Transaction, session: Session) -> None:
    """Those of the roles its user allowed to a consumer, with what they imply, that the user still holds."""
    payload = session.payload
    token = tx.row(_ACCESS_TOKEN, {"id": payload.delegation_id})
    if token is None or token.authorizing_user_id != payload.user_id or has_passed(token.expires_at):
        raise Rejected(f"access token {payload.delegation_id} is not valid", "Access token not found")
    session.access_token, session.project = token, find_project(tx, token.project_id)
    allowed = set(with_implied(tx, token.role_ids))
    session.roles = [role for role in project_roles(tx, payload.user_id, session.project) if role[0] in allowed]


def caller_of(session: Session) -> Caller:
    payload, user, project, domain = session.payload, session.actor, session.project, session.domain
    trust, credential = session.trust, session.application_credential
    return Caller(
        user_id=user.id,
        user_name=user.name,
        user_domain_id=user.domain_id,
        user_domain_name=user.domain_name,
        project_id=project.id if project is not None else None,
        project_name=project.name if project is not None else None,
        project_domain_id=project.domain_id if project is not None else None,
        project_domain_name=project.domain_name if project is not None else None,
        domain_id=domain.id if domain is not None else None,
        domain_name=domain.name if domain is not None else None,
        system_scope="all" if session.is_system else None,
        roles=frozenset(name for _, name in session.roles),
        trust_id=trust.id if trust is not None else None,
        trustor_id=trust.trustor_user_id if trust is not None else None,
        trustee_id=trust.trustee_user_id if trust is not None else None,
        application_credential_id=credential.id if credential is not None else None,
        unrestricted=bool(credential is not None and credential.unrestricted),
        access_rules=compiled(session.access_rules) if session.access_rules is not None else None,
        methods=payload.methods,
        audit_ids=payload.audit_ids,
        issued_at=payload.issued_at,
        expires_at=payload.expires_at,
    )
