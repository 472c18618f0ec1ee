"""Creating, changing and deleting networks."""


import sqlalchemy as sa

from monostack.core import ids
from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.services.network import rbac, standard
from monostack.services.network.attributes import Values
from monostack.services.network.changes import changed
from monostack.services.network.desired.hosting import pick
from monostack.services.network.floatingips.api import delete_floating_ip
from monostack.services.network.floatingips.table import FLOATING_IPS
from monostack.services.network.networks.table import NETWORKS
from monostack.services.network.ports import reservations
from monostack.services.network.ports.delete import delete_port
from monostack.services.network.ports.table import PORTS
from monostack.services.network.ports.update import update_port
from monostack.services.network.qos import use as qos
from monostack.services.network.segments import types
from monostack.services.network.segments.table import ATTRIBUTES, SEGMENTS, of_networks
from monostack.services.network.subnets.table import SUBNETS
from monostack.services.network.tags.api import tag_routes
from monostack.services.network.verbs import Verbs
from monostack.services.network.words import conflict, invalid, network_in_use, refused
from monostack.services.network.zones import check_hints

IPV4_MIN_MTU, IPV6_MIN_MTU = 68, 1280  # RFC 791, RFC 8200
AUTOMATIC = ("network:dhcp",)  # ports the cloud made for itself, which go with the network

_p, _s = PORTS.table.c, SUBNETS.table.c
_PORTS = sa.select(PORTS.table).where(_p.network_id == sa.bindparam("network"))
_USERS = sa.select(_p.id).where(_p.network_id == sa.bindparam("network"), _p.device_owner.not_in(AUTOMATIC)).order_by(_p.id)
_AUTOMATIC = _PORTS.where(_p.device_owner.in_(AUTOMATIC))
_GATEWAYS = sa.select(_p.id).where(_p.network_id == sa.bindparam("network"), _p.device_owner == "network:router_gateway").limit(1)
_n = NETWORKS.table.c
_DEFAULT = sa.select(_n.id).where(_n.is_default.is_(sa.true()), _n.external.is_(sa.true())).limit(1)
_f = FLOATING_IPS.table.c
_UNUSED = sa.select(FLOATING_IPS.table).where(_f.floating_network_id == sa.bindparam("network"), _f.port_id.is_(None))
_SUBNETS = sa.select(SUBNETS.table).where(_s.network_id == sa.bindparam("network"))
_OWNERS = sa.union(
    sa.select(_p.project_id).where(_p.network_id == sa.bindparam("network"), ~_p.device_owner.startswith("network:")),
    sa.select(_s.project_id).where(_s.network_id == sa.bindparam("network")),
)


def create_network(tx: Transaction, request: Request, values: Values) -> Row:
    check_hints(tx, "network", values["availability_zone_hints"])
    segments = _segments(tx, request, values)
    values["mtu"] = types.checked_mtu([segment["network_type"] for segment in segments], values["mtu"])
    qos.for_new_network(tx, request, values)
    if values["is_default"] and values["router:external"]:
        _check_only_default(tx, None)
    id = ids.new_uuid()
    where = {"host": pick(request.cloud, id), "host_status": "DOWN"}
    row = standard.insert(NETWORKS, tx, request, {**values, **where, "id": id, "status": "ACTIVE"}, revision=1)
    for position, segment in enumerate(segments):
        standard.insert(SEGMENTS, tx, request, {**segment, "network_id": id, "position": position, "description": None})
    if values["shared"]:
        rbac.grant(tx, row.project_id, "network", row.id, rbac.SHARED)
    if values["router:external"]:
        rbac.grant(tx, row.project_id, "network", row.id, rbac.EXTERNAL)
    return row


def _segments(tx: Transaction, request: Request, values: Values) -> list[types.Segment]:
    """The wires of a network that is created: those it asks for, or one of the kind tenants have."""
    one = {name: values.get(f"provider:{name}") for name in ATTRIBUTES}
    several = values.get("segments")
    if any(value is not None for value in one.values()):
        if several is not None:
            raise refused("Segments and provider values cannot both be set.", "SegmentsSetInConjunctionWithProviders")
        wanted = [one]
    elif several is not None:
        wanted = [{name: segment[f"provider:{name}"] for name in ATTRIBUTES} for segment in several]
    else:
        return [types.reserve(tx, {**one, "network_type": types.TENANT}, values["project_id"])]
    for segment in wanted:
        types.check(request.cloud, segment)
    whole = [tuple(segment.values()) for segment in wanted if segment["network_type"] == "flat" or segment["segmentation_id"] is not None]
    if len(set(whole)) < len(whole):
        raise refused("Duplicate segment entry in request.", "SegmentsContainDuplicateEntry")
    made: list[types.Segment] = []
    for segment in wanted:
        made.append(types.reserve(tx, segment, values["project_id"]))
    return made


def update_network(tx: Transaction, request: Request, row: Row, changes: Values) -> Row:
    _change_segment(tx, request, row, changes)
    if "shared" in changes:
        _share(tx, row, changes.pop("shared"))
    if "router:external" in changes and changes["router:external"] != row.external:
        _make_external(tx, row, changes["router:external"])
    if changes.get("is_default") and changes.get("router:external", row.external):
        _check_only_default(tx, row.id)
    if "mtu" in changes:
        _check_mtu(tx, row, changes["mtu"])
        changes["mtu"] = types.checked_mtu([one.network_type for one in of_networks(tx, [row.id]).get(row.id, ())], changes["mtu"])
    if changes.get("qos_policy_id", row.qos_policy_id) != row.qos_policy_id:
        _change_policy(tx, request, row, changes)
    changed(tx, request.cloud, "network", [row.id])
    return NETWORKS.change(tx, request, row, changes)


