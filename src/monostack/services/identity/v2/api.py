"""/v2.0: discovery, tokens and the tenants of a token. Users and tenants (projects) are those of the default domain.

Source: the Identity API v2.0 as Keystone served it until its 13.0 (Queens).
"""

import logging
from typing import Any

import sqlalchemy as sa

from monostack.core.errors import BadRequest, NotFound, Unauthorized
from monostack.db import Transaction
from monostack.http import Request, Response, Routes
from monostack.http.answers import TEXT, TEXTS, Record, envelope, many, optional
from monostack.services.identity.access import DEFAULT_DOMAIN
from monostack.services.identity.assignments.listing import projects_of_user
from monostack.services.identity.catalog import entries
from monostack.services.identity.dialect import AUTHENTICATE, DIALECT, expecting
from monostack.services.identity.projects.table import projects
from monostack.services.identity.tokens.login import log_in
from monostack.services.identity.tokens.session import Rejected, Session
from monostack.services.identity.v2.view import ACCESS, TENANT, rendered

log = logging.getLogger(__name__)

_TENANTS = (
    sa.select(projects.c.id, projects.c.name, projects.c.description, projects.c.enabled)
    .where(projects.c.id.in_(sa.bindparam("ids", expanding=True)), projects.c.domain_id == DEFAULT_DOMAIN)
    .order_by(projects.c.id)
)

routes = Routes("/v2.0")


def _require_setting(request: Request) -> None:
    if not request.cloud.config.identity.v2_api:
        raise NotFound(DIALECT.no_route, kind="HTTPNotFound")


def v2_version(request: Request) -> dict[str, Any]:
    """The version as discovery tells it."""
    return {
        "id": "v2.0",
        "status": "deprecated",
        "updated": "2016-08-04T00:00:00Z",
        "links": [
            {"rel": "self", "href": f"{request.service_url}/v2.0/"},
            {"rel": "describedby", "type": "text/html", "href": "https://docs.openstack.org/"},
        ],
        "media-types": [{"base": "application/json", "type": "application/vnd.openstack.identity-v2.0+json"}],
    }


_LINK = Record("VersionLink", {"rel": TEXT, "href": TEXT, "type": optional(TEXT)})
_MEDIA = Record("MediaType", {"base": TEXT, "type": TEXT})
VERSION = Record("Version", {"id": TEXT, "status": TEXT, "updated": TEXT, "links": many(_LINK), "media-types": many(_MEDIA)})


@routes.get("", mode="async", public=True, answer=envelope("version", VERSION))
async def show_version(request: Request) -> dict[str, Any]:
    """Show the version 2.0."""
    _require_setting(request)
    return {"version": v2_version(request)}


def _text(given: dict[str, Any], name: str) -> str | None:
    value = given.get(name)
    if value is not None and not isinstance(value, str):
        raise BadRequest(f"{name} should be a string")
    return value or None


def _methods(auth: dict[str, Any]) -> dict[str, Any]:
    """How the caller proves who he is, in the words of version 3."""
    token, password = auth.get("token"), auth.get("passwordCredentials")
    if isinstance(token, dict) and _text(token, "id"):
        return {"methods": ["token"], "token": {"id": token["id"]}}
    if not isinstance(password, dict):
        raise expecting("passwordCredentials", "auth")
    user_id, name, secret = _text(password, "userId"), _text(password, "username"), _text(password, "password")
    if user_id is None and name is None:
        raise expecting("username or userId", "passwordCredentials")
    if secret is None:
        raise expecting("password", "passwordCredentials")
    user: dict[str, Any] = {"id": user_id} if user_id is not None else {"name": name, "domain": {"id": DEFAULT_DOMAIN}}
    return {"methods": ["password"], "password": {"user": {**user, "password": secret}}}


@routes.post("/tokens", mode="async", public=True, answer=ACCESS)
async def create_token(request: Request) -> Response:
    """Make a token."""
    _require_setting(request)
    auth = request.body.get("auth") if isinstance(request.body, dict) else None
    if not isinstance(auth, dict):
        raise expecting("auth", "request body")
    wanted: dict[str, Any] = {"identity": _methods(auth)}
    tenant_id, tenant_name = _text(auth, "tenantId"), _text(auth, "tenantName")
    if tenant_id is not None:
        wanted["scope"] = {"project": {"id": tenant_id}}
    elif tenant_name is not None:
        wanted["scope"] = {"project": {"name": tenant_name, "domain": {"id": DEFAULT_DOMAIN}}}
    try:
        session = await log_in(request, wanted)
        _check_domain(session)
    except (Rejected, NotFound) as reason:
        log.info("a login was refused: %s", reason)
        raise Unauthorized(AUTHENTICATE) from None
    project = session.project
    catalog = await request.db.read(lambda tx: entries(tx, project.id)) if project is not None else []
    token = request.cloud.authenticator.write(session.payload)
    return Response(rendered(session, token, catalog, request.app_url))


def _check_domain(session: Session) -> None:
    """Version 2.0 has no word for a domain, so nothing outside the default one is shown to it."""
    if session.user.domain_id != DEFAULT_DOMAIN or (session.project is not None and session.project.domain_id != DEFAULT_DOMAIN):
        raise Rejected("the user or the project is not in the default domain")


@routes.get("/tenants", answer=Record("", {"tenants": many(TENANT), "tenants_links": TEXTS}))
def list_tenants(request: Request, tx: Transaction) -> dict[str, Any]:
    """List the tenants one may have a token for."""
    _require_setting(request)
    rows = tx.rows(_TENANTS, {"ids": sorted(projects_of_user(tx, request.caller.user_id))})
    return {"tenants": [dict(row._mapping) for row in rows], "tenants_links": []}
