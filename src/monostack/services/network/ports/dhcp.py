"""The port through which a network's DHCP and metadata are reached: one a network, with an address in each subnet that has DHCP.

The cloud makes it when the first such subnet appears and removes it with the last. Source: Neutron's DHCP agent.
"""

from typing import Any

import sqlalchemy as sa

from monostack.db import Transaction
from monostack.services.network import addresses
from monostack.services.network.addresses.choice import DHCP
from monostack.services.network.changes import changed
from monostack.services.network.networks import table as networks
from monostack.services.network.ports.create import create_port
from monostack.services.network.ports.delete import delete_port
from monostack.services.network.ports.table import PORTS
from monostack.services.network.segments.table import connected
from monostack.services.network.subnets.table import of_network

_p = PORTS.table.c
_OF_NETWORK = sa.select(PORTS.table).where(_p.network_id == sa.bindparam("network"), _p.device_owner == DHCP)


def refresh(tx: Transaction, cloud: Any, network_id: str) -> None:
    """Make the network's DHCP port what its subnets ask for."""
    subnets = of_network(tx, network_id)
    wire = connected(tx, [network_id]).get(network_id)
    here = [subnet for subnet in subnets if subnet.segment_id is None or (wire is not None and subnet.segment_id == wire.id)]
    served = [subnet for subnet in here if subnet.enable_dhcp]
    port = tx.row(_OF_NETWORK, {"network": network_id})
    requested = [{"subnet_id": subnet.id} for subnet in served]
    if port is None and served:
        network = networks.get(tx, network_id)
        values = {"network_id": network_id, "project_id": network.project_id, "device_id": f"dhcp-{network_id}", "device_owner": DHCP}
        create_port(tx, cloud, None, {**values, "fixed_ips": requested, "binding:host_id": network.host})
    elif port is not None and not served:
        delete_port(tx, cloud, None, port)
    elif port is not None and addresses.change(tx, port, port.mac_address, requested, subnets, drop_automatic=True):
        changed(tx, cloud, "port", [port.id])
    changed(tx, cloud, "network", [network_id])
