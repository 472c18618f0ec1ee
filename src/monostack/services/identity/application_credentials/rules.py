"""Access rules: calls that application credentials may be limited to. Rules belong to a user, who may use them for several."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from monostack.core.context import AccessRule
from monostack.core.errors import Forbidden
from monostack.db import Row, Transaction
from monostack.http import Request, Routes
from monostack.services.identity import access, delegation
from monostack.services.identity.application_credentials.table import ACCESS_RULES, access_rules, credential_rules
from monostack.services.identity.style import STYLE
from monostack.services.identity.users.table import USERS

_r = access_rules.c
_OF_USER = _r.user_id == sa.bindparam("owner")
_SAME = sa.select(_r.id).where(
    _r.user_id == sa.bindparam("user"), _r.service == sa.bindparam("service"), _r.path == sa.bindparam("path"),
    _r.method == sa.bindparam("method"),
)  # fmt: skip
_OWN = sa.select(_r.id).where(_r.id == sa.bindparam("id"), _r.user_id == sa.bindparam("user"))
_IN_USE = sa.select(credential_rules.c.rule_id).where(credential_rules.c.rule_id == sa.bindparam("id")).limit(1)
_PIECE = re.compile(r"(?P<some>\{[^}]*\}|\*(?!\*))|(?P<any>\*\*)|(?P<literal>[^{}*])")
# A token may always be looked at, whatever its rules.
_ALWAYS = AccessRule("identity", "GET", re.compile("/v3/auth/tokens"))

routes = Routes("/v3/users/{id}/access_rules")


def find_or_make(request: Request, tx: Transaction, user_id: str, given: Sequence[Mapping[str, str]]) -> list[str]:
    """The ids of a new credential's rules: by id, or the user's own that say the same, or new ones."""
    found: list[str] = []
    for rule in given:
        if "path" not in rule and "id" in rule:
            rule_id = tx.scalar(_OWN, {"id": rule["id"], "user": user_id})
            if rule_id is None:
                raise STYLE.not_found(ACCESS_RULES, rule["id"])
        else:
            said = {name: rule.get(name, "") for name in ("service", "path", "method")}
            rule_id = tx.scalar(_SAME, {"user": user_id, **said})
            if rule_id is None:
                rule_id = ACCESS_RULES.insert(tx, request, {**said, "id": rule.get("id"), "user_id": user_id}).id
        if rule_id not in found:
            found.append(rule_id)
    return found


def compiled(rules: Sequence[Mapping[str, str]]) -> tuple[AccessRule, ...]:
    """The rules as they are asked at every call."""
    return (_ALWAYS, *(AccessRule(rule["service"], rule["method"], path_pattern(rule["path"])) for rule in rules))


def path_pattern(path: str) -> re.Pattern[str]:
    """`{name}` and `*` stand for one part of a path, `**` for any number. Source: keystonemiddleware."""
    pieces = []
    for match in _PIECE.finditer(path):
        pieces.append("[^/]+" if match["some"] else ".*" if match["any"] else re.escape(match["literal"]))
    return re.compile("".join(pieces))


def _find_user(request: Request, tx: Transaction, rule: str) -> str:
    user_id = request.params["id"]
    user = access.find(USERS, tx, user_id)
    request.authorize(rule, USERS.target(user) if user is not None else {})
    delegation.forbid_application_credentials(request)
    return user_id


@routes.get("", policy="identity:list_access_rules", answer=ACCESS_RULES.answer_list)
def list_rules(request: Request, tx: Transaction) -> Any:
    """List a user's access rules."""
    owner = _find_user(request, tx, "identity:list_access_rules")
    query = STYLE.parse_list(request, ACCESS_RULES)
    rows = ACCESS_RULES.page(request, tx, query, _OF_USER, {"owner": owner})
    return STYLE.list_envelope(request, ACCESS_RULES, ACCESS_RULES.views(request, tx, rows), query)


def _find(request: Request, tx: Transaction, rule: str) -> Row:
    owner, rule_id = _find_user(request, tx, rule), request.params["rule_id"]
    row = access.find(ACCESS_RULES, tx, rule_id)
    if row is None or row.user_id != owner:
        raise STYLE.not_found(ACCESS_RULES, rule_id)
    return row


@routes.get("/{rule_id}", policy="identity:get_access_rule", answer=ACCESS_RULES.answer_one)
def show_rule(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show an access rule."""
    return ACCESS_RULES.render(request, tx, _find(request, tx, "identity:get_access_rule"))


@routes.delete("/{rule_id}", policy="identity:delete_access_rule")
def delete_rule(request: Request, tx: Transaction) -> None:
    """Delete an access rule that no application credential has."""
    row = _find(request, tx, "identity:delete_access_rule")
    if tx.row(_IN_USE, {"id": row.id}) is not None:
        raise Forbidden("May not delete access rule in use")
    ACCESS_RULES.remove(tx, request, row)