def _change_segment(tx: Transaction, request: Request, row: Row, changes: Values) -> None:
    """Another VLAN; nothing else about a network's wire changes. Raises InvalidInput, VlanIdInUse."""
    given = {name: changes.pop(f"provider:{name}", None) for name in ATTRIBUTES}
    changes.pop("segments", None)
    if all(value is None for value in given.values()):
        return
    present = of_networks(tx, [row.id]).get(row.id, [])
    for name in ("network_type", "physical_network"):
        if given[name] is not None and (len(present) != 1 or given[name] != present[0]._mapping[name]):
            raise invalid(f"Plugin does not support updating the following provider network attributes: provider:{name}")
    if not given["segmentation_id"]:
        return
    if len(present) != 1:
        raise invalid("Provider network attributes can be updated only in provider networks with a single segment.")
    if present[0].network_type != "vlan":
        raise invalid("Only VLAN type networks can be updated.")
    wanted = {"network_type": "vlan", "physical_network": present[0].physical_network, "segmentation_id": given["segmentation_id"]}
    types.check(request.cloud, wanted)
    SEGMENTS.change(tx, request, present[0], types.reserve(tx, wanted, row.project_id))


def _change_policy(tx: Transaction, request: Request, row: Row, changes: Values) -> None:
    """Another QoS policy, for the network and for all of its ports that have none of their own."""
    qos.take(tx, request, changes, row.qos_policy_id)
    ports = [port for port in tx.rows(_PORTS, {"network": row.id}) if port.qos_policy_id is None]
    qos.check_ports(tx, changes["qos_policy_id"], qos.mappings(ports))
    for port in ports:
        profile = reservations.follow(tx, port, row.qos_policy_id, changes["qos_policy_id"])
        if profile is not None:
            update_port(tx, request.cloud, None, port, {"binding:profile": profile})
    changed(tx, request.cloud, "port", [port.id for port in ports])
    changed(tx, request.cloud, "router", qos.routers_of(ports))


def _check_only_default(tx: Transaction, but: str | None) -> None:
    """One external network is the default. Raises DefaultExternalNetworkExists."""
    present = tx.scalar(_DEFAULT)
    if present is not None and present != but:
        raise conflict(f"A default external network already exists: {present}.", "DefaultExternalNetworkExists")


def _share(tx: Transaction, row: Row, shared: bool) -> None:
    targets = rbac.targets(tx, row.id, rbac.SHARED)
    if shared:
        rbac.grant(tx, row.project_id, "network", row.id, rbac.SHARED)
    elif rbac.EVERYBODY in targets:
        users = {owner[0] for owner in tx.rows(_OWNERS, {"network": row.id})} - {"", row.project_id}
        if users - targets:
            text = f"Unable to reconfigure sharing settings for network {row.name}. Multiple projects are using it."
            raise conflict(text, "InvalidSharedSetting")
        rbac.revoke(tx, row.id, rbac.SHARED)


def _make_external(tx: Transaction, row: Row, external: bool) -> None:
    if external:
        rbac.grant(tx, row.project_id, "network", row.id, rbac.EXTERNAL)
        return
    if tx.scalar(_GATEWAYS, {"network": row.id}) is not None:
        text = f"External network {row.id} cannot be updated to be made non-external, since it has existing gateway ports."
        raise conflict(text, "ExternalNetworkInUse")
    rbac.revoke(tx, row.id, rbac.EXTERNAL, None)


def _check_mtu(tx: Transaction, row: Row, mtu: int) -> None:
    """Subnets need a least MTU. 0 stands for the largest."""
    if mtu == 0 or mtu >= IPV6_MIN_MTU:
        return
    versions = {subnet.ip_version for subnet in tx.rows(_SUBNETS, {"network": row.id})}
    least = IPV6_MIN_MTU if 6 in versions else IPV4_MIN_MTU
    if versions and mtu < least:
        raise conflict(f"MTU of {row.id} is not valid, subnet requires a minimum of {least}", "NetworkMTUSubnetConflict")


def delete_network(tx: Transaction, request: Request, row: Row) -> None:
    for floating_ip in tx.rows(_UNUSED, {"network": row.id}):
        delete_floating_ip(tx, request, floating_ip)
    users = [port[0] for port in tx.rows(_USERS, {"network": row.id})]
    if users:
        listed = ",".join(users)
        raise network_in_use(row.id, f"There are one or more ports still in use on the network, id for these ports is: {listed}")
    for port in tx.rows(_AUTOMATIC, {"network": row.id}):
        delete_port(tx, request.cloud, request, port)
    for subnet in tx.rows(_SUBNETS, {"network": row.id}):
        standard.remove(SUBNETS, tx, request, subnet)
    rbac.forget(tx, row.id)
    standard.remove(NETWORKS, tx, request, row)
    changed(tx, request.cloud, "network", [row.id])


VERBS = Verbs(NETWORKS, create=create_network, update=update_network, delete=delete_network)
routes = [VERBS.routes(), tag_routes(VERBS)]
