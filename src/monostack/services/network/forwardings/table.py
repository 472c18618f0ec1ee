"""The forwardings, and what is shown of them in their floating IPs."""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from monostack.core.errors import Fault, NotFound
from monostack.db import Row, Transaction
from monostack.resources import Field, Kind, Resource
from monostack.resources.fields import REQUIRED
from monostack.services.network import values
from monostack.services.network.lookup import among, grouped, read
from monostack.services.network.style import STYLE
from monostack.services.network.values.plain import TRANSPORTS, check_protocol

LAST_PORT = 65535
EXPOSED = ("id", "internal_ip_address", "protocol", "internal_port", "external_port", "internal_port_id")


def missing(floatingip_id: str, id: str) -> Fault:
    return NotFound(f"Port Forwarding {id} could not be found.", kind="PortForwardingNotFound")


def _check_range(value: Any) -> str | None:
    """`80` or `80:90`."""
    if value is None:
        return None
    ports = str(value).split(":")
    if len(ports) > 2 or not all(ports):
        raise ValueError("Port range must be two integers separated by a colon")
    for port in ports:
        if not (port.isascii() and port.isdigit() and int(port) <= LAST_PORT):
            raise ValueError(f"Invalid port: {port}")
        if int(port) < 1:
            raise ValueError(f"Invalid port: {port}, the port must be in the range [1, {LAST_PORT}]")
    if int(ports[0]) > int(ports[-1]):
        raise ValueError("First port in a port range must be lower than the second port")
    return f"{int(ports[0])}:{int(ports[-1])}"


def _range() -> Kind:
    return Kind(sa.String(11), {"type": ["string", "null"]}, accept=_check_range)


_PROTOCOL = Kind(sa.String(16), {"enum": list(TRANSPORTS)}, accept=check_protocol)
_PORT = values.nullable(values.between(1, LAST_PORT))

FORWARDINGS = Resource(
    "port_forwarding",
    "port_forwardings",
    STYLE,
    path="/v2.0/floatingips/{id}/port_forwardings",
    fields=(
        Field("id", values.uuid()),
        Field("project_id", values.text(), create=True, view=False, column=None),
        Field("external_port", _PORT, create=True, update=True),
        Field("internal_port", _PORT, create=True, update=True, filter=False, sort=False),
        Field("internal_ip_address", values.ip(), default=REQUIRED, create=True, update=True, filter=False, sort=False),
        Field("protocol", _PROTOCOL, default=REQUIRED, create=True, update=True),
        Field("internal_port_id", values.uuid(), default=REQUIRED, create=True, update=True, index=True, references="ports.id"),
        Field("external_port_range", _range(), create=True, update=True),
        Field("internal_port_range", _range(), create=True, update=True, filter=False, sort=False),
        Field("description", values.text(255), default="", create=True, update=True, sort=False),
    ),
    columns=(sa.Column("floatingip_id", sa.String(64), sa.ForeignKey("floatingips.id", ondelete="CASCADE"), nullable=False, index=True),),
)

_t = FORWARDINGS.table
_OF_FLOATING = sa.select(_t).where(among(_t.c.floatingip_id)).order_by(_t.c.external_port_range, _t.c.id)
_OF_PORT = sa.select(_t).where(_t.c.internal_port_id == sa.bindparam("port")).order_by(_t.c.id)


def of_floating_ips(tx: Transaction, ids: Iterable[str]) -> dict[str, list[Row]]:
    """The forwardings of floating IPs, by floating IP."""
    return grouped(tx, _OF_FLOATING, ids, "floatingip_id")


def of_floating_ip(tx: Transaction, id: str) -> list[Row]:
    return read(tx, _OF_FLOATING, [id])


def of_port(tx: Transaction, port_id: str) -> Sequence[Row]:
    """Those that lead to a port."""
    return tx.rows(_OF_PORT, {"port": port_id})


def exposed(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """As a floating IP shows them. A range has no single port."""
    shown = [{name: row._mapping[name] for name in EXPOSED} for row in rows]
    return [{name: value for name, value in one.items() if value is not None} for one in shown]
