"""The ports and what is shown of them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from monostack.db import Id, Name, Row, Transaction
from monostack.http import Request
from monostack.http.answers import FLAG, ID, OBJECT, TEXT, Record, many, maybe, optional
from monostack.protocol.network import bridge_name
from monostack.resources import Field, Resource, Scopes
from monostack.resources.fields import REQUIRED
from monostack.services.network import values
from monostack.services.network.addresses.table import allocations, of_ports
from monostack.services.network.filters import PART_OF_ADDRESS
from monostack.services.network.groups.bindings import bindings, groups_of
from monostack.services.network.lookup import among, grouped
from monostack.services.network.qos.requests import SHOWN as REQUEST_SHOWN
from monostack.services.network.qos.requests import Asking, request_groups
from monostack.services.network.qos.requests import shown as shown_request
from monostack.services.network.qos.use import network_policies
from monostack.services.network.rbac.table import shared_with
from monostack.services.network.scopes import scope_of
from monostack.services.network.standard import QOS_POLICY, STANDARD
from monostack.services.network.style import STYLE
from monostack.services.network.tags.table import CONDITIONS, tags_of
from monostack.services.network.trunks.table import SUBPORT_SHOWN, of_trunks, trunks_of
from monostack.services.network.trunks.table import shown as shown_subports
from monostack.services.network.words import not_found
from monostack.services.placement.facade import RequestGroup

DNS_DOMAIN = "openstacklocal."  # what guests' names end in where their network names no domain; Neutron's default
VNIC_TYPES = ("normal", "direct", "macvtap", "baremetal", "direct-physical", "virtio-forwarder", "smart-nic", "vdpa",
              "accelerator-direct", "accelerator-direct-physical", "remote-managed")  # fmt: skip
NUMA_POLICIES = ("required", "preferred", "legacy", "socket")
UNBOUND, BOUND, FAILED = "unbound", "bridge", "binding_failed"


def _own_or_on_own_network(table: sa.Table) -> Any:
    project = sa.bindparam("caller_project")
    return sa.or_(table.c.project_id == project, table.c.network_project_id == project)


# --- filters that are no columns -----------------------------------------------------------------------------------------


def _with_address(table: sa.Table, operator: str, parameter: str) -> Any:
    column = allocations.c.subnet_id if operator == "subnet_id" else allocations.c.ip_address
    wanted: Any = sa.bindparam(parameter, expanding=True, type_=sa.String)
    return table.c.id.in_(sa.select(allocations.c.port_id).where(column.in_(wanted)))


def _in_group(table: sa.Table, operator: str, parameter: str) -> Any:
    return table.c.id.in_(sa.select(bindings.c.port_id).where(among(bindings.c.security_group_id, parameter)))


def _with_part_of_address(table: sa.Table, operator: str, parameter: str) -> Any:
    found = allocations.c.ip_address.contains(sa.bindparam(parameter, type_=sa.String), autoescape=False)
    return table.c.id.in_(sa.select(allocations.c.port_id).where(found))


# --- showing -------------------------------------------------------------------------------------------------------------


def _assignment(dns_name: str, addresses: Iterable[Row]) -> list[dict[str, str]]:
    """The names DHCP and DNS of the network know the port by."""
    shown = []
    for _, _, address in addresses:
        host = dns_name or "host-" + address.replace(".", "-").replace(":", "-")
        shown.append({"hostname": host, "ip_address": address, "fqdn": host if host.endswith(".") else f"{host}.{DNS_DOMAIN}"})
    return shown


def asked_of_hosts(tx: Transaction, rows: Sequence[Row], policies: Mapping[str, str] | None = None) -> dict[str, list[RequestGroup]]:
    """What these ports reserve of their hosts; those that reserve nothing are missing. `policies` are those of their networks."""
    if policies is None:
        policies = network_policies(tx, {row.network_id for row in rows})
    under = [(row, row.qos_policy_id or policies.get(row.network_id)) for row in rows]
    return request_groups(tx, [Asking(row.id, row.network_id, row.vnic_type, policy) for row, policy in under if policy])


def _trunks(tx: Transaction, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The `trunk_details` of those that are parents."""
    found = trunks_of(tx, ids)
    if not found:
        return {}
    inside = of_trunks(tx, found.values())
    members = find_many(tx, [row.port_id for rows in inside.values() for row in rows])
    details = {
        trunk: [{**one, "mac_address": members[one["port_id"]].mac_address} for one in shown_subports(rows)]
        for trunk, rows in inside.items()
    }
    return {port: {"trunk_id": trunk, "sub_ports": details.get(trunk, [])} for port, trunk in found.items()}


