"""The subnets and what is shown of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from monostack.db import Id, Row, Transaction
from monostack.http import Request
from monostack.resources import Field, Resource, Scopes
from monostack.resources.fields import REQUIRED
from monostack.services.network import values
from monostack.services.network.lookup import among, grouped
from monostack.services.network.networks.table import NETWORKS, find_all
from monostack.services.network.rbac.table import EXTERNAL, SHARED, shared_with, visible
from monostack.services.network.scopes import scope_of
from monostack.services.network.standard import STANDARD, TAGS
from monostack.services.network.style import STYLE
from monostack.services.network.tags.table import CONDITIONS, tags_of
from monostack.services.network.words import not_found

SLAAC, STATELESS, STATEFUL = "slaac", "dhcpv6-stateless", "dhcpv6-stateful"
AUTOMATIC_MODES = (SLAAC, STATELESS)


def _own_or_given(table: sa.Table) -> Any:
    project = sa.bindparam("caller_project")
    given = table.c.network_id.in_(visible((SHARED, EXTERNAL)))
    return sa.or_(table.c.project_id == project, table.c.network_project_id == project, given)


def _expand(tx: Transaction, request: Request, rows: Sequence[Row]) -> list[Mapping[str, Any]]:
    network_ids = [row.network_id for row in rows]
    networks = find_all(tx, network_ids)
    shared = shared_with(tx, network_ids, request.caller.project_id)
    tags = tags_of(tx, [row.id for row in rows])
    return [
        {
            "router:external": networks[row.network_id].external,
            "tags": tags(row.id),
            "network:project_id": row.network_project_id,
            "network:shared": shared(row.network_id),
        }
        for row in rows
    ]


def _external(table: sa.Table, operator: str, parameter: str) -> Any:
    wanted: Any = sa.bindparam(parameter, expanding=True, type_=sa.Boolean)
    return table.c.network_id.in_(sa.select(NETWORKS.table.c.id).where(NETWORKS.table.c.external.in_(wanted)))


def _shared(table: sa.Table, operator: str, parameter: str) -> Any:
    wanted: Any = sa.bindparam(parameter, expanding=True, type_=sa.Boolean)
    return sa.case((table.c.network_id.in_(visible((SHARED,))), sa.true()), else_=sa.false()).in_(wanted)


_MODE = values.choice(STATEFUL, STATELESS, SLAAC, None)

SUBNETS = Resource(
    "subnet",
    "subnets",
    STYLE,
    path="/v2.0/subnets",
    fields=(
        Field("id", values.uuid()),
        Field("name", values.name(), default="", create=True, update=True),
        Field("ip_version", values.ip_version(), default=REQUIRED, create=True),
        Field("network_id", values.uuid(), default=REQUIRED, create=True, index=True, references="networks.id"),
        Field("subnetpool_id", values.nullable(values.uuid()), create=True, index=True),
        Field("prefixlen", values.number(), create=True, column=None, view=False),
        Field("cidr", values.subnet_cidr(), create=True),
        Field("gateway_ip", values.nullable(values.ip()), create=True, update=True),
        Field("allocation_pools", values.ip_pools(), create=True, update=True, filter=False, sort=False),
        Field("dns_nameservers", values.nameservers(), create=True, update=True, filter=False, sort=False),
        Field("host_routes", values.hostroutes(), create=True, update=True, filter=False, sort=False),
        Field("project_id", values.text(), default=REQUIRED, create=True, index=True),
        Field("enable_dhcp", values.boolean(), default=True, create=True, update=True),
        Field("ipv6_ra_mode", _MODE, create=True),
        Field("ipv6_address_mode", _MODE, create=True),
        Field("use_default_subnetpool", values.boolean(), default=False, create=True, column=None, view=False),
        Field("router:external", values.boolean(), column=None),
        Field("service_types", values.service_types(), create=True, update=True, filter=False, sort=False),
        Field("segment_id", values.nullable(values.uuid()), create=True, update=True, nullable=True, index=True),
        TAGS,
        *STANDARD,
    ),
    scopes=Scopes(scope_of, {"all": None, "project": _own_or_given}),
    columns=(sa.Column("network_project_id", Id(), nullable=False, index=True),),
    conditions={**CONDITIONS, "router:external": _external, "shared": _shared},
    expand=_expand,
)

_s = SUBNETS.table.c
_BY_ID = sa.select(SUBNETS.table).where(_s.id == sa.bindparam("the_id"))
_BY_IDS = sa.select(SUBNETS.table).where(among(_s.id))
_OF_NETWORK = sa.select(SUBNETS.table).where(_s.network_id == sa.bindparam("network")).order_by(_s.created_at, _s.id)
_OF_NETWORKS = sa.select(SUBNETS.table).where(among(_s.network_id)).order_by(_s.created_at, _s.id)
_OF_POOL = sa.select(SUBNETS.table).where(_s.subnetpool_id == sa.bindparam("pool"))


def find(tx: Transaction, id: str) -> Row | None:
    return tx.row(_BY_ID, {"the_id": id})


def get(tx: Transaction, id: str) -> Row:
    """A subnet, whoever asks. Raises SubnetNotFound."""
    row = find(tx, id)
    if row is None:
        raise not_found("subnet", id)
    return row


def find_many(tx: Transaction, ids: Sequence[str]) -> dict[str, Row]:
    return {id: rows[0] for id, rows in grouped(tx, _BY_IDS, ids, "id").items()}


def of_network(tx: Transaction, network_id: str) -> Sequence[Row]:
    """The subnets of a network, oldest first."""
    return tx.rows(_OF_NETWORK, {"network": network_id})


def of_networks(tx: Transaction, network_ids: Sequence[str]) -> dict[str, list[Row]]:
    return grouped(tx, _OF_NETWORKS, network_ids, "network_id")


def of_pool(tx: Transaction, pool_id: str) -> Sequence[Row]:
    return tx.rows(_OF_POOL, {"pool": pool_id})


def is_automatic(subnet: Row) -> bool:
    """Guests make their addresses themselves from their MACs (EUI-64). Source: RFC 4862, Neutron's IPv6 address modes."""
    return subnet.ipv6_address_mode in AUTOMATIC_MODES or subnet.ipv6_ra_mode in AUTOMATIC_MODES
