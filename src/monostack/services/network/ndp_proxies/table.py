"""The proxies, and what stands in the way of taking their router apart."""

from collections.abc import Iterable

import sqlalchemy as sa
from netaddr import IPAddress, IPNetwork

from monostack.db import Row, Transaction
from monostack.resources import Field, Resource, Scopes
from monostack.resources.fields import REQUIRED
from monostack.services.network import values
from monostack.services.network.lookup import among, grouped, read
from monostack.services.network.scopes import scope_of
from monostack.services.network.standard import STANDARD
from monostack.services.network.style import STYLE
from monostack.services.network.words import conflict

PROXIES = Resource(
    "ndp_proxy",
    "ndp_proxies",
    STYLE,
    path="/v2.0/ndp_proxies",
    fields=(
        Field("id", values.uuid(), filter=False),
        Field("name", values.name(), default="", create=True, update=True),
        Field("project_id", values.text(), default=REQUIRED, create=True, index=True, filter=False),
        Field("router_id", values.uuid(), default=REQUIRED, create=True, index=True, references="routers.id", filter=False),
        Field("port_id", values.uuid(), default=REQUIRED, create=True, index=True, references="ports.id", filter=False),
        Field("ip_address", values.nullable(values.ip()), create=True, filter=False),
        *STANDARD,
    ),
    scopes=Scopes(scope_of, {"all": None, "project": lambda table: table.c.project_id == sa.bindparam("caller_project")}),
)
_t = PROXIES.table
_OF_ROUTERS = sa.select(_t).where(among(_t.c.router_id)).order_by(_t.c.ip_address)
_OF_PORT = sa.select(_t.c.router_id).where(_t.c.port_id == sa.bindparam("port"))


def of_routers(tx: Transaction, ids: Iterable[str]) -> dict[str, list[Row]]:
    return grouped(tx, _OF_ROUTERS, ids, "router_id")


def routers_of(tx: Transaction, port_id: str) -> set[str]:
    """The routers that answer for addresses of a port."""
    return {row[0] for row in tx.rows(_OF_PORT, {"port": port_id})}


def check_gateway_unused(tx: Transaction, router_id: str) -> None:
    """Raises RouterGatewayInUseByNDPProxy."""
    if read(tx, _OF_ROUTERS, [router_id]):
        text = f"Unable to unset external gateway of router {router_id}, There are one or more ndp proxies still in use on the router."
        raise conflict(text, "RouterGatewayInUseByNDPProxy")


def check_interface_unused(tx: Transaction, router_id: str, subnet: Row) -> None:
    """Raises RouterInterfaceInUseByNDPProxy."""
    cidr = IPNetwork(subnet.cidr)
    if any(IPAddress(row.ip_address) in cidr for row in read(tx, _OF_ROUTERS, [router_id])):
        text = f"Unable to remove subnet {subnet.id} from router {router_id}, There are one or more ndp proxies still in use on the subnet."
        raise conflict(text, "RouterInterfaceInUseByNDPProxy")
