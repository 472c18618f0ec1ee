"""The floating IPs and what is shown of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from monostack.db import Id, Row, Select, Transaction, metadata
from monostack.http import Request
from monostack.http.answers import FLAG, ID, INTEGER, TEXT, Record, many, maybe, optional
from monostack.resources import Field, Resource, Scopes
from monostack.resources.fields import REQUIRED
from monostack.services.network import values
from monostack.services.network.forwardings.table import exposed, of_floating_ips
from monostack.services.network.lookup import among, grouped
from monostack.services.network.qos.use import network_policies
from monostack.services.network.scopes import scope_of
from monostack.services.network.standard import QOS_POLICY, STANDARD, TAGS
from monostack.services.network.style import STYLE
from monostack.services.network.tags.table import CONDITIONS, tags_of

DETAILS = ("name", "network_id", "mac_address", "admin_state_up", "status", "device_id", "device_owner")


def _own(table: sa.Table) -> Any:
    return table.c.project_id == sa.bindparam("caller_project")


_statements: dict[str, Select] = {}


def _ports_by_id() -> Select:
    if not _statements:  # the ports' module imports this package
        ports = metadata.tables["ports"].c
        _statements["ports"] = sa.select(ports.id, *[ports[name] for name in DETAILS]).where(among(ports.id))
    return _statements["ports"]


def _expand(tx: Transaction, request: Request, rows: Sequence[Row]) -> list[Mapping[str, Any]]:
    tags = tags_of(tx, [row.id for row in rows])
    ports = grouped(tx, _ports_by_id(), [row.port_id for row in rows if row.port_id])
    policies = network_policies(tx, {row.floating_network_id for row in rows})
    forwarded = of_floating_ips(tx, [row.id for row in rows])
    shown = []
    for row in rows:
        port = ports[row.port_id][0] if row.port_id in ports else None
        details = {name: port._mapping[name] for name in DETAILS} if port is not None else None
        forwardings = exposed(forwarded.get(row.id, ()))
        of_network = {"qos_network_policy_id": policies.get(row.floating_network_id)}
        shown.append({"port_details": details, "port_forwardings": forwardings, "tags": tags(row.id), **of_network})
    return shown


_PORT = Record(
    "FloatingIpPort",
    {
        "name": TEXT, "network_id": ID, "mac_address": TEXT, "admin_state_up": FLAG, "status": TEXT, "device_id": TEXT,
        "device_owner": TEXT,
    },
)  # fmt: skip
_FORWARDING = Record(
    "FloatingIpForwarding",
    {
        "id": ID, "internal_ip_address": TEXT, "protocol": TEXT, "internal_port": optional(INTEGER), "external_port": optional(INTEGER),
        "internal_port_id": ID,
    },
)  # fmt: skip
FLOATING_IPS = Resource(
    "floatingip",
    "floatingips",
    STYLE,
    path="/v2.0/floatingips",
    fields=(
        Field("dns_name", values.dns_name(), default="", create=True, filter=False, sort=False),
        Field("dns_domain", values.dns_domain(), default="", create=True, filter=False, sort=False),
        Field("port_details", values.tags(), column=None, answer=maybe(_PORT)),
        Field("port_forwardings", values.tags(), column=None, answer=many(_FORWARDING)),
        Field("router_id", values.nullable(values.uuid()), create=True, update=True, nullable=True, index=True),
        Field("id", values.uuid()),
        Field("floating_ip_address", values.nullable(values.ip()), create="create_floatingip:floating_ip_address"),
        Field("subnet_id", values.nullable(values.uuid()), create=True, column=None, view=False),
        Field("floating_network_id", values.uuid(), default=REQUIRED, create=True, index=True),
        Field("port_id", values.nullable(values.uuid()), create=True, update=True, sort=False, index=True),
        Field("fixed_ip_address", values.nullable(values.ip()), create=True, update=True),
        Field("project_id", values.text(), default=REQUIRED, create=True, index=True),
        Field("status", values.text(16), default="DOWN"),
        QOS_POLICY,
        Field("qos_network_policy_id", values.uuid(), column=None, answer=maybe(ID)),
        TAGS,
        *STANDARD,
    ),
    scopes=Scopes(scope_of, {"all": None, "project": _own}),
    columns=(sa.Column("floating_port_id", Id(), nullable=False),),
    conditions=CONDITIONS,
    expand=_expand,
)