def _expand(tx: Transaction, request: Request, rows: Sequence[Row]) -> list[Mapping[str, Any]]:
    parts = [(row.id, row.network_id, row.network_project_id, row.dns_name, row.vif_type) for row in rows]
    ids = [part[0] for part in parts]
    addresses, groups, tags = of_ports(tx, ids), groups_of(tx, ids), tags_of(tx, ids)
    shared = shared_with(tx, [part[1] for part in parts], request.caller.project_id)
    policies = network_policies(tx, [part[1] for part in parts])
    trunks = _trunks(tx, ids)
    admin = request.allows("get_port:binding:vif_details")
    tells_asked = request.allows("get_port:resource_request")
    asked = asked_of_hosts(tx, rows, policies) if tells_asked else {}
    shown = []
    for id, network_id, network_project_id, dns_name, vif_type in parts:
        mine = addresses.get(id, ())
        item: dict[str, Any] = {
            "fixed_ips": [{"subnet_id": subnet_id, "ip_address": address} for _, subnet_id, address in mine],
            "security_groups": groups(id),
            "dns_assignment": _assignment(dns_name, mine),
            "tags": tags(id),
            "qos_network_policy_id": policies.get(network_id),
            "network:project_id": network_project_id,
            "network:shared": shared(network_id),
        }
        if tells_asked:
            item["resource_request"] = shown_request(asked.get(id))
        if id in trunks:
            item["trunk_details"] = trunks[id]
        if admin:
            bound = {"port_filter": True, "connectivity": "l2", "bridge_name": bridge_name(network_id)}
            item["binding:vif_details"] = bound if vif_type == BOUND else {}
        shown.append(item)
    return shown


def _guarded(name: str, kind: Any, *, view: bool = False, **options: Any) -> Field:
    rules = {"create": f"create_port:{name}", "update": f"update_port:{name}"}
    if view:
        rules["view"] = f"get_port:{name}"
    return Field(name, kind, **{**rules, **options})


