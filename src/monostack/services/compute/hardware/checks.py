"""What a request is refused for, before a host is looked for."""

from collections.abc import Mapping
from typing import Any

from monostack.core.errors import BadRequest
from monostack.services.compute.hardware.asked import Asked, Contradiction, Malformed
from monostack.services.compute.hardware.devices import WATCHDOG_ACTIONS, scsi_model, serial_ports
from monostack.services.compute.hardware.layout import constraints
from monostack.services.compute.hardware.memory import ENCRYPTIONS, encryption_of
from monostack.services.compute.hardware.needs import ADDRESS_SPACES, SECURE_BOOT
from monostack.services.compute.hardware.numa import topology_of
from monostack.services.compute.hardware.processors import POLICIES, THREAD_POLICIES, realtime_cpus

_DISK_BUSES = ("fdc", "ide", "sata", "scsi", "usb", "virtio", "xen", "lxc", "uml")
_SCSI_MODELS = ("buslogic", "ibmvscsi", "lsilogic", "lsisas1068", "lsisas1078", "virtio-scsi", "vmpvscsi")
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "hw_cdrom_bus": _DISK_BUSES,
    "hw_cpu_policy": POLICIES,
    "hw_cpu_thread_policy": THREAD_POLICIES,
    "hw_disk_bus": _DISK_BUSES,
    "hw_firmware_type": ("uefi", "bios"),
    "hw_input_bus": ("usb", "virtio"),
    "hw_maxphysaddr_mode": tuple(ADDRESS_SPACES),
    "hw_mem_encryption_model": tuple(ENCRYPTIONS),
    "hw_pointer_model": ("usbtablet",),
    "hw_rng_model": ("virtio",),
    "hw_tpm_model": ("tpm-tis", "tpm-crb"),
    "hw_tpm_version": ("1.2", "2.0"),
    "hw_video_model": ("cirrus", "qxl", "vga", "vmvga", "xen", "virtio", "gop", "none", "bochs"),
    "hw_watchdog_action": WATCHDOG_ACTIONS,
    "os_secure_boot": SECURE_BOOT,
}
_NUMBERS = (
    "hw_cpu_cores", "hw_cpu_max_cores", "hw_cpu_max_sockets", "hw_cpu_max_threads", "hw_cpu_sockets", "hw_cpu_threads",
    "hw_maxphysaddr_bits", "hw_numa_nodes", "hw_serial_port_count", "hw_video_ram",
)  # fmt: skip


def check_properties(properties: Mapping[str, Any]) -> None:
    """Raises BadRequest for a property of an image that has a value it cannot have."""
    for name, choices in _CHOICES.items():
        if properties.get(name, choices[0]) not in choices:
            raise BadRequest(f"Invalid image metadata. Error: Field value {properties[name]} is invalid")
    if scsi_model(properties.get("hw_scsi_model", _SCSI_MODELS[0])) not in _SCSI_MODELS:
        raise BadRequest(f"Invalid image metadata. Error: Field value {properties['hw_scsi_model']} is invalid")
    for name in _NUMBERS:
        try:
            int(properties.get(name, 0))
        except ValueError as cause:
            raise BadRequest(f"Invalid image metadata. Error: {cause}") from None


def check(asked: Asked) -> None:
    """Raises BadRequest in Nova's words when the flavor and the image cannot both be had."""
    try:
        _check(asked)
    except Contradiction as cause:
        raise BadRequest(cause.message) from None


def check_resize(asked: Asked) -> None:
    """`check`, with less to say of values that mean nothing, as Nova has it."""
    try:
        _check(asked)
    except Malformed:
        raise BadRequest("Invalid instance image.") from None
    except Contradiction as cause:
        raise BadRequest(cause.message) from None


def check_rebuild(former: Asked, new: Asked) -> None:
    """`check` for another image, which has to leave the guest's NUMA nodes alone."""
    check(new)
    try:
        before = topology_of(former)
    except Contradiction as cause:
        raise BadRequest(cause.message) from None
    if before != topology_of(new):
        raise BadRequest(
            "An instance's NUMA topology cannot be changed as part of a rebuild. The image provided is invalid for this instance."
        )


def _check(asked: Asked) -> None:
    encryption_of(asked)
    serial_ports(asked)
    realtime_cpus(asked)
    constraints(asked)
    topology_of(asked)
