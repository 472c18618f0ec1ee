"""How many addresses of each network are used: `/network-ip-availabilities`.

Source: Neutron's extensions network-ip-availability and network-ip-availability-details.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from netaddr import IPAddress, IPNetwork

from monostack.core.errors import NotFound
from monostack.db import Row, Select, Transaction
from monostack.http import Request, Routes
from monostack.http.answers import ID, INTEGER, TEXT, Record, envelope, many
from monostack.services.network.addresses.table import allocations
from monostack.services.network.lookup import among, values_of
from monostack.services.network.networks.table import NETWORKS
from monostack.services.network.networks.table import get as get_network
from monostack.services.network.style import check_filters, check_sorts, only_fields, other_parameters
from monostack.services.network.subnets.table import of_networks

_USED: Select = sa.select(allocations.c.subnet_id, allocations.c.ip_address).where(among(allocations.c.subnet_id))
FILTERS = ("network_id", "network_name", "project_id", "tenant_id", "ip_version")
_NAMES = {"network_id": "id", "network_name": "name", "project_id": "project_id", "tenant_id": "project_id"}

routes = Routes("/v2.0/network-ip-availabilities")
_COUNTS = ("total_ips_in_subnet", "total_ips_in_allocation_pool", "used_ips_in_subnet", "used_ips_in_allocation_pool")
_DETAILS = Record("IpAvailabilityDetails", dict.fromkeys(_COUNTS, INTEGER))
_IN_SUBNET = {
    "subnet_id": ID, "ip_version": INTEGER, "cidr": TEXT, "subnet_name": TEXT, "used_ips": INTEGER, "total_ips": INTEGER,
    "ip_availability_details": _DETAILS,
}  # fmt: skip
_AVAILABILITY = Record(
    "NetworkIpAvailability",
    {
        "network_id": ID, "network_name": TEXT, "tenant_id": TEXT, "project_id": TEXT,
        "subnet_ip_availability": many(Record("SubnetIpAvailability", _IN_SUBNET)), "used_ips": INTEGER, "total_ips": INTEGER,
        "ip_availability_details": _DETAILS,
    },
)  # fmt: skip


def _prefix(subnet: Row) -> int:
    """What the prefix holds; of IPv4 without its two ends."""
    network = IPNetwork(subnet.cidr)
    return int(network.size) - (2 if network.version == 4 else 0)


def _total(subnet: Row) -> int:
    """What the pools hold; without pools what the prefix holds. Neutron counts an IPv4 prefix without its two ends."""
    if subnet.allocation_pools:
        return sum(int(IPAddress(pool["end"])) - int(IPAddress(pool["start"])) + 1 for pool in subnet.allocation_pools)
    return _prefix(subnet) + (2 if subnet.ip_version == 4 and IPNetwork(subnet.cidr).prefixlen >= 31 else 0)


def _in_pools(subnet: Row, used: Sequence[str]) -> int:
    """How many of the addresses are of the subnet's pools."""
    bounds = [(int(IPAddress(pool["start"])), int(IPAddress(pool["end"]))) for pool in subnet.allocation_pools]
    numbers = [int(IPAddress(address)) for address in used]
    return sum(any(first <= number <= last for first, last in bounds) for number in numbers)


def _of_subnet(subnet: Row, used: Sequence[str]) -> dict[str, Any]:
    total = _total(subnet)
    details = (_prefix(subnet), total if subnet.allocation_pools else 0, len(used), _in_pools(subnet, used))
    return {
        "subnet_id": subnet.id,
        "ip_version": subnet.ip_version,
        "cidr": subnet.cidr,
        "subnet_name": subnet.name,
        "used_ips": len(used),
        "total_ips": total,
        "ip_availability_details": dict(zip(_COUNTS, details, strict=True)),
    }


def _describe(tx: Transaction, rows: Sequence[Row], versions: Sequence[int]) -> list[dict[str, Any]]:
    subnets = of_networks(tx, [row.id for row in rows])
    used = values_of(tx, _USED, [subnet.id for found in subnets.values() for subnet in found])
    shown: list[dict[str, Any]] = []
    for row in rows:
        mine = [subnet for subnet in subnets.get(row.id, ()) if not versions or subnet.ip_version in versions]
        if versions and not mine:
            continue
        items = [_of_subnet(subnet, used(subnet.id)) for subnet in mine]
        shown.append(
            {
                "network_id": row.id,
                "network_name": row.name,
                "tenant_id": row.project_id,
                "project_id": row.project_id,
                "subnet_ip_availability": items,
                "used_ips": sum(item["used_ips"] for item in items),
                "total_ips": sum(item["total_ips"] for item in items),
                "ip_availability_details": {name: sum(item["ip_availability_details"][name] for item in items) for name in _COUNTS},
            }
        )
    return shown


@routes.get("", policy="get_network_ip_availability", answer=envelope("network_ip_availabilities", many(_AVAILABILITY)))
def list_availabilities(request: Request, tx: Transaction) -> Any:
    """List the use of addresses by network."""
    given = other_parameters(request)
    check_filters(given, *FILTERS)
    check_sorts(request, "network_id")
    if not request.allows("get_network_ip_availability"):
        return {"network_ip_availabilities": []}
    wanted = {_NAMES[name]: values for name, values in given.items() if name in _NAMES}
    versions = [int(value) for value in given.get("ip_version", ()) if value.isdigit()]
    statement = sa.select(NETWORKS.table).order_by(NETWORKS.table.c.id)
    for column in sorted(wanted):
        statement = statement.where(among(NETWORKS.table.c[column], f"w_{column}"))
    rows = tx.rows(statement, {f"w_{column}": values for column, values in wanted.items()})
    return {"network_ip_availabilities": only_fields(request, _describe(tx, rows, versions))}


@routes.get("/{id}", policy="get_network_ip_availability", answer=envelope("network_ip_availability", _AVAILABILITY))
def show_availability(request: Request, tx: Transaction) -> Any:
    """Show the use of a network's addresses."""
    row = get_network(tx, request.params["id"])
    if not request.allows("get_network_ip_availability"):
        raise NotFound("The resource could not be found.", kind="HTTPNotFound")
    return {"network_ip_availability": only_fields(request, _describe(tx, [row], ()))[0]}
