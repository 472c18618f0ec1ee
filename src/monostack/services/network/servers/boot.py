"""What a boot may ask of the network. Checks, their order and their texts are Nova's."""

from collections import Counter
from collections.abc import Sequence

import sqlalchemy as sa

from monostack.core.errors import BadRequest, Conflict, Forbidden
from monostack.db import Transaction
from monostack.http import Request
from monostack.services.network import quotas
from monostack.services.network.addresses.table import of_port, port_with
from monostack.services.network.groups import default
from monostack.services.network.groups.table import DEFAULT, GROUPS
from monostack.services.network.networks.table import NETWORKS
from monostack.services.network.networks.table import find as find_network
from monostack.services.network.ports.table import PORTS
from monostack.services.network.ports.table import find as find_port
from monostack.services.network.rbac.table import SHARED, shared_with, visible
from monostack.services.network.servers.info import RequestedNic
from monostack.services.network.servers.read import usable_networks
from monostack.services.network.subnets.table import of_network

AMBIGUOUS = "Multiple possible networks found, use a Network ID to be more specific."

_g = GROUPS.table.c
_GROUPS = sa.select(_g.id, _g.name).where(
    sa.or_(_g.project_id == sa.bindparam("caller_project"), _g.id.in_(visible((SHARED,)))),
    sa.or_(_g.id == sa.bindparam("wanted"), _g.name == sa.bindparam("wanted")),
)


def networks_for_boot(tx: Transaction, request: Request, requested: Sequence[RequestedNic] | None) -> list[RequestedNic]:
    """The NICs of a server; None asks for what the project has."""
    project_id = request.project_id
    if requested is None:
        available = usable_networks(tx, project_id)
        if len(available) > 1:
            raise Conflict(AMBIGUOUS)
        nics = [RequestedNic(network_id=network.id) for network in available]
        _check_networks(tx, request, nics)
    else:
        nics = [_existing_port(tx, request, nic) if nic.port_id else nic for nic in requested]
        _check_networks(tx, request, [nic for nic in nics if not nic.port_id])
        repeated = [port_id for port_id, times in Counter(nic.port_id for nic in nics if nic.port_id).items() if times > 1]
        if repeated:
            raise Conflict(f"Port {repeated[0]} is still in use.")
    _check_quota(tx, request, sum(1 for nic in nics if not nic.port_id))
    return nics


def _existing_port(tx: Transaction, request: Request, nic: RequestedNic) -> RequestedNic:
    assert nic.port_id is not None
    scope = PORTS.scopes.of(request)
    row = find_port(tx, nic.port_id)
    if row is None or (scope != "all" and request.caller.project_id not in (row.project_id, row.network_project_id)):
        raise BadRequest(f"Port id {nic.port_id} could not be found.")
    if row.device_id:
        raise Conflict(f"Port {nic.port_id} is still in use.")
    if not of_port(tx, row.id) and of_network(tx, row.network_id):
        raise BadRequest(f"Port {nic.port_id} requires a FixedIP in order to be used.")
    return RequestedNic(row.network_id, row.id, nic.fixed_ip, nic.tag)


def _check_networks(tx: Transaction, request: Request, nics: Sequence[RequestedNic]) -> None:
    project_id, everything = request.caller.project_id, NETWORKS.scopes.of(request) == "all"
    lost = []
    for nic in nics:
        assert nic.network_id is not None
        network = find_network(tx, nic.network_id)
        shared = network is not None and shared_with(tx, [network.id], project_id)(network.id)
        if network is None or not (everything or network.project_id == project_id or shared or network.external):
            lost.append(nic.network_id)
            continue
        if nic.fixed_ip and (port_id := port_with(tx, network.id, nic.fixed_ip)) is not None:
            port = find_port(tx, port_id)
            device = port.device_id if port is not None else ""
            raise BadRequest(f"Fixed IP address {nic.fixed_ip} is already in use on instance {device}.")
        if not of_network(tx, network.id):
            raise BadRequest(f"Network {network.id} requires a subnet in order to boot instances on.")
        if network.external and not shared and not request.allows("network:attach_external_network"):
            raise Forbidden(f"It is not allowed to create an interface on external network {network.id}")
    if lost:
        raise BadRequest(f"Network {', '.join(dict.fromkeys(lost))} could not be found.")


def _check_quota(tx: Transaction, request: Request, needed: int) -> None:
    if not needed:
        return
    limit = quotas.limits(tx, request.cloud, request.project_id)["port"]
    if limit > quotas.UNLIMITED and quotas.used(tx, request.project_id, "port") + needed > limit:
        raise Forbidden("Maximum number of ports exceeded")


def find_security_groups(tx: Transaction, request: Request, names_or_ids: Sequence[str]) -> list[str]:
    """Ids of the groups that a server of the caller is to be in."""
    found = []
    for wanted in names_or_ids:
        rows = tx.rows(_GROUPS, {"caller_project": request.project_id, "wanted": wanted})
        by_id = [row.id for row in rows if row.id == wanted]
        if not rows and wanted == DEFAULT:
            found.append(default.ensure(tx, request, request.project_id).id)
        elif not rows:
            raise BadRequest(f"Unable to find security_group with name or id '{wanted}'")
        elif len(rows) > 1 and not by_id:
            raise Conflict(f"Multiple security groups found matching '{wanted}'. Use an ID to be more specific.")
        else:
            found.append(by_id[0] if by_id else rows[0].id)
    return found
