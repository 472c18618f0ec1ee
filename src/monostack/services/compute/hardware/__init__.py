"""What a flavor and an image ask of processors, memory, firmware and devices: whether they agree, what that asks of a host,
and what the guest gets.

Source: Nova's guides "CPU topologies", "Huge pages", "AMD SEV" and "UEFI Secure Boot", and its extra specs and image properties.
"""

from monostack.services.compute.hardware.asked import Asked, Contradiction, Malformed, of_server
from monostack.services.compute.hardware.checks import check, check_properties, check_rebuild, check_resize
from monostack.services.compute.hardware.devices import devices_of
from monostack.services.compute.hardware.fit import fit, guest_nodes
from monostack.services.compute.hardware.memory import SMALL_KIB, has_small_pages
from monostack.services.compute.hardware.needs import Needs, needs_of
from monostack.services.compute.hardware.numa import Topology, topology_of

__all__ = [
    "SMALL_KIB", "Asked", "Contradiction", "Malformed", "Needs", "Topology", "check", "check_properties", "check_rebuild", "check_resize",
    "devices_of", "fit", "guest_nodes", "has_small_pages", "needs_of", "of_server", "topology_of",
]  # fmt: skip
