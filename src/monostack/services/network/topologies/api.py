"""Asking for a project's topology, which makes it, and taking it away: `/auto-allocated-topology/{project}`."""

from typing import Any

import sqlalchemy as sa

from monostack.core.errors import Fault, Forbidden
from monostack.db import Transaction
from monostack.http import Request, Routes
from monostack.http.answers import TEXT, Record, envelope, optional
from monostack.resources import Resource
from monostack.services.network.attributes import Values, accept_create, is_admin
from monostack.services.network.networks.api import create_network, delete_network
from monostack.services.network.networks.table import NETWORKS
from monostack.services.network.networks.table import find as find_network
from monostack.services.network.pools import table as pools
from monostack.services.network.routers import interfaces
from monostack.services.network.routers.api import create_router, delete_router
from monostack.services.network.routers.table import ROUTERS
from monostack.services.network.routers.table import find as find_router
from monostack.services.network.subnets.api import create_subnet
from monostack.services.network.subnets.table import SUBNETS, of_network
from monostack.services.network.topologies.table import find, keep
from monostack.services.network.words import bad_request, conflict, forbidden

DRY_RUN = "dry-run"
_DEFAULT = sa.select(NETWORKS.table.c.id).where(NETWORKS.table.c.is_default.is_(sa.true()), NETWORKS.table.c.external.is_(sa.true()))

routes = Routes("/v2.0/auto-allocated-topology/{id}")


def _failure(reason: str) -> Fault:
    return conflict(f"Deployment error: {reason}.", "AutoAllocationFailure")


def _project(request: Request) -> str:
    """The project the path names; None is the caller's own."""
    caller = request.caller.project_id or ""
    named = request.params["id"]
    project_id = caller if named == "None" else named
    if project_id != caller and not is_admin(request):
        raise Forbidden("Not authorized.", kind="NotAuthorized")
    return project_id


def _way_out(tx: Transaction) -> str:
    """The default external network. Raises AutoAllocationFailure."""
    network_id = tx.scalar(_DEFAULT)
    if network_id is None:
        raise _failure("No default router:external network")
    return network_id


def show_topology(request: Request, tx: Transaction) -> Any:
    """Show the project's topology; it is made if there is none."""
    project_id = _project(request)
    owner = {"project_id": project_id, "tenant_id": project_id}
    if not request.allows("get_auto_allocated_topology", owner):
        raise forbidden("rule:get_auto_allocated_topology")
    fields = [name for name in request.query_all("fields") if name]
    if DRY_RUN in fields:
        _way_out(tx)
        if not any(pools.default_of(tx, version) for version in (4, 6)):
            raise _failure("No default subnetpools defined")
        return {"auto_allocated_topology": {"id": "dry-run=pass", "project_id": project_id}}
    if fields:
        raise bad_request("auto_allocate", "Unrecognized field")
    known = find(tx, project_id)
    network_id = known.network_id if known is not None else _make(tx, request, project_id)
    return {"auto_allocated_topology": {"id": network_id, **owner}}


def _values(request: Request, resource: Resource, **given: Any) -> Values:
    return accept_create(request, resource, given)


def _make(tx: Transaction, request: Request, project_id: str) -> str:
    """A network with a subnet from each default pool, behind a router to the default external network; all of it or nothing."""
    outside = _way_out(tx)
    from_pools = [pool for version in (4, 6) if (pool := pools.default_of(tx, version)) is not None]
    if not from_pools:
        raise _failure("Unable to provide project private network")
    network = create_network(tx, request, _values(request, NETWORKS, name="auto_allocated_network", project_id=project_id))
    subnets = []
    for pool in from_pools:
        named = {"name": f"auto_allocated_subnet_v{pool.ip_version}", "ip_version": pool.ip_version, "subnetpool_id": pool.id}
        subnets.append(create_subnet(tx, request, _values(request, SUBNETS, network_id=network.id, project_id=project_id, **named)))
    gateway = {"network_id": outside}
    values = _values(request, ROUTERS, name="auto_allocated_router", project_id=project_id, external_gateway_info=gateway)
    router = create_router(tx, request, values)
    for subnet in subnets:
        interfaces.add(tx, request, router, None, subnet.id)
    keep(tx, project_id, network.id, router.id)
    return network.id


ANSWER = envelope("auto_allocated_topology", Record("AutoAllocatedTopology", {"id": TEXT, "project_id": TEXT, "tenant_id": optional(TEXT)}))
routes.add("GET", "", show_topology, "write", policy="get_auto_allocated_topology", answer=ANSWER)


@routes.delete("", policy="delete_auto_allocated_topology")
def delete_topology(request: Request, tx: Transaction) -> None:
    """Take the project's topology away, if it has one."""
    project_id = _project(request)
    if not request.allows("delete_auto_allocated_topology", {"project_id": project_id, "tenant_id": project_id}):
        raise forbidden("rule:delete_auto_allocated_topology")
    known = find(tx, project_id)
    if known is None:
        return
    router = find_router(tx, known.router_id) if known.router_id else None
    if router is not None:
        for subnet in of_network(tx, known.network_id):
            interfaces.remove(tx, request, router, None, subnet.id)
        delete_router(tx, request, router)
    network = find_network(tx, known.network_id)
    assert network is not None
    delete_network(tx, request, network)
