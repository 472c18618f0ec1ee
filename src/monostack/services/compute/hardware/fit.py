"""Which of a host's NUMA nodes each node of a guest gets."""

from collections.abc import Sequence

from monostack.protocol.envelope import NumaCell
from monostack.protocol.guests import GuestNode
from monostack.services.compute.hardware.asked import Asked, cpus_of
from monostack.services.compute.hardware.numa import Node, topology_of


def fit(nodes: Sequence[Node], cells: Sequence[NumaCell], first: int = 0) -> list[NumaCell] | None:
    """One of the host's nodes for each, none for two; None where there are too few that are large enough.

    Nova does not let a guest overcommit a node by itself, while several guests together may. Nodes are tried from number `first` on, so
    that guests with different ones are spread, and a guest always gets the same as long as it is on the host.
    """
    count = len(cells)
    order = [cells[(first + offset) % count] for offset in range(count)]
    room = [(len(cpus_of(cell.cpus)), cell.memory_mib) for cell in order]
    owner: dict[int, int] = {}  # node by cell, both as their places in the lists

    def settle(node: int, tried: set[int]) -> bool:
        """Find a cell for the node, if need be by sending another node on to a further one."""
        for cell, (cpus, memory_mib) in enumerate(room):
            if cell in tried or len(nodes[node].cpus) > cpus or nodes[node].memory_mib > memory_mib:
                continue
            tried.add(cell)
            if cell not in owner or settle(owner[cell], tried):
                owner[cell] = node
                return True
        return False

    # From the last on: each that comes takes the foremost, so that the first have the first.
    if len(nodes) > count or not all(settle(node, set()) for node in reversed(range(len(nodes)))):
        return None
    chosen = {node: order[cell] for cell, node in owner.items()}
    return [chosen[node] for node in range(len(nodes))]


def guest_nodes(asked: Asked, cells: Sequence[NumaCell], first: int) -> list[GuestNode]:
    """The nodes of a guest on a host with these. Empty for a guest that asks for none."""
    topology = topology_of(asked)
    if topology is None:
        return []
    chosen = fit(topology.nodes, cells, first) if len(cells) > 1 else None
    if chosen is None:
        return [GuestNode(sorted(node.cpus), node.memory_mib) for node in topology.nodes]
    return [
        GuestNode(sorted(node.cpus), node.memory_mib, cell.id, cell.cpus) for node, cell in zip(topology.nodes, chosen, strict=True)
    ]  # fmt: skip
