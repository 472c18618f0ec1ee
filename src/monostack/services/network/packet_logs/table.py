"""The logs, which of them ports are under, and what hosts are told of them."""

from collections.abc import Callable, Collection, Mapping

import sqlalchemy as sa

from monostack.db import Row, Transaction
from monostack.protocol.network import PacketLogItem
from monostack.resources import Field, Resource, Scopes
from monostack.resources.fields import REQUIRED
from monostack.services.network import standard, values
from monostack.services.network.groups.bindings import bindings
from monostack.services.network.lookup import among, read
from monostack.services.network.ports.table import PORTS
from monostack.services.network.scopes import scope_of
from monostack.services.network.standard import STANDARD
from monostack.services.network.style import STYLE

SECURITY_GROUP = "security_group"  # the only type of resource that can be logged, as with Neutron's driver openvswitch
ACCEPT, DROP, ALL = EVENTS = ("ACCEPT", "DROP", "ALL")

LOGS = Resource(
    "log",
    "logs",
    STYLE,
    path="/v2.0/log/logs",
    table_name="network_logs",
    fields=(
        Field("id", values.uuid()),
        Field("project_id", values.text(), default=REQUIRED, create=True, index=True),
        Field("name", values.name(), default="", create=True, update=True),
        Field("resource_type", values.text(), default=REQUIRED, create=True),
        Field("resource_id", values.nullable(values.uuid()), create=True, index=True),
        Field("event", values.choice(*EVENTS), default=ALL, create=True, sort=False),
        Field("target_id", values.nullable(values.uuid()), create=True, index=True),
        Field("enabled", values.boolean(), default=True, create=True, update=True),
        *STANDARD,
    ),
    scopes=Scopes(scope_of, {"all": None, "project": lambda table: table.c.project_id == sa.bindparam("caller_project")}),
)

_l, _b, _p = LOGS.table.c, bindings.c, PORTS.table.c
_BINDING = sa.select(LOGS.table).where(
    _l.enabled.is_(sa.true()),
    sa.or_(
        among(_l.target_id),
        sa.and_(_l.target_id.is_(None), among(_l.resource_id, "groups")),
        sa.and_(_l.target_id.is_(None), _l.resource_id.is_(None), among(_l.project_id, "projects")),
    ),
)
_IN_GROUP = sa.select(_b.port_id).where(_b.security_group_id == sa.bindparam("group"))
_OF_PROJECT = sa.select(_p.id).where(_p.project_id == sa.bindparam("project"))
_OF_WHAT_IS_GONE = sa.select(LOGS.table).where(
    _l.enabled.is_(sa.true()), sa.or_(_l.resource_id == sa.bindparam("gone"), _l.target_id == sa.bindparam("gone"))
)


def ports_under(tx: Transaction, log: Row) -> list[str]:
    """The ports whose packets a log is about: one, those in a group, or all of its project."""
    if log.target_id is not None:
        return [log.target_id]
    if log.resource_id is not None:
        return [row[0] for row in tx.rows(_IN_GROUP, {"group": log.resource_id})]
    return [row[0] for row in tx.rows(_OF_PROJECT, {"project": log.project_id})]


def of_ports(tx: Transaction, ports: Mapping[str, Row], groups: Callable[[str], Collection[str]]) -> dict[str, list[PacketLogItem]]:
    """What is logged of each of these ports, which are in these groups."""
    known = {id: set(groups(id)) for id in ports}
    rows = read(
        tx,
        _BINDING,
        ports,
        groups=sorted(set().union(*known.values())),
        projects=sorted({row.project_id for row in ports.values()}),
    )
    logs = sorted({row.id: row for row in rows}.values(), key=lambda row: row.id)
    return {id: [_item(log) for log in logs if _is_about(log, row, known[id])] for id, row in ports.items()} if logs else {}


def _is_about(log: Row, port: Row, groups: set[str]) -> bool:
    if log.target_id is not None or log.resource_id is not None:
        return log.target_id in (None, port.id) and (log.resource_id is None or log.resource_id in groups)
    return log.project_id == port.project_id


def _item(log: Row) -> PacketLogItem:
    return PacketLogItem(
        id=log.id,
        project_id=log.project_id,
        accepted=log.event in (ACCEPT, ALL),
        dropped=log.event in (DROP, ALL),
        group=log.resource_id,
    )


def drop_logs_of(tx: Transaction, id: str) -> None:
    """A group or a port is gone, and the logs of it with it. Those that are disabled stay, as with Neutron."""
    for row in tx.rows(_OF_WHAT_IS_GONE, {"gone": id}):
        standard.remove(LOGS, tx, None, row)
