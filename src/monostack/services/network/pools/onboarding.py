"""Taking subnets that are there already into a pool. Source: Neutron's extension subnet_onboard."""

from typing import Any

from netaddr import IPSet

from monostack.core.errors import Forbidden
from monostack.db import Row, Transaction
from monostack.http import Request, Routes
from monostack.http.answers import ID, TEXT, Record, many
from monostack.services.network import documents
from monostack.services.network.attributes import is_admin
from monostack.services.network.networks import table as networks
from monostack.services.network.pools import affinity
from monostack.services.network.pools.api import VERBS, update_pool
from monostack.services.network.subnets.table import SUBNETS, of_network, of_pool
from monostack.services.network.words import invalid, refused

routes = Routes("/v2.0/subnetpools/{id}")


_BODY = documents.one_of("network_id", documents.TEXT)
_SUBNETS = many(Record("OnboardedSubnet", {"id": ID, "cidr": TEXT}))


@routes.put("/onboard_network_subnets", policy="onboard_network_subnets", body_document=_BODY, answer=_SUBNETS)
def onboard_network_subnets(request: Request, tx: Transaction) -> Any:
    """Take the subnets of a network into the pool: those of its IP version."""
    pool, item = VERBS.look_up(request, tx, request.params["id"])
    VERBS.authorize(request, "onboard_network_subnets", item)
    network_id = request.body.get("network_id") if isinstance(request.body, dict) else None
    if not network_id:
        raise invalid("network_id must be specified.")
    network = networks.get_for(tx, request, str(network_id))
    if network.project_id != request.caller.project_id and not is_admin(request):
        raise Forbidden("Not authorized.", kind="NotAuthorized")
    subnets = [subnet for subnet in of_network(tx, network.id) if subnet.ip_version == pool.ip_version]
    _check_apart(tx, pool, subnets)
    if subnets:
        update_pool(tx, request, pool, {"prefixes": [*pool.prefixes, *(subnet.cidr for subnet in subnets)]})
    for subnet in subnets:
        SUBNETS.change(tx, request, subnet, {"subnetpool_id": pool.id})
    if pool.address_scope_id:
        affinity.rescoped(tx, request.cloud, pool.id)
    return [{"id": subnet.id, "cidr": subnet.cidr} for subnet in subnets]


def _check_apart(tx: Transaction, pool: Row, subnets: list[Row]) -> None:
    taken = IPSet([subnet.cidr for subnet in of_pool(tx, pool.id)])
    for subnet in subnets:
        if not taken.isdisjoint(IPSet([subnet.cidr])):
            text = f"Onboarding subnet {subnet.id}: {subnet.cidr} conflicts with allocated prefixes in subnet pool {pool.id}"
            raise refused(f"Illegal subnetpool update : {text}.", "IllegalSubnetPoolUpdate")


