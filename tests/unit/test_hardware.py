"""What flavors and images may ask of a guest's hardware together, and what that asks of a host."""

from typing import Any

import pytest

from monostack.protocol.envelope import NumaCell
from monostack.protocol.guests import GuestNode
from monostack.services.compute.hardware import Asked, Contradiction, Malformed, fit, guest_nodes, needs_of, topology_of
from monostack.services.compute.hardware.asked import cpus_of

Said = dict[str, Any]
DEDICATED: Said = {"hw:cpu_policy": "dedicated"}
MIXED: Said = {"hw:cpu_policy": "mixed"}
PINNING_OVERRIDDEN = "Image property 'hw_cpu_policy' is not permitted to override CPU pinning policy set against the flavor"
TWO_NODES: Said = {"hw:numa_nodes": "2", "hw:numa_cpus.0": "0-2", "hw:numa_cpus.1": "3", "hw:numa_mem.0": "512", "hw:numa_mem.1": "512"}


def _asked(specs: Said, image: Said | None = None) -> Asked:
    """A flavor of four processors and 1024 MiB."""
    return Asked({"original_name": "four", "vcpus": 4, "ram": 1024, "extra_specs": specs}, image or {}, "img", "an-id")


@pytest.mark.parametrize(
    ("specs", "image", "message"),
    [
        ({"hw:cpu_thread_policy": "isolate"}, {}, "Cannot set cpu thread pinning policy in a non dedicated cpu pinning policy"),
        ({"hw:cpu_policy": "shared"}, {"hw_cpu_policy": "dedicated"}, PINNING_OVERRIDDEN),
        (MIXED, {"hw_cpu_policy": "dedicated"}, PINNING_OVERRIDDEN),
        ({"hw:cpu_policy": "own"}, {}, "CPU policy requested from 'flavor extra specs' is invalid, given: 'own', available: "
         "'('dedicated', 'shared', 'mixed')'."),
        ({**DEDICATED, "hw:cpu_thread_policy": "isolate"}, {"hw_cpu_thread_policy": "require"}, "Image property 'hw_cpu_thread_policy' is "
         "not permitted to override CPU thread pinning policy set against the flavor"),
        ({"hw:emulator_threads_policy": "isolate"}, {}, "An isolated CPU emulator threads option requires a dedicated CPU policy option."),
        ({"hw:cpu_dedicated_mask": "0-1"}, {}, "Cannot specify 'hw:cpu_dedicated_mask' without the 'mixed' policy."),
        ({**MIXED, "hw:cpu_dedicated_mask": "^4"}, {}, "Mixed instance must have at least 1 pinned vCPU and 1 unpinned vCPU. See "
         "'hw:cpu_dedicated_mask'."),
        ({"hw:cpu_realtime": "yes", "hw:cpu_realtime_mask": "^0"}, {}, "Cannot set realtime policy in a non dedicated cpu pinning policy"),
        ({**DEDICATED, "hw:cpu_realtime": "yes"}, {}, "Use of realtime CPUs requires either one or more non-realtime CPU(s) or offloaded "
         "emulator threads."),
        ({**DEDICATED, "resources:PCPU": "4"}, {}, "It is not possible to use the 'resources:VCPU' or 'resources:PCPU' extra specs in "
         "combination with the 'hw:cpu_policy' extra spec or 'hw_cpu_policy' image metadata property; use one or the other"),
        ({"resources:PCPU": "3"}, {}, "There is a mismatch between the number of PCPUs requested via 'resourcesNN:PCPU' and the flavor); "
         "you must allocate exactly flavor.vcpus PCPUs"),
        ({}, {"hw_mem_page_size": "large"}, "Page size large forbidden against '<empty>'"),
        ({"hw:mem_page_size": "2MB"}, {"hw_mem_page_size": "1GB"}, "Page size 1GB forbidden against '2MB'"),
        ({"hw:mem_page_size": "huge"}, {}, "Invalid memory page size 'huge'"),
        ({"hw:locked_memory": "true"}, {}, "locked_memory value in image or flavor is forbidden when mem_page_size is not set."),
        ({"hw:numa_nodes": "3"}, {}, "Instance CPUs and/or memory cannot be evenly distributed across instance NUMA nodes. Explicit "
         "assignment of CPUs and memory to nodes is required"),
        ({"hw:numa_nodes": "2"}, {"hw_numa_nodes": "2"}, "Image property 'hw_numa_nodes' is not permitted to override NUMA configuration "
         "set against the flavor"),
        ({"hw:numa_nodes": "2", "hw:numa_cpus.0": "0"}, {}, "CPU and memory allocation must be provided for all NUMA nodes"),
        ({**TWO_NODES, "hw:numa_cpus.1": "4"}, {}, "CPU number 4 is larger than max 3"),
        ({**TWO_NODES, "hw:numa_cpus.1": "2-3"}, {}, "CPU number 2 is assigned to two nodes"),
        ({**TWO_NODES, "hw:numa_cpus.0": "0-1"}, {}, "CPU number {2} is not assigned to any node"),
        ({**TWO_NODES, "hw:numa_mem.1": "256"}, {}, "768 MB of memory assigned, but expected 1024 MB"),
        ({"hw:mem_encryption": "true"}, {"hw_mem_encryption": False}, "Flavor four has hw:mem_encryption extra spec explicitly set to "
         "true, conflicting with image img which has hw_mem_encryption property explicitly set to False"),
        ({"hw:mem_encryption": "true"}, {}, "Memory encryption is requested by hw:mem_encryption extra spec in four flavor but the image "
         "metadata doesn't have the 'hw_firmware_type' property set to 'uefi'"),
        ({}, {"hw_mem_encryption": "1", "hw_firmware_type": "uefi", "hw_machine_type": "pc"}, "Machine type 'pc' is not compatible with "
         "image img (an-id): q35 type is required for amd-sev to work"),
        ({"os:secure_boot": "required"}, {"os_secure_boot": "disabled"}, "Flavor four has os:secure_boot extra spec explicitly set to "
         "required, conflicting with image img which has os_secure_boot explicitly set to disabled."),
    ],
)  # fmt: skip
def test_what_cannot_be(specs: Said, image: Said, message: str) -> None:
    with pytest.raises(Contradiction) as refused:
        needs_of(_asked(specs, image))
    assert refused.value.message == message


