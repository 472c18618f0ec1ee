"""The default rules, and those a cloud begins with."""

from collections.abc import Sequence

import sqlalchemy as sa

from monostack.db import Name, Row, Transaction, table
from monostack.resources import Field, Resource
from monostack.resources.fields import REQUIRED
from monostack.services.network import values
from monostack.services.network.groups import values as rule_values
from monostack.services.network.style import STYLE

DEFAULT_RULES = Resource(
    "default_security_group_rule",
    "default_security_group_rules",
    STYLE,
    path="/v2.0/default-security-group-rules",
    fields=(
        Field("id", values.uuid()),
        Field("project_id", values.text(), create=True, view=False, column=None),
        Field("description", values.text(255), default="", create=True, sort=False),
        Field("remote_group_id", rule_values.remote_group_or_parent(), create=True),
        Field("remote_address_group_id", values.nullable(values.uuid()), create=True),
        Field("direction", values.choice("ingress", "egress"), default=REQUIRED, create=True),
        Field("protocol", rule_values.protocol(), create=True),
        Field("port_range_min", rule_values.port_number(), create=True),
        Field("port_range_max", rule_values.port_number(), create=True),
        Field("ethertype", rule_values.ethertype(), default="IPv4", create=True),
        Field("remote_ip_prefix", rule_values.prefix(), create=True),
        Field("used_in_default_sg", values.boolean(), default=REQUIRED, create=True, sort=False),
        Field("used_in_non_default_sg", values.boolean(), default=REQUIRED, create=True, sort=False),
    ),
    columns=(sa.Column("position", sa.Integer(), nullable=False, default=0),),  # the order rules are made in
)

_d = DEFAULT_RULES.table.c
_TEMPLATES = sa.select(DEFAULT_RULES.table).order_by(_d.position, _d.id)
FOR_DEFAULT = _TEMPLATES.where(_d.used_in_default_sg.is_(sa.true()))
FOR_OTHERS = _TEMPLATES.where(_d.used_in_non_default_sg.is_(sa.true()))

_begun = table("network_beginnings", sa.Column("of", Name(64), primary_key=True))  # what was made once, and may be deleted since
_HAS_BEGUN = sa.select(_begun.c.of).where(_begun.c.of == DEFAULT_RULES.table_name)


def templates(tx: Transaction, *, default: bool) -> Sequence[Row]:
    """The rules that a project's default group, or another group, begins with."""
    return tx.rows(FOR_DEFAULT if default else FOR_OTHERS, {})


def bootstrap(tx: Transaction) -> None:
    """A new cloud lets members of a default group talk to each other, and everybody talk to everybody outside."""
    if tx.scalar(_HAS_BEGUN, {}) is not None:
        return
    tx.execute(sa.insert(_begun), {"of": DEFAULT_RULES.table_name})
    position = 0
    for direction in ("ingress", "egress"):
        inward = direction == "ingress"
        for ethertype in ("IPv4", "IPv6"):
            position += 1
            uses = {"used_in_default_sg": True, "used_in_non_default_sg": not inward, "position": position}
            said = {"direction": direction, "ethertype": ethertype, "remote_group_id": rule_values.PARENT if inward else None}
            DEFAULT_RULES.insert(tx, None, {**said, **uses, "description": f"Legacy default SG rule for {direction} traffic"})
