"""A guest that has NUMA nodes: its processors and memory keep to the host's."""

import re
from pathlib import Path

import pytest
from guest_lab import GuestLab, lab

from monostack.protocol.guests import GuestNode

__all__ = ["lab"]
pytestmark = pytest.mark.host


def test_the_nodes_of_a_guest(lab: GuestLab) -> None:
    cells = lab.run(lab.host.agent.drivers.hypervisor.inventory()).numa_cells
    assert cells[0].memory_mib > 0
    spec = lab.spec(
        vcpus=3, memory_mib=256, numa_nodes=[GuestNode([0, 2], 192, cells[0].id, "0"), GuestNode([1], 64, cells[0].id, "0")]
    )  # fmt: skip
    lab.do("guest.create", spec)
    (process,) = lab.qemu_processes(spec.server_id)
    arguments = Path(f"/proc/{process}/cmdline").read_text().split("\0")
    bound = [argument for argument in arguments if "host-nodes" in argument]
    assert {"node,nodeid=0,cpus=0,cpus=2,memdev=ram-node0", "node,nodeid=1,cpus=1,memdev=ram-node1"} <= set(arguments)
    assert len(bound) == 2 and all(re.search(r'"policy":"bind"', each) for each in bound)
    tasks = Path(f"/proc/{process}/task").iterdir()
    pinned = {
        (task / "comm").read_text().strip(): re.search(r"Cpus_allowed_list:\t(.*)", (task / "status").read_text()) for task in tasks
    }  # fmt: skip
    assert {name: allowed[1] for name, allowed in pinned.items() if allowed and name.startswith("CPU ")} == {
        "CPU 0/TCG": "0", "CPU 1/TCG": "0", "CPU 2/TCG": "0",
    }  # fmt: skip
    lab.do("guest.destroy", {"server_id": spec.server_id})