@pytest.mark.parametrize(
    ("specs", "image", "resources", "required", "forbidden"),
    [
        ({}, {}, {}, set(), set()),
        ({"hw:cpu_policy": "shared", "hw:emulator_threads_policy": "share"}, {}, {}, set(), set()),
        (DEDICATED, {}, {"VCPU": 0, "PCPU": 4}, set(), set()),
        ({}, {"hw_cpu_policy": "dedicated", "hw_cpu_thread_policy": "isolate"}, {"VCPU": 0, "PCPU": 4}, set(), {"HW_CPU_HYPERTHREADING"}),
        ({**DEDICATED, "hw:emulator_threads_policy": "isolate", "hw:cpu_thread_policy": "require"}, {}, {"VCPU": 0, "PCPU": 5},
         {"HW_CPU_HYPERTHREADING"}, set()),
        ({**MIXED, "hw:cpu_dedicated_mask": "^0"}, {}, {"VCPU": 1, "PCPU": 3}, set(), set()),
        ({**MIXED, "hw:cpu_realtime": "yes"}, {"hw_cpu_realtime_mask": "2-3"}, {"VCPU": 2, "PCPU": 2}, set(), set()),
        ({"hw:pmem": "6GB, 6gb,16GB"}, {}, {"CUSTOM_PMEM_NAMESPACE_6GB": 2, "CUSTOM_PMEM_NAMESPACE_16GB": 1}, set(), set()),
        ({"hw:mem_encryption": "on"}, {"hw_firmware_type": "uefi"}, {"MEM_ENCRYPTION_CONTEXT": 1}, {"HW_CPU_X86_AMD_SEV"}, set()),
        ({"os:secure_boot": "required", "hw:maxphysaddr_mode": "emulate"}, {"hw_firmware_stateless": "yes", "hw_firmware_type": "uefi"}, {},
         {"COMPUTE_SECURITY_UEFI_SECURE_BOOT", "COMPUTE_ADDRESS_SPACE_EMULATED", "COMPUTE_SECURITY_STATELESS_FIRMWARE"}, set()),
    ],
)  # fmt: skip
def test_what_is_needed(specs: Said, image: Said, resources: Said, required: set[str], forbidden: set[str]) -> None:
    needs = needs_of(_asked(specs, image))
    assert (needs.resources, needs.required, needs.forbidden) == (resources, required, forbidden)


