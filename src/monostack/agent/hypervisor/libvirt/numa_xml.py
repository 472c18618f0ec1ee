"""The NUMA nodes of a guest, as libvirt has them in a domain."""

from xml.etree.ElementTree import Element, SubElement

from monostack.protocol.guests import GuestNode


def add_nodes(root: Element, nodes: list[GuestNode]) -> None:
    """Give a domain that has a `cpu` these nodes, and keep them to the host's."""
    if not nodes:
        return
    cpu = root.find("cpu")
    assert cpu is not None, "a guest says what its processors are before it says where"
    numa = SubElement(cpu, "numa")
    for number, node in enumerate(nodes):
        cpus = ",".join(str(each) for each in node.cpus)
        SubElement(numa, "cell", id=str(number), cpus=cpus, memory=str(node.memory_mib), unit="MiB")
    kept = [(number, node) for number, node in enumerate(nodes) if node.host_node is not None]
    if not kept:
        return
    cputune, numatune = SubElement(root, "cputune"), SubElement(root, "numatune")
    SubElement(numatune, "memory", mode="strict", nodeset=",".join(str(node.host_node) for _, node in kept))
    for number, node in kept:
        SubElement(numatune, "memnode", cellid=str(number), mode="strict", nodeset=str(node.host_node))
        for vcpu in node.cpus:
            SubElement(cputune, "vcpupin", vcpu=str(vcpu), cpuset=node.host_cpus)
