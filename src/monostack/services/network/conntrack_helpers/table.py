"""The helpers of routers."""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from monostack.core.errors import Fault, NotFound
from monostack.db import Row, Transaction
from monostack.resources import Field, Kind, Resource
from monostack.resources.fields import REQUIRED
from monostack.services.network import values
from monostack.services.network.lookup import among, grouped
from monostack.services.network.style import STYLE
from monostack.services.network.values.plain import TRANSPORTS, check_number, check_protocol, to_int

EXPOSED = ("protocol", "port", "helper")


def missing(router_id: str, id: str) -> Fault:
    return NotFound(f"Conntrack Helper {id} could not be found.", kind="ConntrackHelperNotFound")


_PROTOCOL = Kind(sa.String(16), {"enum": list(TRANSPORTS)}, accept=check_protocol)
_PORT = Kind(sa.Integer(), {"type": "integer"}, to_int, accept=lambda value: check_number(to_int(value), 1, 65535))

HELPERS = Resource(
    "conntrack_helper",
    "conntrack_helpers",
    STYLE,
    path="/v2.0/routers/{id}/conntrack_helpers",
    fields=(
        Field("id", values.uuid()),
        Field("project_id", values.text(), create=True, view=False, column=None),
        Field("protocol", _PROTOCOL, default=REQUIRED, create=True, update=True),
        Field("port", _PORT, default=REQUIRED, create=True, update=True),
        Field("helper", values.text(64), default=REQUIRED, create=True, update=True),
    ),
    columns=(
        sa.Column("router_id", sa.String(64), sa.ForeignKey("routers.id", ondelete="CASCADE"), nullable=False),
        sa.UniqueConstraint("router_id", "protocol", "port", "helper"),
    ),
)

_t = HELPERS.table
_OF_ROUTERS = sa.select(_t).where(among(_t.c.router_id)).order_by(_t.c.port, _t.c.id)


def of_routers(tx: Transaction, ids: Iterable[str]) -> dict[str, list[Row]]:
    return grouped(tx, _OF_ROUTERS, ids, "router_id")


def exposed(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """As a router shows them."""
    return [{name: row._mapping[name] for name in EXPOSED} for row in rows]
