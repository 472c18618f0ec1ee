"""Cutting a subnet's prefix from a pool."""

from typing import Any

import netaddr
from netaddr import IPNetwork, IPSet

from monostack.core.errors import Fault
from monostack.db import Row, Transaction
from monostack.services.network.subnets.table import of_pool
from monostack.services.network.words import conflict, refused

QUOTA_BITS = {4: 32, 6: 64}  # a pool's default_quota counts addresses of IPv4 and /64s of IPv6


def cut(tx: Transaction, pool: Row, project_id: str, cidr: str | None, prefixlen: int | None) -> str:
    """The prefix of a new subnet: `cidr` if it is free, else the first free one of the length. Raises as Neutron does."""
    length = IPNetwork(cidr).prefixlen if cidr is not None else prefixlen if prefixlen is not None else pool.default_prefixlen
    if length > pool.max_prefixlen:
        text = f"Unable to allocate subnet with prefix length {length}, maximum allowed prefix is {pool.max_prefixlen}."
        raise refused(text, "MaxPrefixSubnetAllocationError")
    if length < pool.min_prefixlen:
        text = f"Unable to allocate subnet with prefix length {length}, minimum allowed prefix is {pool.min_prefixlen}."
        raise refused(text, "MinPrefixSubnetAllocationError")
    taken = of_pool(tx, pool.id)
    _check_quota(pool, project_id, taken, length)
    free = IPSet(pool.prefixes) - IPSet([subnet.cidr for subnet in taken])
    blocks = sorted(free.iter_cidrs(), key=lambda block: block.prefixlen, reverse=True)
    if cidr is not None:
        matched = netaddr.all_matching_cidrs(IPNetwork(cidr), blocks)
        if len(matched) == 1 and matched[0].prefixlen <= length:
            return cidr
        raise _failed("Cannot allocate requested subnet from the available set of prefixes")
    for block in blocks:
        if block.prefixlen <= length:
            return str(next(block.subnet(length)))
    raise _failed(f"Insufficient prefix space to allocate subnet size /{length}")


def _check_quota(pool: Row, project_id: str, taken: Any, length: int) -> None:
    if not pool.default_quota:
        return
    bits = QUOTA_BITS[pool.ip_version]
    mine = [IPNetwork(subnet.cidr).prefixlen for subnet in taken if subnet.project_id == project_id]
    if sum(2.0 ** (bits - one) for one in [*mine, length]) > pool.default_quota:
        raise conflict("Per-project subnet pool prefix quota exceeded.", "SubnetPoolQuotaExceeded")


def _failed(reason: str) -> Fault:
    # Neutron maps this one to no status of its own, so that its API answers 500; the cause is the request.
    return conflict(f"Failed to allocate subnet: {reason}.", "SubnetAllocationError")
