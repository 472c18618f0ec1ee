"""Which routers may answer for others: those whose gateway is on an external network with IPv6 subnets of an address scope."""

from typing import Any

from monostack.core.errors import Fault
from monostack.db import Row, Transaction
from monostack.services.network.addresses.table import of_port
from monostack.services.network.pools.affinity import scopes_of
from monostack.services.network.subnets.table import of_network
from monostack.services.network.words import conflict


def scope_of_network(tx: Transaction, network_id: str) -> str | None:
    """The IPv6 address scope of a network."""
    subnets = [subnet for subnet in of_network(tx, network_id) if subnet.ip_version == 6]
    return next((scope for scope in scopes_of(tx, subnets).values() if scope is not None), None)


def check_new_router(tx: Transaction, router_id: str, gateway: dict[str, Any] | None) -> None:
    """May a router that is created answer for others? Raises RouterGatewayNotValid."""
    if not gateway:
        raise _not_valid(router_id, "The request body not contain external gateway information")
    if scope_of_network(tx, gateway["network_id"]) is None:
        raise _not_valid(
            router_id,
            f"The external network {gateway['network_id']} don't support IPv6 ndp proxy, the network has no IPv6 subnets or has no IPv6 "
            "address scope",
        )


def check_router(tx: Transaction, router: Row) -> None:
    """May this router? Raises RouterGatewayNotValid."""
    has_address = bool(router.gw_port_id) and any(":" in one.ip_address for one in of_port(tx, router.gw_port_id))
    if not has_address or scope_of_network(tx, router.gw_network_id) is None:
        reason = "The router has no external gateway or the external gateway port has no IPv6 address or IPv6 address scope"
        raise _not_valid(router.id, reason)


def _not_valid(router_id: str, reason: str) -> Fault:
    return conflict(f"Can not enable ndp proxy on router {router_id}, {reason}.", "RouterGatewayNotValid")
