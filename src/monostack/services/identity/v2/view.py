"""A session as version 2.0 shows it."""

from collections.abc import Sequence
from typing import Any

from monostack.db import Row
from monostack.http.answers import FLAG, INTEGER, TEXT, TEXTS, Record, envelope, many, maybe, optional
from monostack.services.identity import catalog
from monostack.services.identity.moments import from_seconds
from monostack.services.identity.tokens.session import Session

TENANT = Record("Tenant", {"id": TEXT, "name": TEXT, "description": maybe(TEXT), "enabled": FLAG})
_ENDPOINT = Record("V2Endpoint", {"region": maybe(TEXT), "id": TEXT, "adminURL": TEXT, "internalURL": TEXT, "publicURL": TEXT})
_TOKEN = {"id": TEXT, "expires": TEXT, "issued_at": TEXT, "audit_ids": TEXTS, "tenant": optional(TENANT)}
_USER = {"id": TEXT, "name": TEXT, "username": TEXT, "roles": many(envelope("name", TEXT)), "roles_links": TEXTS}
ACCESS = envelope(
    "access",
    Record(
        "Access",
        {
            "token": Record("V2Token", _TOKEN),
            "serviceCatalog": many(
                Record("V2Service", {"type": TEXT, "name": TEXT, "endpoints": many(_ENDPOINT), "endpoints_links": TEXTS})
            ),
            "user": Record("V2User", _USER),
            "metadata": Record("", {"is_admin": INTEGER, "roles": TEXTS}),
        },
    ),
)


def rendered(session: Session, token: str, entries: Sequence[Row], app_url: str) -> dict[str, Any]:
    payload, user, project = session.payload, session.user, session.project
    shown: dict[str, Any] = {
        "id": token,
        "expires": from_seconds(payload.expires_at)[:19] + "Z",
        "issued_at": from_seconds(payload.issued_at),
        "audit_ids": list(payload.audit_ids),
    }
    if project is not None:
        shown["tenant"] = {"id": project.id, "name": project.name, "description": project.description, "enabled": project.enabled}
    values = catalog.variables(app_url, user.id, project.id if project is not None else None)
    return {
        "access": {
            "token": shown,
            "serviceCatalog": service_catalog(catalog.render(entries, values)),
            "user": {
                "id": user.id,
                "name": user.name,
                "username": user.name,
                "roles": [{"name": name} for _, name in session.roles],
                "roles_links": [],
            },
            "metadata": {"is_admin": 0, "roles": [id for id, _ in session.roles]},
        }
    }


def service_catalog(v3: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A catalog in which a service has one entry a region, with a URL for each interface."""
    services: list[dict[str, Any]] = []
    for service in v3:
        regions: dict[str | None, dict[str, Any]] = {}
        for endpoint in service["endpoints"]:
            entry = regions.setdefault(endpoint["region"], {"region": endpoint["region"], "id": endpoint["id"]})
            entry[endpoint["interface"] + "URL"] = endpoint["url"]
        if regions:
            services.append(
                {"type": service["type"], "name": service["name"], "endpoints": list(regions.values()), "endpoints_links": []}
            )
    return services