def test_numa_nodes() -> None:
    assert needs_of(_asked({"hw:cpu_policy": "shared"})).topology is None
    topology = needs_of(_asked({"hw:numa_nodes": "2", "hw:mem_page_size": "1GB"})).topology
    assert topology is not None and topology.page_size == 1 << 20
    assert [(sorted(node.cpus), node.memory_mib) for node in topology.nodes] == [([0, 1], 512), ([2, 3], 512)]
    assert topology.besides == "pages of size 1048576"
    topology = needs_of(_asked(TWO_NODES)).topology
    assert topology is not None
    assert [(sorted(node.cpus), node.memory_mib) for node in topology.nodes] == [([0, 1, 2], 512), ([3], 512)]
    topology = needs_of(_asked(DEDICATED, {"hw_mem_page_size": ""})).topology
    assert topology is not None and len(topology.nodes) == 1 and topology.processors.dedicated == {0, 1, 2, 3}


def test_nodes_of_hosts() -> None:
    small, large, other = NumaCell(0, "0-1", 512), NumaCell(1, "2-5", 2048), NumaCell(3, "6-9", 2048)

    def chosen(cells: list[NumaCell], specs: Said, first: int = 0) -> list[int] | None:
        topology = topology_of(_asked(specs))
        assert topology is not None
        found = fit(topology.nodes, cells, first)
        return None if found is None else [cell.id for cell in found]

    two, one = {"hw:numa_nodes": "2"}, {"hw:numa_nodes": "1"}
    assert chosen([small, large], two) == [0, 1]
    assert chosen([small, large], two, 1) == [1, 0]
    assert chosen([small, large], TWO_NODES) == [1, 0]  # the first has three processors
    assert chosen([large, other, small], two) == [1, 3]
    assert chosen([small, large], one) == [1]
    assert [chosen([large, other], one, first) for first in range(3)] == [[1], [3], [1]]
    assert chosen([large], two) is None
    assert chosen([small, small], TWO_NODES) is None
    assert chosen([], one) is None
    assert guest_nodes(_asked(two), [large], 0) == [GuestNode([0, 1], 512), GuestNode([2, 3], 512)]
    assert guest_nodes(_asked(two), [small, large], 1) == [GuestNode([0, 1], 512, 1, "2-5"), GuestNode([2, 3], 512, 0, "0-1")]
    assert guest_nodes(_asked({}), [small, large], 0) == []


def test_masks() -> None:
    assert cpus_of("0-3,^1,,6") == {0, 2, 3, 6}
    assert cpus_of("^0-1", 4) == {2, 3}
    for mask, kind in (("3-1", "range"), ("a", "inclusion"), ("^b", "exclusion"), ("0-99999999999", "range"), ("-1", "range")):
        with pytest.raises(Malformed) as refused:
            cpus_of(mask)
        assert refused.value.message == f"Invalid {kind} expression {mask!r}"
