"""Simulated hosts: whole agents on drivers that keep their state in memory."""

from collections.abc import Iterable, Sequence

from monostack.agent.agent import Agent
from monostack.agent.block.simulated import SimulatedBlock, SimulatedOutgoing, SimulatedStorage
from monostack.agent.handlers import Drivers
from monostack.agent.hypervisor.simulated import SimulatedHypervisor
from monostack.agent.network.simulated import SimulatedNetwork
from monostack.agent.simulation import FaultPlan
from monostack.core import ids
from monostack.protocol import NetworkCapacity
from monostack.protocol.envelope import Inventory, NumaCell

TRAITS = (
    "COMPUTE_IMAGE_TYPE_QCOW2",
    "COMPUTE_IMAGE_TYPE_RAW",
    "COMPUTE_NET_ATTACH_INTERFACE",
    "COMPUTE_NET_VIF_MODEL_VIRTIO",
    "COMPUTE_NODE",
    "COMPUTE_SECURITY_TPM_1_2",
    "COMPUTE_SECURITY_TPM_2_0",
    "COMPUTE_SECURITY_TPM_CRB",
    "COMPUTE_SECURITY_TPM_SECRET_SECURITY_DEPLOYMENT",
    "COMPUTE_SECURITY_TPM_SECRET_SECURITY_HOST",
    "COMPUTE_SECURITY_TPM_SECRET_SECURITY_USER",
    "COMPUTE_SECURITY_TPM_TIS",
    "COMPUTE_STORAGE_BUS_VIRTIO",
    "COMPUTE_VOLUME_ATTACH",
    "COMPUTE_VOLUME_EXTEND",
    "COMPUTE_VOLUME_MULTI_ATTACH",
    "HW_ARCH_X86_64",
)


def simulated_inventory(vcpus: int = 64, memory_mib: int = 262_144, disk_gib: int = 10_000, traits: Iterable[str] = TRAITS) -> Inventory:
    """A host of this size, as its agent describes it."""
    return Inventory(
        vcpus=vcpus,
        memory_mib=memory_mib,
        disk_gib=disk_gib,
        hypervisor_type="QEMU",
        hypervisor_version=7002000,
        cpu_info={
            "arch": "x86_64",
            "model": "simulated",
            "vendor": "simulated",
            "topology": {"cells": 1, "sockets": 1, "cores": vcpus, "threads": 1},
            "features": [],
        },
        traits=sorted(traits),
        accelerator="simulated",
        numa_cells=[NumaCell(0, f"0-{vcpus - 1}", memory_mib)],
    )


def simulated_host(
    name: str,
    inventory: Inventory | None = None,
    *,
    storage: SimulatedStorage | None = None,
    faults: FaultPlan | None = None,
    boot_id: str | None = None,
    volume_backend: str = "file",
    volume_pools: Sequence[str] = (),
    capacity: NetworkCapacity | None = None,
    snapshot_seconds: float = 0,
) -> Agent:
    """The agent of a simulated host, to be given to `Hosts.attach_local`.

    Hosts that are to reach the same volumes share `storage`; those that are to fail on demand share `faults`, which is also the
    `interference` that `attach_local` takes.
    """
    if storage is None:
        storage = SimulatedStorage()
    network = SimulatedNetwork()
    outgoing = SimulatedOutgoing()
    size = inventory if inventory is not None else simulated_inventory()
    hypervisor = SimulatedHypervisor(size, network, storage, outgoing, snapshot_seconds=snapshot_seconds)
    drivers = Drivers(hypervisor, SimulatedBlock(storage, outgoing, volume_backend, volume_pools), network, outgoing)
    around = faults.around if faults is not None else None
    return Agent(name, drivers, boot_id=boot_id if boot_id is not None else ids.new_uuid(), around=around, capacity=capacity)
