"""The labels and their rules, and what hosts are told of them."""

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from netaddr import IPNetwork

from monostack.db import Row, Transaction
from monostack.protocol.network import MeterItem, MeterRule
from monostack.resources import Field, Resource, Scopes
from monostack.resources.fields import REQUIRED
from monostack.services.network import values
from monostack.services.network.lookup import among, grouped
from monostack.services.network.scopes import scope_of
from monostack.services.network.style import STYLE
from monostack.services.network.words import not_found


def _own_or_shared(table: sa.Table) -> Any:
    return sa.or_(table.c.project_id == sa.bindparam("caller_project"), table.c.shared.is_(sa.true()))


LABELS = Resource(
    "metering_label",
    "metering_labels",
    STYLE,
    path="/v2.0/metering/metering-labels",
    fields=(
        Field("id", values.uuid()),
        Field("name", values.name(), default="", create=True),
        Field("description", values.text(1024), default="", create=True),
        Field("project_id", values.text(), default=REQUIRED, create=True, index=True),
        Field("shared", values.boolean(), default=False, create=True),
    ),
    scopes=Scopes(scope_of, {"all": None, "project": _own_or_shared}),
)


def _of_known_label(table: sa.Table) -> Any:
    labels = LABELS.table.c
    known = sa.select(labels.id).where(sa.or_(labels.project_id == sa.bindparam("caller_project"), labels.shared.is_(sa.true())))
    return table.c.metering_label_id.in_(known)


def _prefix(name: str) -> Field:
    return Field(name, values.loose_prefix(name), create=True, nullable=True)


RULES = Resource(
    "metering_label_rule",
    "metering_label_rules",
    STYLE,
    path="/v2.0/metering/metering-label-rules",
    fields=(
        Field("id", values.uuid()),
        Field("project_id", values.text(), create=True, view=False, column=None),
        Field("metering_label_id", values.uuid(), default=REQUIRED, create=True, references="metering_labels.id", index=True),
        Field("direction", values.choice("ingress", "egress"), default=REQUIRED, create=True),
        _prefix("remote_ip_prefix"),
        _prefix("source_ip_prefix"),
        _prefix("destination_ip_prefix"),
        Field("excluded", values.boolean(), default=False, create=True),
    ),
    scopes=Scopes(scope_of, {"all": None, "project": _of_known_label}),
)

_l, _r = LABELS.table.c, RULES.table.c
_BY_ID = sa.select(LABELS.table).where(_l.id == sa.bindparam("the_id"))
_RULES_OF = sa.select(RULES.table).where(among(_r.metering_label_id)).order_by(_r.id)
_OF_PROJECTS = sa.select(LABELS.table).where(sa.or_(among(_l.project_id), _l.shared.is_(sa.true()))).order_by(_l.id)


def get(tx: Transaction, id: str) -> Row:
    """A label, whoever asks. Raises MeteringLabelNotFound."""
    row = tx.row(_BY_ID, {"the_id": id})
    if row is None:
        raise not_found("metering_label", id)
    return row


def rules_of(tx: Transaction, label_ids: Collection[str]) -> dict[str, list[Row]]:
    return grouped(tx, _RULES_OF, label_ids, "metering_label_id")


def meters(tx: Transaction, project_ids: Collection[str]) -> dict[str, list[MeterItem]]:
    """What is counted in the routers of each of these projects: their own labels, and those that are shared."""
    labels = tx.rows(_OF_PROJECTS, {"ids": list(project_ids)}) if project_ids else ()
    rules = rules_of(tx, [label.id for label in labels])
    told = [(label, MeterItem(label.id, [_rule(rule) for rule in rules.get(label.id, ())])) for label in labels]
    return {id: [item for label, item in told if label.shared or label.project_id == id] for id in project_ids}


def _rule(row: Row) -> MeterRule:
    """What was called remote is the prefix inside, whose traffic is counted."""
    inside, outgoing = row.remote_ip_prefix, row.direction == "egress"
    source = row.source_ip_prefix or (inside if outgoing else None)
    destination = row.destination_ip_prefix or (None if outgoing else inside)
    return MeterRule(row.direction, _cidr(source), _cidr(destination), row.excluded)


def _cidr(prefix: str | None) -> str | None:
    return str(IPNetwork(prefix).cidr) if prefix else None
