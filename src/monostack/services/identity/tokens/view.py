"""A session as the body of POST and GET /v3/auth/tokens."""

from datetime import UTC, datetime
from typing import Any

from monostack.services.identity.tokens.session import Session


def moment(seconds: int) -> str:
    """2026-11-22T04:53:38.000000Z"""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000000Z")


def render(session: Session, catalog: list[dict[str, Any]] | None) -> dict[str, Any]:
    payload, user = session.payload, session.user
    token: dict[str, Any] = {
        "methods": list(payload.methods),
        "user": {
            "domain": {"id": user.domain_id, "name": user.domain_name},
            "id": user.id,
            "name": user.name,
            "password_expires_at": user.password_expires_at,
        },
        "audit_ids": list(payload.audit_ids),
        "expires_at": moment(payload.expires_at),
        "issued_at": moment(payload.issued_at),
    }
    roles = [{"id": id, "name": name} for id, name in session.roles]
    if session.is_system:
        token["roles"] = roles
        token["system"] = {"all": True}
    elif session.domain is not None:
        token["domain"] = {"id": session.domain.id, "name": session.domain.name}
        token["roles"] = roles
    elif session.project is not None:
        project = session.project
        token["project"] = {
            "domain": {"id": project.domain_id, "name": project.domain_name}, "id": project.id, "name": project.name,
        }  # fmt: skip
        token["is_domain"] = False
        token["roles"] = roles
    if catalog is not None:
        token["catalog"] = catalog
    return {"token": token}
