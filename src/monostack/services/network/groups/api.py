"""Creating, changing and deleting groups and rules."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.services.network import attributes, quotas, rbac, standard
from monostack.services.network.address_groups.table import ADDRESS_GROUPS
from monostack.services.network.attributes import Values
from monostack.services.network.changes import changed
from monostack.services.network.default_rules.table import templates
from monostack.services.network.default_statefulness.table import default_for
from monostack.services.network.groups import default, rules
from monostack.services.network.groups.bindings import is_used
from monostack.services.network.groups.table import GROUPS, RULES, get_group, rules_of, usable_groups
from monostack.services.network.packet_logs.table import drop_logs_of
from monostack.services.network.tags.api import tag_routes
from monostack.services.network.verbs import Verbs
from monostack.services.network.words import conflict, not_found, refused

_REFERRING = sa.select(RULES.table.c.security_group_id).where(RULES.table.c.remote_group_id == sa.bindparam("group_id")).distinct()


def create_group(tx: Transaction, request: Request, values: Values) -> Row:
    default.ensure(tx, request, values["project_id"])
    values.setdefault("stateful", default_for(tx, values["project_id"]))
    quotas.reserve(tx, request.cloud, "security_group_rule", [values] * len(templates(tx, default=False)))
    group = standard.insert(GROUPS, tx, request, values, revision=1)
    default.begin(tx, request, group)
    return group


def update_group(tx: Transaction, request: Request, row: Row, changes: Values) -> Row:
    if "stateful" in changes and changes["stateful"] != row.stateful and is_used(tx, row.id):
        raise _in_use(row.id)
    if row.default_of is not None and "name" in changes:
        raise conflict("Updating default security group not allowed.", "SecurityGroupCannotUpdateDefault")
    changed(tx, request.cloud, "group", [row.id])
    return GROUPS.change(tx, request, row, changes)


def delete_group(tx: Transaction, request: Request, row: Row) -> None:
    if is_used(tx, row.id):
        raise _in_use(row.id)
    if row.default_of is not None and not attributes.is_admin(request):
        raise conflict("Insufficient rights for removing default security group.", "SecurityGroupCannotRemoveDefault")
    referring = [other[0] for other in tx.rows(_REFERRING, {"group_id": row.id})]
    rbac.forget(tx, row.id)
    standard.remove(GROUPS, tx, request, row)
    drop_logs_of(tx, row.id)
    changed(tx, request.cloud, "group", [row.id, *referring])
    changed(tx, request.cloud, "members", [row.id])


def _in_use(id: str) -> Exception:
    return conflict(f"Security Group {id} in use.", "SecurityGroupInUse")


GROUP_VERBS = Verbs(GROUPS, create=create_group, update=update_group, delete=delete_group, before_list=default.before_listing)


# --- rules ---------------------------------------------------------------------------------------------------------------


def _parent(tx: Transaction, request: Request, values: Values) -> Mapping[str, Any]:
    """The group, which must be one the caller knows. Raises SecurityGroupNotFound."""
    group = GROUPS.get(request, tx, values["security_group_id"])
    return {"security_group:project_id": group.project_id}


def create_rule(tx: Transaction, request: Request, values: Values) -> Row:
    rules.check(values)
    remote = values.get("remote_group_id")
    if remote is not None and remote not in usable_groups(tx, [remote], values["project_id"]) and not attributes.is_admin(request):
        raise not_found("security_group", remote)
    if values.get("remote_address_group_id"):
        ADDRESS_GROUPS.get(request, tx, values["remote_address_group_id"])
    group = get_group(tx, values["security_group_id"])
    if remote is not None:
        get_group(tx, remote)
    rules.check_new([values], [rule._mapping for rule in rules_of(tx, [group.id]).get(group.id, ())])
    row = standard.insert(RULES, tx, request, values)
    standard.bump(GROUPS, tx, [group.id])
    changed(tx, request.cloud, "group", [group.id])
    return row


def delete_rule(tx: Transaction, request: Request, row: Row) -> None:
    standard.remove(RULES, tx, request, row)
    standard.bump(GROUPS, tx, [row.security_group_id])
    changed(tx, request.cloud, "group", [row.security_group_id])


def _check_together(tx: Transaction, request: Request, wanted: Sequence[Values]) -> None:
    """The rules of one request are of one group, and differ."""
    if len({values["security_group_id"] for values in wanted}) > 1:
        text = "Only allowed to update rules for one security profile at a time"
        raise refused(text, "SecurityGroupNotSingleGroupRules")
    rules.check_new(wanted, ())


RULE_VERBS = Verbs(RULES, create=create_rule, delete=delete_rule, parent=_parent, together=_check_together)
routes = [GROUP_VERBS.routes(), tag_routes(GROUP_VERBS), RULE_VERBS.routes()]
