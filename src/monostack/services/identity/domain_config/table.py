"""The table of what domains set: a row an option. The values of secret ones are sealed with the keys that credentials are sealed with."""

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from monostack.db import Json, Row, Transaction, table
from monostack.services.identity.credentials.table import sealed
from monostack.services.identity.domain_config.options import Config, is_sensitive

domain_config = table(
    "domain_config",
    sa.Column("domain_id", sa.ForeignKey("domains.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("group", sa.String(255), primary_key=True),
    sa.Column("option", sa.String(255), primary_key=True),
    sa.Column("value", Json),
    sa.Column("sealed_value", sa.Text),  # of a secret option, which has no `value`
)

_IN_DOMAIN = domain_config.c.domain_id == sa.bindparam("domain")
_IN_GROUP = domain_config.c.group == sa.bindparam("of_group")
_IS_OPTION = domain_config.c.option == sa.bindparam("of_option")
_ALL = sa.select(domain_config).where(_IN_DOMAIN).order_by(domain_config.c.group, domain_config.c.option)
_CLEAR = sa.delete(domain_config).where(_IN_DOMAIN)
_CLEAR_GROUP = _CLEAR.where(_IN_GROUP)
_CLEAR_OPTION = _CLEAR_GROUP.where(_IS_OPTION)
_ADD = sa.insert(domain_config)


def find(tx: Transaction, domain_id: str, group: str | None = None, option: str | None = None) -> Sequence[Row]:
    """The options a domain sets, secret ones too: all, those of a group, or one."""
    rows = tx.rows(_ALL, {"domain": domain_id})
    return [row for row in rows if group in (None, row.group) and option in (None, row.option)]


def keep(tx: Transaction, cloud: Any, domain_id: str, config: Config) -> None:
    """Set these options; the domain's others stay."""
    rows: list[dict[str, Any]] = []
    for group, options in config.items():
        for option, value in options.items():
            tx.execute(_CLEAR_OPTION, {"domain": domain_id, "of_group": group, "of_option": option})
            secret = is_sensitive(group, option)
            kept = {"value": None, "sealed_value": sealed(cloud, json.dumps(value))} if secret else {"value": value, "sealed_value": None}
            rows.append({"domain_id": domain_id, "group": group, "option": option, **kept})
    tx.execute(_ADD, rows)


def forget(tx: Transaction, domain_id: str, group: str | None = None, option: str | None = None) -> None:
    """Unset all options of a domain, those of a group, or one."""
    statement = _CLEAR if group is None else _CLEAR_GROUP if option is None else _CLEAR_OPTION
    named = {"domain": domain_id, "of_group": group, "of_option": option}
    tx.execute(statement, {name: value for name, value in named.items() if value is not None})
