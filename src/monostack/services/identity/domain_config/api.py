"""/v3/domains/{id}/config, as a whole, by group and by option; and what holds where a domain sets nothing."""

from typing import Any

from monostack.core.errors import NotFound
from monostack.db import Transaction
from monostack.events import record
from monostack.http import Request, Response, Routes
from monostack.http.answers import OBJECT, Answers, envelope
from monostack.services.identity.access import DEFAULT_DOMAIN
from monostack.services.identity.domain_config import table
from monostack.services.identity.domain_config.options import (
    Config,
    check_names,
    check_only,
    checked,
    defaults,
    invalid,
    is_sensitive,
)
from monostack.services.identity.domains import DOMAINS

COMPLIANCE = "security_compliance"
_SHOWN = ("password_regex", "password_regex_description")  # what everybody may know of the rules for passwords
_BODY = {"type": "object", "properties": {"config": {"type": "object"}}}

routes = Routes("/v3/domains")


def _place(request: Request) -> tuple[str, str | None, str | None]:
    """The domain, the group and the option that the path names."""
    return request.params["id"], request.params.get("group"), request.params.get("option")


def _missing(domain_id: str, group: str | None, option: str | None) -> NotFound:
    what = f"option {option} in group {group}" if option else f"group {group}" if group else "any options"
    return NotFound(f"Could not find {what} in domain configuration for domain {domain_id}.")


def _given(request: Request) -> Any:
    return (request.body or {}).get("config")


def _shown(tx: Transaction, domain_id: str, group: str | None = None, option: str | None = None) -> dict[str, Any]:
    """What a domain sets, without secrets. Of one option its value alone, not below its group."""
    rows = [row for row in table.find(tx, domain_id, group, option) if not is_sensitive(row.group, row.option)]
    if option is not None:
        return {row.option: row.value for row in rows}
    config: Config = {}
    for row in rows:
        config.setdefault(row.group, {})[row.option] = row.value
    return config


def show_config(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show what a domain sets: all, a group or an option."""
    domain_id, group, option = _place(request)
    if group == COMPLIANCE:
        return {"config": _compliance(request)}
    request.authorize("identity:get_domain_config", {})
    check_names(group, option)
    config = _shown(tx, domain_id, group, option)
    if not config:
        raise _missing(domain_id, group, option)
    return {"config": config}


def _compliance(request: Request) -> dict[str, Any]:
    """What passwords must be like, which everybody may ask."""
    domain_id, _, option = _place(request)
    rules = request.cloud.config.security_compliance
    request.authorize("identity:get_security_compliance_domain_config", {})
    if domain_id != DEFAULT_DOMAIN:
        raise invalid("Reading security compliance information for any domain other than the default domain is not allowed or supported.")
    if option is None:
        return {COMPLIANCE: {name: getattr(rules, name) for name in _SHOWN}}
    if option not in _SHOWN:
        raise invalid("Reading security compliance values other than password_regex and password_regex_description is not allowed.")
    return {option: getattr(rules, option)}


def _find_domain(request: Request, tx: Transaction, rule: str) -> str:
    request.authorize(rule, {})
    return DOMAINS.get(request, tx, request.params["id"]).id


def replace_config(request: Request, tx: Transaction) -> Response:
    """Set what a domain sets, in place of what it has set before."""
    domain_id = _find_domain(request, tx, "identity:create_domain_config")
    config = checked(_given(request))
    known = table.find(tx, domain_id)
    table.forget(tx, domain_id)
    table.keep(tx, request.cloud, domain_id, config)
    record(tx, request, "domain.config", domain_id)
    return Response({"config": _shown(tx, domain_id)}, 200 if known else 201)


def update_config(request: Request, tx: Transaction) -> dict[str, Any]:
    """Set some options of a domain. Where the path names a group or an option, it must have been set before, and no other is taken."""
    domain_id = _find_domain(request, tx, "identity:update_domain_config")
    _, group, option = _place(request)
    given = _given(request)
    config = checked({group: given} if group is not None and option is not None else given)
    check_names(group, option)
    if group is not None:
        check_only(config, group, option)
        if not table.find(tx, domain_id, group, option):
            raise _missing(domain_id, group, option)
    table.keep(tx, request.cloud, domain_id, config)
    record(tx, request, "domain.config", domain_id)
    changed = _shown(tx, domain_id)
    if not changed:
        raise _missing(domain_id, None, None)
    return {"config": changed}


def delete_config(request: Request, tx: Transaction) -> None:
    """Unset what a domain sets: all, a group or an option."""
    domain_id = _find_domain(request, tx, "identity:delete_domain_config")
    _, group, option = _place(request)
    check_names(group, option)
    if group is not None:
        for place in ((group, None), (group, option)):
            if not table.find(tx, domain_id, *place):
                raise _missing(domain_id, *place)
    table.forget(tx, domain_id, group, option)
    record(tx, request, "domain.config", domain_id)


def show_default(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show what holds for domains that set nothing: all, a group or an option."""
    request.authorize("identity:get_domain_config_default", {})
    return {"config": defaults(request.params.get("group"), request.params.get("option"))}


_CONFIG = envelope("config", OBJECT)  # of groups or options, whose values may be of any type
_RULES = {name: f"identity:{name}_domain_config" for name in ("create", "get", "update", "delete")}
for _path in ("", "/{group}", "/{group}/{option}"):
    _one = f"/{{id}}/config{_path}"
    routes.add("GET", _one, show_config, "read", policy=_RULES["get"], answer=_CONFIG)
    routes.add("PATCH", _one, update_config, "write", policy=_RULES["update"], body_document=_BODY, answer=_CONFIG)
    routes.add("DELETE", _one, delete_config, "write", status=204, policy=_RULES["delete"])
    routes.add("GET", f"/config{_path}/default", show_default, "read", policy="identity:get_domain_config_default", answer=_CONFIG)
_SET = Answers({200: _CONFIG, 201: _CONFIG})
routes.add("PUT", "/{id}/config", replace_config, "write", status=201, policy=_RULES["create"], body_document=_BODY, answer=_SET)
