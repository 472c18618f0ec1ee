"""The addresses that ports have. One row an address; `position` is the address as text that sorts as the number does."""

from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from netaddr import IPAddress

from monostack.db import Id, Row, Transaction, table
from monostack.services.network.lookup import among, grouped

allocations = table(
    "ip_allocations",
    sa.Column("subnet_id", Id(), sa.ForeignKey("subnets.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("position", sa.String(32), primary_key=True),
    sa.Column("ip_address", sa.String(64), nullable=False, index=True),
    sa.Column("network_id", Id(), nullable=False),
    sa.Column("port_id", Id(), sa.ForeignKey("ports.id", ondelete="CASCADE"), nullable=False, index=True),
)
_a = allocations.c
_HERE = (_a.subnet_id == sa.bindparam("subnet"), _a.position == sa.bindparam("at"))
_TAKE = sa.insert(allocations)
_GIVE_BACK = sa.delete(allocations).where(*_HERE)
_TAKEN = sa.select(_a.port_id).where(*_HERE)
_ORDER = (sa.func.length(_a.position), _a.position)
_OF_PORT = sa.select(allocations).where(_a.port_id == sa.bindparam("port")).order_by(*_ORDER)
_OF_PORTS = sa.select(_a.port_id, _a.subnet_id, _a.ip_address).where(among(_a.port_id)).order_by(*_ORDER)
_IN_NETWORK = sa.select(_a.port_id).where(_a.network_id == sa.bindparam("network"), _a.ip_address == sa.bindparam("address"))


def position(address: str) -> str:
    """8 or 32 hexadecimal digits."""
    ip = IPAddress(address)
    return f"{int(ip):0{8 if ip.version == 4 else 32}x}"


def take(tx: Transaction, port_id: str, network_id: str, subnet_id: str, address: str) -> None:
    """Write it down. The primary key keeps two ports from having the same."""
    row = {"subnet_id": subnet_id, "position": position(address), "ip_address": address, "network_id": network_id, "port_id": port_id}
    tx.execute(_TAKE, row)


def give_back(tx: Transaction, subnet_id: str, address: str) -> None:
    tx.execute(_GIVE_BACK, {"subnet": subnet_id, "at": position(address)})


def is_taken(tx: Transaction, subnet_id: str, address: str) -> bool:
    return tx.scalar(_TAKEN, {"subnet": subnet_id, "at": position(address)}) is not None


def of_port(tx: Transaction, port_id: str) -> Sequence[Row]:
    """A port's addresses, IPv4 before IPv6."""
    return tx.rows(_OF_PORT, {"port": port_id})


def of_ports(tx: Transaction, port_ids: Iterable[str]) -> dict[str, list[Row]]:
    """Rows of (port_id, subnet_id, ip_address) by port."""
    return grouped(tx, _OF_PORTS, port_ids)


def port_with(tx: Transaction, network_id: str, address: str) -> str | None:
    """Which port has this address in this network."""
    return tx.scalar(_IN_NETWORK, {"network": network_id, "address": address})
