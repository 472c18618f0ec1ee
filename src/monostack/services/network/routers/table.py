"""The routers and what is shown of them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from monostack.db import Id, Name, Row, Select, Transaction, metadata
from monostack.http import Request
from monostack.http.answers import FLAG, ID, INTEGER, TEXT, Record, many, maybe, optional
from monostack.resources import Field, Kind, Resource, Scopes
from monostack.resources.fields import REQUIRED
from monostack.services.network import values
from monostack.services.network.addresses.table import of_ports
from monostack.services.network.conntrack_helpers.table import exposed, of_routers
from monostack.services.network.lookup import among, grouped
from monostack.services.network.scopes import scope_of
from monostack.services.network.standard import STANDARD, TAGS
from monostack.services.network.style import STYLE
from monostack.services.network.tags.table import CONDITIONS, tags_of
from monostack.services.network.values.lists import FIXED_IP, check_fixed_ips
from monostack.services.network.values.plain import check_keys, check_uuid, to_boolean
from monostack.services.network.words import not_found

GATEWAY, INTERFACE = "network:router_gateway", "network:router_interface"
_PARTS = ("network_id", "external_fixed_ips", "enable_snat", "qos_policy_id")


def check_gateway(value: Any) -> dict[str, Any] | None:
    """`external_gateway_info`; null or nothing in it takes the gateway away."""
    if not value:
        return None
    if not isinstance(value, dict):
        raise ValueError(f"'{value}' is not a dictionary")
    if "network_id" not in value:
        raise ValueError(
            f"Validation of dictionary's keys failed. Expected keys: {set(_PARTS[:1])} Provided keys: {set(value)}"
        )
    check_keys(value, _PARTS)
    check_uuid(value["network_id"])
    checked = dict(value)
    if "external_fixed_ips" in value:
        checked["external_fixed_ips"] = check_fixed_ips(value["external_fixed_ips"])
    if "enable_snat" in value:
        checked["enable_snat"] = to_boolean(value["enable_snat"])
    if value.get("qos_policy_id") is not None:
        check_uuid(value["qos_policy_id"])
    return checked


def _own(table: sa.Table) -> Any:
    return table.c.project_id == sa.bindparam("caller_project")


_statements: dict[str, Select] = {}


def gateway_ports(tx: Transaction, router_ids: Iterable[str]) -> dict[str, list[Row]]:
    """(device_id, id, network_id) of their ports on external networks, by router, the oldest first."""
    if not _statements:  # the ports' module imports this one
        p = metadata.tables["ports"].c
        wanted = (among(p.device_id), p.device_owner == GATEWAY)
        _statements["gateways"] = sa.select(p.device_id, p.id, p.network_id).where(*wanted).order_by(p.created_at, p.id)
    return grouped(tx, _statements["gateways"], router_ids)


def _expand(tx: Transaction, request: Request, rows: Sequence[Row]) -> list[Mapping[str, Any]]:
    tags = tags_of(tx, [row.id for row in rows])
    helpers = of_routers(tx, [row.id for row in rows])
    gateways = gateway_ports(tx, [row.id for row in rows if row.gw_port_id])
    addresses = of_ports(tx, [port.id for found in gateways.values() for port in found])
    shown = []
    for row in rows:
        gateway = None
        ports = sorted(gateways.get(row.id, ()), key=lambda port, first=row.gw_port_id: port.id != first)
        ends = [{"network_id": port.network_id, "external_fixed_ips": _fixed(addresses.get(port.id, ()))} for port in ports]
        if ends:
            gateway = {**ends[0], "enable_snat": row.enable_snat}
            if row.qos_policy_id is not None:
                gateway["qos_policy_id"] = row.qos_policy_id
        zones = ["nova"] if row.host else []
        more = {"availability_zones": zones, "conntrack_helpers": exposed(helpers.get(row.id, ()))}
        shown.append({"external_gateway_info": gateway, "external_gateways": ends, "tags": tags(row.id), **more})
    return shown


def _fixed(addresses: Iterable[Row]) -> list[dict[str, str]]:
    return [{"subnet_id": one.subnet_id, "ip_address": one.ip_address} for one in addresses]


_IN_GATEWAY = {"network_id": ID, "external_fixed_ips": many(FIXED_IP), "enable_snat": FLAG, "qos_policy_id": optional(ID)}
_GATEWAY = Record("ExternalGateway", _IN_GATEWAY)
_FURTHER = Record("RouterGateway", {"network_id": ID, "external_fixed_ips": many(FIXED_IP)})
_HELPER = Record("RouterConntrackHelper", {"protocol": TEXT, "port": INTEGER, "helper": TEXT})
ROUTERS = Resource(
    "router",
    "routers",
    STYLE,
    path="/v2.0/routers",
    fields=(
        Field("routes", values.hostroutes(), default=list, update=True, filter=False, sort=False),
        Field("id", values.uuid()),
        Field("name", values.name(), default="", create=True, update=True),
        Field("admin_state_up", values.boolean(), default=True, create=True, update=True),
        Field("status", values.text(16), default="ACTIVE", filter=False),
        Field("project_id", values.text(), default=REQUIRED, create=True, index=True),
        Field(
            "external_gateway_info",
            Kind(None, {"type": ["object", "null"]}, accept=check_gateway, answer=maybe(_GATEWAY)),
            create="create_router:external_gateway_info",
            update="update_router:external_gateway_info",
            column=None,
        ),
        Field("external_gateways", values.tags(), column=None, answer=many(_FURTHER)),
        Field(
            "enable_default_route_ecmp",
            values.nullable(values.boolean()),
            create="create_router:enable_default_route_ecmp",
            update="update_router:enable_default_route_ecmp",
            column="default_route_ecmp",
            answer=FLAG,
        ),
        Field("flavor_id", values.nullable(values.text(36)), create=True, nullable=True, index=True, filter=False),
        Field("availability_zones", values.tags(), column=None),
        Field("availability_zone_hints", values.hints(), default=list, create=True, filter=False, sort=False),
        Field("conntrack_helpers", values.tags(), column=None, answer=many(_HELPER)),
        Field("enable_ndp_proxy", values.boolean(), default=False, create=True, update=True, column="ndp_proxy", sort=False),
        Field("enable_snat", values.boolean(), default=True),
        TAGS,
        *STANDARD,
    ),
    scopes=Scopes(scope_of, {"all": None, "project": _own}),
    columns=(
        sa.Column("gw_port_id", Id(), index=True),
        sa.Column("gw_network_id", Id(), index=True),
        sa.Column("has_choice", sa.Boolean(), nullable=False, default=False),  # a destination of its routes has several next hops
        sa.Column("qos_policy_id", Id(), index=True),  # of its gateway
        sa.Column("host", Name(), index=True),  # which host runs it
        sa.Column("host_status", Name(16)),  # there: ACTIVE, DOWN, ERROR
    ),
    conditions=CONDITIONS,
    expand=_expand,
)

_r = ROUTERS.table.c
_OF_FLAVOR = sa.select(_r.id).where(_r.flavor_id == sa.bindparam("flavor")).limit(1)
_BY_ID = sa.select(ROUTERS.table).where(_r.id == sa.bindparam("the_id"))
_BY_IDS = sa.select(ROUTERS.table).where(among(_r.id))


def has_flavor(tx: Transaction, flavor_id: str) -> bool:
    """Is a router of this flavor?"""
    return tx.scalar(_OF_FLAVOR, {"flavor": flavor_id}) is not None


def find(tx: Transaction, id: str) -> Row | None:
    return tx.row(_BY_ID, {"the_id": id})


def get(tx: Transaction, id: str) -> Row:
    """A router, whoever asks. Raises RouterNotFound."""
    row = find(tx, id)
    if row is None:
        raise not_found("router", id)
    return row


def find_many(tx: Transaction, ids: Iterable[str]) -> dict[str, Row]:
    return {id: rows[0] for id, rows in grouped(tx, _BY_IDS, ids, "id").items()}

