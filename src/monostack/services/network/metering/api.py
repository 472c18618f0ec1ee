"""Creating and deleting labels and rules."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from netaddr import IPNetwork, IPSet

from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.services.network.attributes import Values
from monostack.services.network.changes import changed
from monostack.services.network.metering import table
from monostack.services.network.metering.table import LABELS, RULES
from monostack.services.network.routers.table import ROUTERS
from monostack.services.network.verbs import Verbs
from monostack.services.network.words import conflict, refused

REMOTE = "remote_ip_prefix"
ENDS = ("source_ip_prefix", "destination_ip_prefix")
_ALL = sa.select(ROUTERS.table.c.id)
_OF_PROJECT = _ALL.where(ROUTERS.table.c.project_id == sa.bindparam("project"))


def _recount(tx: Transaction, request: Request, label: Row) -> None:
    """The routers that count by the label hear of it."""
    routers = tx.rows(_ALL, {}) if label.shared else tx.rows(_OF_PROJECT, {"project": label.project_id})
    changed(tx, request.cloud, "router", [row[0] for row in routers])


def create_label(tx: Transaction, request: Request, values: Values) -> Row:
    row = LABELS.insert(tx, request, values)
    _recount(tx, request, row)
    return row


def delete_label(tx: Transaction, request: Request, row: Row) -> None:
    LABELS.remove(tx, request, row)
    _recount(tx, request, row)


def _parent(tx: Transaction, request: Request, values: Values) -> Mapping[str, Any]:
    """Rules are decided about as by the project that asks: they have none of their own."""
    return {"project_id": values.get("project_id") or request.caller.project_id}


def create_rule(tx: Transaction, request: Request, values: Values) -> Row:
    _check(values)
    label = LABELS.get(request, tx, values["metering_label_id"])
    for rule in table.rules_of(tx, [label.id]).get(label.id, ()):
        _check_apart(rule, values)
    row = RULES.insert(tx, request, values)
    _recount(tx, request, label)
    return row


def _check(values: Values) -> None:
    if not any(values.get(name) for name in (REMOTE, *ENDS)):
        names = "'remote_ip_prefix', or 'source_ip_prefix' or 'destination_ip_prefix'"
        raise refused(f"You must define at least one of the following parameters {names}.", "Invalid")
    if values.get(REMOTE) and any(values.get(name) for name in ENDS):
        text = "Cannot use 'remote-ip-prefix' in conjunction with 'source-ip-prefix' or 'destination-ip-prefix'."
        raise refused(text, "Invalid")


def _check_apart(rule: Row, values: Values) -> None:
    """No packet is counted twice by one label. The younger pair of prefixes is not looked at, as in Neutron."""
    theirs, mine = rule.remote_ip_prefix, values.get(REMOTE)
    alike = (rule.direction, rule.excluded) == (values["direction"], values["excluded"])
    if theirs and mine and alike and not IPSet([IPNetwork(theirs)]).isdisjoint(IPSet([IPNetwork(mine)])):
        raise conflict(f"Metering label rule with {REMOTE} '{mine}' overlaps another.", "MeteringLabelRuleOverlaps")


def delete_rule(tx: Transaction, request: Request, row: Row) -> None:
    RULES.remove(tx, request, row)
    _recount(tx, request, table.get(tx, row.metering_label_id))


VERBS = Verbs(LABELS, create=create_label, delete=delete_label, counted=False)
RULE_VERBS = Verbs(RULES, create=create_rule, delete=delete_rule, parent=_parent, counted=False)
routes = [VERBS.routes(), RULE_VERBS.routes()]