_NAME = Record("DnsAssignment", {"hostname": TEXT, "ip_address": TEXT, "fqdn": TEXT})
_TRUNK = Record("TrunkDetails", {"trunk_id": ID, "sub_ports": many(SUBPORT_SHOWN.with_keys("SubportDetails", {"mac_address": TEXT}))})
PORTS = Resource(
    "port",
    "ports",
    STYLE,
    path="/v2.0/ports",
    fields=(
        Field("id", values.uuid()),
        Field("name", values.name(), default="", create=True, update=True),
        Field("network_id", values.uuid(), default=REQUIRED, create=True, references="networks.id"),
        Field("admin_state_up", values.boolean(), default=True, create=True, update=True),
        _guarded("mac_address", values.mac()),
        _guarded("fixed_ips", values.fixed_ips(), column=None),
        _guarded("device_id", values.text(), default=""),
        _guarded("device_owner", values.text(), default=""),
        Field("project_id", values.text(), default=REQUIRED, create=True, index=True),
        Field("status", values.text(16), default="DOWN"),
        Field("security_groups", values.group_ids(), create=True, update=True, column=None),
        _guarded("allowed_address_pairs", values.address_pairs(), filter=False, sort=False),
        Field("dns_name", values.dns_name(), default="", create=True, update=True, filter=False, sort=False),
        Field("dns_assignment", values.tags(), column=None, answer=many(_NAME)),
        Field("dns_domain", values.dns_domain(), default="", create=True, update=True, filter=False, sort=False),
        Field("extra_dhcp_opts", values.dhcp_options(), create=True, update=True, filter=False, sort=False),
        Field("binding:vif_type", values.text(64), column="vif_type", view="get_port:binding:vif_type", filter=False, sort=False),
        _guarded("binding:vnic_type", values.choice(*VNIC_TYPES), default="normal", column="vnic_type", filter=False, sort=False),
        _guarded("binding:host_id", values.host(), view=True, column="host", sort=False),
        _guarded("binding:profile", values.object_or_none(), view=True, column="profile", filter=False, sort=False),
        _guarded("port_security_enabled", values.boolean(), filter=False, sort=False),
        Field("ip_allocation", values.text(16)),
        Field(
            "data_plane_status", values.choice("ACTIVE", "DOWN", None), update="update_port:data_plane_status", filter=False, sort=False
        ),
        Field("propagate_uplink_status", values.boolean(), default=True, create=True, update=True, filter=False, sort=False),
        Field("numa_affinity_policy", values.choice(*NUMA_POLICIES, None), create=True, update=True, filter=False, sort=False),
        _guarded("trusted", values.boolean(), view=True, answer=maybe(FLAG), filter=False, sort=False),
        _guarded("hints", values.backend_hints(), view=True, answer=maybe(OBJECT), filter=False, sort=False),  # no back end here takes one
        QOS_POLICY,
        Field("qos_network_policy_id", values.uuid(), column=None),
        Field(
            "resource_request", values.object_or_none(), view="get_port:resource_request", column=None, filter=False, answer=REQUEST_SHOWN
        ),
        Field("tags", values.tags(), create=True, column=None),
        *STANDARD,
    ),
    scopes=Scopes(scope_of, {"all": None, "project": _own_or_on_own_network}),
    columns=(
        sa.Column("network_project_id", Id(), nullable=False, index=True),
        sa.Column("allocated_for", Id()),  # the server it was made for and goes with; NULL: a user made it
        sa.Column("error", Name(1024)),  # what the host said that could not wire it
        sa.UniqueConstraint("network_id", "mac_address"),
        sa.Index("ix_ports_device_id", "device_id", "device_owner"),
        sa.Index("ix_ports_host", "host", "network_id"),
        sa.Index("ix_ports_network_id", "network_id", "device_owner"),
    ),
    conditions={**CONDITIONS, "fixed_ips": _with_address, PART_OF_ADDRESS: _with_part_of_address, "security_groups": _in_group},
    expand=_expand,
    adds={
        "trunk_details": optional(_TRUNK), "binding:vif_details": optional(OBJECT), "qos_network_policy_id": maybe(ID),
        "security_groups": many(ID),
    },
)
_p = PORTS.table.c
_BY_ID = sa.select(PORTS.table).where(_p.id == sa.bindparam("the_id"))
_BY_IDS = sa.select(PORTS.table).where(among(_p.id))
_OF_DEVICES = sa.select(PORTS.table).where(among(_p.device_id)).order_by(_p.created_at, _p.id)


def find(tx: Transaction, id: str) -> Row | None:
    return tx.row(_BY_ID, {"the_id": id})


def get(tx: Transaction, id: str) -> Row:
    """A port, whoever asks. Raises PortNotFound."""
    row = find(tx, id)
    if row is None:
        raise not_found("port", id)
    return row


def find_many(tx: Transaction, ids: Iterable[str]) -> dict[str, Row]:
    return {id: rows[0] for id, rows in grouped(tx, _BY_IDS, ids, "id").items()}


def of_devices(tx: Transaction, device_ids: Iterable[str]) -> dict[str, list[Row]]:
    """The ports of servers, routers and the like, oldest first."""
    return grouped(tx, _OF_DEVICES, device_ids, "device_id")
