"""What the attributes of network resources may hold, in Neutron's words.

A check takes what the caller gave and returns what is kept. It raises ValueError with the reason ("'x' is not a valid UUID"), which the
API words as "Invalid input for ATTRIBUTE. Reason: ...", or a fault of its own where Neutron has one.
"""

from monostack.services.network.values.addresses import cidr, hostroutes, ip, ip_pools, loose_prefix, mac, nameservers, subnet_cidr
from monostack.services.network.values.lists import (
    address_pairs,
    dhcp_options,
    fixed_ips,
    group_ids,
    hints,
    prefixes,
    segments,
    service_types,
    tags,
)
from monostack.services.network.values.plain import (
    backend_hints,
    between,
    boolean,
    choice,
    dns_domain,
    dns_name,
    host,
    ip_version,
    name,
    nullable,
    number,
    object_or_none,
    text,
    to_boolean,
    to_int,
    uuid,
)

__all__ = [
    "address_pairs", "backend_hints", "between", "boolean", "choice", "cidr", "dhcp_options", "dns_domain", "dns_name", "fixed_ips",
    "group_ids", "hints", "host", "hostroutes", "ip", "ip_pools", "ip_version", "loose_prefix", "mac", "name", "nameservers",
    "nullable", "number", "object_or_none", "prefixes", "segments", "service_types", "subnet_cidr", "tags", "text", "to_boolean", "to_int",
    "uuid",
]  # fmt: skip
