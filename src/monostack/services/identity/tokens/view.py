"""A session as the body of POST and GET /v3/auth/tokens."""

from typing import Any

from monostack.http.answers import FLAG, TEXT, TEXTS, Record, envelope, many, maybe, optional
from monostack.services.identity import catalog
from monostack.services.identity.moments import from_seconds
from monostack.services.identity.tokens.session import Session

_NAMED = {"id": TEXT, "name": TEXT}
_DOMAIN = Record("TokenDomain", _NAMED)
_TRUST = {"id": TEXT, "trustor_user": envelope("id", TEXT), "trustee_user": envelope("id", TEXT), "impersonation": FLAG}
_RULE = Record("TokenAccessRule", {"id": TEXT, "service": TEXT, "path": TEXT, "method": TEXT})
ANSWER = envelope(
    "token",
    Record(
        "Token",
        {
            "methods": TEXTS,
            "user": Record("TokenUser", {"domain": _DOMAIN, "password_expires_at": maybe(TEXT), **_NAMED}),
            "audit_ids": TEXTS,
            "expires_at": TEXT,
            "issued_at": TEXT,
            "roles": optional(many(Record("TokenRole", _NAMED))),
            "system": optional(envelope("all", FLAG)),
            "domain": optional(_DOMAIN),
            "project": optional(Record("TokenProject", {"domain": _DOMAIN, **_NAMED})),
            "is_domain": optional(FLAG),
            "OS-TRUST:trust": optional(Record("TokenTrust", _TRUST)),
            "OS-OAUTH1": optional(Record("TokenAccess", {"access_token_id": TEXT, "consumer_id": TEXT})),
            "application_credential": optional(
                Record("TokenApplicationCredential", {**_NAMED, "restricted": FLAG, "access_rules": optional(many(_RULE))})
            ),
            "catalog": optional(catalog.ANSWER),
        },
    ),
)


def render(session: Session, entries: Any) -> dict[str, Any]:
    payload, user = session.payload, session.actor
    token: dict[str, Any] = {
        "methods": list(payload.methods),
        "user": {
            "domain": {"id": user.domain_id, "name": user.domain_name},
            "id": user.id,
            "name": user.name,
            "password_expires_at": user.password_expires_at,
        },
        "audit_ids": list(payload.audit_ids),
        "expires_at": from_seconds(payload.expires_at),
        "issued_at": from_seconds(payload.issued_at),
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
        if session.trust is None:
            token["is_domain"] = False
        token["roles"] = roles
    if session.trust is not None:
        token["OS-TRUST:trust"] = {
            "id": session.trust.id,
            "trustor_user": {"id": session.trust.trustor_user_id},
            "trustee_user": {"id": session.trust.trustee_user_id},
            "impersonation": session.trust.impersonation,
        }
    if session.access_token is not None:
        token["OS-OAUTH1"] = {"access_token_id": session.access_token.id, "consumer_id": session.access_token.consumer_id}
    if session.application_credential is not None:
        credential = session.application_credential
        token["application_credential"] = {"id": credential.id, "name": credential.name, "restricted": not credential.unrestricted}
        if session.access_rules is not None:
            token["application_credential"]["access_rules"] = session.access_rules
    if entries is not None:
        token["catalog"] = entries
    return {"token": token}
