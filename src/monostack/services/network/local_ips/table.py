"""Local IPs, the ports they lead to, and what hosts are told of them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from monostack.core.errors import Fault, NotFound
from monostack.db import Id, Row, Transaction
from monostack.http import Request
from monostack.http.answers import TEXT
from monostack.protocol.network import LocalIPItem
from monostack.resources import Field, Resource, Scopes
from monostack.resources.fields import REQUIRED
from monostack.services.network import values
from monostack.services.network.lookup import among, grouped
from monostack.services.network.ports.table import find_many as find_ports
from monostack.services.network.scopes import scope_of
from monostack.services.network.standard import STANDARD
from monostack.services.network.style import STYLE
from monostack.services.network.words import conflict

OWNER = "network:local_ip"  # device owner of the port that keeps the address of a local IP made for a network
MODES = ("translate", "passthrough")  # kept and shown; Neutron's hosts translate whatever it says, and so do these

LOCAL_IPS = Resource(
    "local_ip",
    "local_ips",
    STYLE,
    path="/v2.0/local_ips",
    fields=(
        Field("id", values.uuid()),
        Field("name", values.name(), default="", create=True, update=True),
        Field("project_id", values.text(), default=REQUIRED, create=True, index=True),
        Field("local_port_id", values.uuid(), create=True, index=True, references="ports.id"),
        Field("network_id", values.uuid(), create=True),
        Field("local_ip_address", values.nullable(values.ip()), create=True),
        Field("ip_mode", values.choice(*MODES), default=MODES[0], create=True),
        *STANDARD,
    ),
    scopes=Scopes(scope_of, {"all": None, "project": lambda table: table.c.project_id == sa.bindparam("caller_project")}),
)


def key(local_ip_id: str, port_id: str) -> str:
    """An association has no id of its own; pages begin after one by this, and events name it so. It is as long as an id may be."""
    return f"{local_ip_id}{port_id}".replace("-", "")


def missing(local_ip_id: str, port_id: str) -> Fault:
    return NotFound(f"Local IP {local_ip_id} association with port {port_id} could not be found.", kind="LocalIPAssociationNotFound")


def _expand(tx: Transaction, request: Request, rows: Sequence[Row]) -> list[Mapping[str, Any]]:
    called = grouped(tx, _BY_IDS, [row.local_ip_id for row in rows])
    ports = find_ports(tx, [row.fixed_port_id for row in rows])
    return [
        {
            "key": row.key,
            "local_ip_id": row.local_ip_id,
            "local_ip_address": called[row.local_ip_id][0].local_ip_address,
            "host": ports[row.fixed_port_id].host or "",
        }
        for row in rows
    ]


ASSOCIATIONS = Resource(
    "port_association",
    "port_associations",
    STYLE,
    path="/v2.0/local_ips/{id}/port_associations",
    key="key",
    table_name="local_ip_associations",
    fields=(
        Field("key", values.text(64), view=False, filter=False, sort=False),
        Field("project_id", values.text(), create=True, view=False, column=None),
        Field("fixed_port_id", values.uuid(), default=REQUIRED, create=True, index=True, references="ports.id"),
        Field("fixed_ip", values.nullable(values.ip()), create=True),
    ),
    columns=(sa.Column("local_ip_id", Id(), sa.ForeignKey("local_ips.id", ondelete="CASCADE"), nullable=False, index=True),),
    expand=_expand,
    adds={"local_ip_id": TEXT, "local_ip_address": TEXT, "host": TEXT},
)

_l, _a = LOCAL_IPS.table.c, ASSOCIATIONS.table.c
_BY_IDS = sa.select(_l.id, _l.local_ip_address).where(among(_l.id))
_KEEPING = sa.select(_l.local_port_id).where(among(_l.local_port_id)).distinct()
_LEADING = sa.select(ASSOCIATIONS.table).where(among(_a.local_ip_id)).order_by(_a.key)
_REACHED_BY = (
    sa.select(_a.fixed_port_id, _l.local_ip_address, _a.fixed_ip)
    .join(LOCAL_IPS.table, _l.id == _a.local_ip_id)
    .where(among(_a.fixed_port_id))
    .order_by(_l.local_ip_address, _l.id)
)


def keeping(tx: Transaction, port_ids: Iterable[str]) -> set[str]:
    """Those of the ports whose address is that of a local IP."""
    return set(grouped(tx, _KEEPING, port_ids))


def check_port_deletable(tx: Transaction, port_id: str) -> None:
    """Raises ServicePortInUse."""
    if keeping(tx, [port_id]):
        text = f"Port {port_id} cannot be deleted directly via the port API: still referenced by Local IPs."
        raise conflict(text, "ServicePortInUse")


def associations(tx: Transaction, local_ip_id: str) -> list[Row]:
    return grouped(tx, _LEADING, [local_ip_id], "local_ip_id").get(local_ip_id, [])


def of_ports(tx: Transaction, port_ids: Collection[str]) -> dict[str, list[LocalIPItem]]:
    """What leads to each of these ports."""
    found = grouped(tx, _REACHED_BY, port_ids)
    return {id: [LocalIPItem(row.local_ip_address, row.fixed_ip) for row in rows] for id, rows in found.items()}
