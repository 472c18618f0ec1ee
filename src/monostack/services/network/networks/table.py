"""The networks and what is shown of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from monostack.db import Name, Row, Select, Transaction, metadata
from monostack.http import Request
from monostack.http.answers import FLAG, INTEGER, TEXT, Record, many, maybe, optional
from monostack.resources import Field, Resource, Scopes
from monostack.resources.fields import REQUIRED
from monostack.services.network import values
from monostack.services.network.lookup import among, grouped, values_of
from monostack.services.network.rbac.table import EXTERNAL, SHARED, is_shared, shared_with, visible
from monostack.services.network.scopes import scope_of
from monostack.services.network.segments.table import CONDITIONS as WIRED
from monostack.services.network.segments.table import of_networks, routed
from monostack.services.network.segments.table import shown as shown_segments
from monostack.services.network.standard import QOS_POLICY, STANDARD, TAGS
from monostack.services.network.style import STYLE
from monostack.services.network.tags.table import CONDITIONS, tags_of
from monostack.services.network.words import not_found


def _provider(name: str, kind: Any) -> Field:
    rules: dict[str, Any] = {"create": f"create_network:{name}", "update": f"update_network:{name}"}
    return Field(name, kind, column=None, nullable=True, view=False, sort=False, **rules)


WIRE = {"provider:network_type": maybe(TEXT), "provider:physical_network": maybe(TEXT), "provider:segmentation_id": maybe(INTEGER)}
WIRES = (*WIRE, "segments")


def _own_or_given(table: sa.Table) -> Any:
    return sa.or_(table.c.project_id == sa.bindparam("caller_project"), table.c.id.in_(visible((SHARED, EXTERNAL))))


def _expand(tx: Transaction, request: Request, rows: Sequence[Row]) -> list[Mapping[str, Any]]:
    parts = [(row.id, row.host, row.external, row.is_default) for row in rows]
    ids = [part[0] for part in parts]
    subnets, tags = values_of(tx, _subnets_of(), ids), tags_of(tx, ids)
    shared = shared_with(tx, ids, request.caller.project_id)
    scopes = grouped(tx, _scopes_of(), ids)
    seen = {name for name in WIRES if request.allows(f"get_network:{name}")}
    wires, routers_between = (of_networks(tx, ids) if seen else {}), routed(tx, ids)
    shown = []
    for id, host, external, is_default in parts:
        item = {"subnets": subnets(id), "shared": shared(id), "tags": tags(id), "availability_zones": ["nova"] if host else []}
        item |= _scopes(scopes.get(id, ()))
        item["l2_adjacency"] = id not in routers_between
        if seen:
            item |= {name: value for name, value in shown_segments(wires.get(id, ())).items() if name in seen}
        shown.append({**item, "is_default": is_default} if external else item)
    return shown


def _scopes(found: Sequence[Row]) -> dict[str, str | None]:
    by_version = {row.ip_version: row.address_scope_id for row in found}
    return {"ipv4_address_scope": by_version.get(4), "ipv6_address_scope": by_version.get(6)}


_statements: dict[str, Select] = {}


def _subnets_of() -> Select:
    if "subnets" not in _statements:  # the subnets' module imports this one
        subnets = metadata.tables["subnets"].c
        _statements["subnets"] = sa.select(subnets.network_id, subnets.id).where(among(subnets.network_id)).order_by(subnets.id)
    return _statements["subnets"]


def _scopes_of() -> Select:
    if "scopes" not in _statements:
        subnets, pools = metadata.tables["subnets"].c, metadata.tables["subnetpools"].c
        found = sa.select(subnets.network_id, pools.ip_version, pools.address_scope_id).join(
            metadata.tables["subnetpools"], pools.id == subnets.subnetpool_id
        )
        _statements["scopes"] = found.where(among(subnets.network_id), pools.address_scope_id.is_not(None))
    return _statements["scopes"]


NETWORKS = Resource(
    "network",
    "networks",
    STYLE,
    path="/v2.0/networks",
    fields=(
        Field("id", values.uuid()),
        Field("name", values.name(), default="", create=True, update=True),
        Field("subnets", values.tags(), column=None),
        Field("admin_state_up", values.boolean(), default=True, create=True, update=True),
        Field("status", values.text(16), default="ACTIVE"),
        Field("project_id", values.text(), default=REQUIRED, create=True, index=True),
        Field("shared", values.boolean(), default=False, create="create_network:shared", update="update_network:shared", column=None),
        Field("dns_domain", values.dns_domain(), default="", create=True, update=True, filter=False, sort=False),
        Field(
            "router:external",
            values.boolean(),
            default=False,
            create="create_network:router:external",
            update="update_network:router:external",
            column="external",
            sort=False,
        ),
        Field(
            "is_default",
            values.boolean(),
            default=False,
            create="create_network:is_default",
            update="update_network:is_default",
            view=False,
            sort=False,
        ),
        Field("mtu", values.number(), default=0, create=True, update=True),
        Field("ipv4_address_scope", values.uuid(), column=None, nullable=True),
        Field("ipv6_address_scope", values.uuid(), column=None, nullable=True),
        Field("availability_zones", values.tags(), column=None),
        Field("availability_zone_hints", values.hints(), default=list, create=True, filter=False, sort=False),
        Field(
            "port_security_enabled",
            values.boolean(),
            default=True,
            create="create_network:port_security_enabled",
            update="update_network:port_security_enabled",
            filter=False,
            sort=False,
        ),
        QOS_POLICY,
        _provider("provider:network_type", values.text(32)),
        _provider("provider:physical_network", values.text(64)),
        _provider("provider:segmentation_id", values.number()),
        _provider("segments", values.segments()),
        Field("l2_adjacency", values.boolean(), column=None),
        TAGS,
        *STANDARD,
    ),
    scopes=Scopes(scope_of, {"all": None, "project": _own_or_given}),
    columns=(
        sa.Column("host", Name(), index=True),  # which host runs the network's DHCP and metadata
        sa.Column("host_status", Name(16)),  # of that: ACTIVE, DOWN, ERROR
    ),
    conditions={**CONDITIONS, **WIRED, "shared": is_shared},
    expand=_expand,
    adds={
        "is_default": optional(FLAG),  # of external networks
        **{name: optional(schema) for name, schema in WIRE.items()},  # of networks with one segment, to who may see it
        "segments": optional(many(Record("NetworkSegment", WIRE))),  # of those with several
    },
)

_BY_ID = sa.select(NETWORKS.table).where(NETWORKS.table.c.id == sa.bindparam("the_id"))
_BY_IDS = sa.select(NETWORKS.table).where(among(NETWORKS.table.c.id))
_USABLE = _BY_ID.where(_own_or_given(NETWORKS.table))


def find(tx: Transaction, id: str) -> Row | None:
    """A network, whoever asks."""
    return tx.row(_BY_ID, {"the_id": id})


def get(tx: Transaction, id: str) -> Row:
    """A network, whoever asks. Raises NetworkNotFound."""
    row = find(tx, id)
    if row is None:
        raise not_found("network", id)
    return row


def get_for(tx: Transaction, request: Request, id: str) -> Row:
    """A network the caller may know of. Raises NetworkNotFound."""
    return NETWORKS.get(request, tx, id)


def find_all(tx: Transaction, ids: Sequence[str]) -> dict[str, Row]:
    """These networks by id."""
    return {id: rows[0] for id, rows in grouped(tx, _BY_IDS, ids, "id").items()}


def facts(tx: Transaction, network: Row, project_id: str | None) -> dict[str, Any]:
    """What policies about a network's subnets and ports, which are this project's, read of the network."""
    shared = shared_with(tx, [network.id], project_id)(network.id)
    return {"network:project_id": network.project_id, "network:shared": shared, "router:external": network.external}
