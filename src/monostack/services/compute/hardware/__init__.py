"""What a flavor and an image ask of processors, memory and firmware: whether they agree, and what that asks of a host.

Source: Nova's guides "CPU topologies", "Huge pages", "AMD SEV" and "UEFI Secure Boot", and its extra specs and image properties.
"""

from monostack.services.compute.hardware.asked import Asked, Contradiction, Malformed, of_server
from monostack.services.compute.hardware.checks import check, check_properties, check_rebuild, check_resize
from monostack.services.compute.hardware.needs import Needs, needs_of
from monostack.services.compute.hardware.numa import Topology

__all__ = [
    "Asked", "Contradiction", "Malformed", "Needs", "Topology", "check", "check_properties", "check_rebuild", "check_resize", "needs_of",
    "of_server",
]  # fmt: skip
