"""What goes together: pools and address scopes, and the subnets of a network. Checks and texts are Neutron's."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from netaddr import IPSet

from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.services.network import rbac
from monostack.services.network.address_scopes.table import ADDRESS_SCOPES
from monostack.services.network.address_scopes.table import get as get_scope
from monostack.services.network.attributes import is_admin
from monostack.services.network.changes import changed
from monostack.services.network.pools.table import find_many, in_scope
from monostack.services.network.ports.table import PORTS
from monostack.services.network.subnets.table import of_networks, of_pool
from monostack.services.network.words import conflict, invalid, refused

_ROUTERS = sa.select(PORTS.table.c.device_id).where(
    PORTS.table.c.network_id.in_(sa.bindparam("networks", expanding=True)), PORTS.table.c.device_owner.startswith("network:router_")
)


def check_pool(tx: Transaction, request: Request, pool_id: str, version: int, prefixes: Sequence[str], scope_id: str | None) -> None:
    """The pool may be, with these prefixes, in the address scope. Raises what Neutron does."""
    if scope_id is None:
        return
    scope = ADDRESS_SCOPES.get(request, tx, scope_id)
    if scope.ip_version != version:
        text = (
            f"Illegal subnetpool association: subnetpool {pool_id} cannot associate with address scope {scope_id} because subnetpool "
            f"ip_version is not {scope.ip_version}."
        )
        raise refused(text, "IllegalSubnetPoolIpVersionAssociationToAddressScope")
    mine = {subnet.id: subnet.network_id for subnet in of_pool(tx, pool_id)}
    beside = [one for found in of_networks(tx, list(set(mine.values()))).values() for one in found if one.ip_version == version]
    if any(one.id not in mine for one in beside):
        raise _split()
    others = [pool for pool in in_scope(tx, scope_id) if pool.id != pool_id]
    if any(not IPSet(pool.prefixes).isdisjoint(IPSet(prefixes)) for pool in others):
        text = "Failed to associate address scope: subnetpools within an address scope must have unique prefixes."
        raise conflict(text, "AddressScopePrefixConflict")


def _split() -> Exception:
    text = "Subnets of the same address family hosted on the same network must all participate in the same address scope."
    return refused(text, "NetworkAddressScopeAffinityError")


def check_change(tx: Transaction, request: Request, pool: Row) -> None:
    """A pool in an address scope that is only shared with its project stays as it is."""
    if pool.address_scope_id is None or is_admin(request):
        return
    if get_scope(tx, pool.address_scope_id).project_id != request.caller.project_id:
        reason = f"subnetpool {pool.id} cannot be updated when associated with shared address scope {pool.address_scope_id}"
        raise refused(f"Illegal subnetpool update : {reason}.", "IllegalSubnetPoolUpdate")


def check_given(tx: Transaction, pool_id: str, target: str) -> None:
    """Who is given a pool can use its address scope, too. Raises InvalidInput."""
    scope_id = find_many(tx, [pool_id])[pool_id].address_scope_id
    if scope_id is not None and not {rbac.EVERYBODY, target} & rbac.targets(tx, scope_id, rbac.SHARED):
        reason = "target project doesn't have access to associated address scope"
        raise invalid(f"Failed to create RBAC policy on object {pool_id} because {reason}")


def rescoped(tx: Transaction, cloud: Any, pool_id: str) -> None:
    """The routers that the pool's subnets are behind route by other address scopes."""
    networks = list({subnet.network_id for subnet in of_pool(tx, pool_id)})
    changed(tx, cloud, "router", {row[0] for row in tx.rows(_ROUTERS, {"networks": networks})} if networks else ())


# --- subnets of a network ------------------------------------------------------------------------------------------------


def scopes_of(tx: Transaction, subnets: Sequence[Row]) -> Mapping[str, str | None]:
    """The address scope of each of these subnets, by the subnet's id."""
    pools = find_many(tx, {subnet.subnetpool_id for subnet in subnets if subnet.subnetpool_id})
    return {one.id: pools[one.subnetpool_id].address_scope_id if one.subnetpool_id in pools else None for one in subnets}


def check_same(tx: Transaction, version: int, pool_id: str | None, others: Sequence[Row]) -> None:
    """All subnets of one IP version on a network come from pools of one address scope; without scopes from one pool, or from none."""
    beside = [other for other in others if other.ip_version == version]
    scopes = {scope for scope in scopes_of(tx, beside).values() if scope is not None}
    if scopes:
        pool = find_many(tx, [pool_id]).get(pool_id) if pool_id else None
        if pool is not None and pool.address_scope_id not in scopes:
            raise _split()
        if pool is not None:
            return
    if any(other.subnetpool_id != pool_id for other in beside):
        text = "Subnets hosted on the same network must be allocated from the same subnet pool."
        raise refused(text, "NetworkSubnetPoolAffinityError")
