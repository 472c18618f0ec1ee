"""A fleet of simulated hosts in the controller's own process: what `monostack dev` runs instead of hypervisors."""

from collections.abc import Sequence

from monostack.agent.block.simulated import SimulatedStorage
from monostack.agent.simulation import FaultPlan
from monostack.agentlink import Hosts
from monostack.protocol import NetworkCapacity
from monostack.testing.hosts import simulated_host

__all__ = ["FaultPlan", "attach_hosts"]


async def attach_hosts(
    hosts: Hosts, count: int, faults: FaultPlan, prefix: str = "sim", backends: Sequence[str] = ("file",),
    pools: Sequence[str] = (), capacity: NetworkCapacity | None = None, snapshot_seconds: float = 0,
) -> None:  # fmt: skip
    """Connect `count` simulated hosts, sim-001 onwards, which share one storage and one plan of faults.

    They take turns with the names of their volume `backends`, and have more `pools`; each can guarantee `capacity` to ports, and takes
    `snapshot_seconds` to save the disk of a server.
    """
    storage = SimulatedStorage()
    width = max(3, len(str(count)))
    for number in range(1, count + 1):
        name, backend = f"{prefix}-{number:0{width}d}", backends[(number - 1) % len(backends)]
        host = simulated_host(
            name, storage=storage, faults=faults, volume_backend=backend, volume_pools=pools, capacity=capacity,
            snapshot_seconds=snapshot_seconds,
        )  # fmt: skip
        await hosts.attach_local(host, faults)
