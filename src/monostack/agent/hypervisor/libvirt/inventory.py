"""What this host can give, as libvirt sees it."""

import os
from typing import Any
from xml.etree import ElementTree

from monostack.protocol.envelope import Inventory, NumaCell

# Traits of the driver itself: what it can do for a guest. https://docs.openstack.org/os-traits/
ABILITIES = (
    "COMPUTE_CONFIG_DRIVE_REGENERATION",
    "COMPUTE_GRAPHICS_MODEL_CIRRUS",
    "COMPUTE_IMAGE_TYPE_QCOW2",
    "COMPUTE_IMAGE_TYPE_RAW",
    "COMPUTE_NET_ATTACH_INTERFACE",
    "COMPUTE_NET_VIF_MODEL_E1000",
    "COMPUTE_NET_VIF_MODEL_VIRTIO",
    "COMPUTE_NODE",
    "COMPUTE_STORAGE_BUS_IDE",
    "COMPUTE_STORAGE_BUS_SATA",
    "COMPUTE_STORAGE_BUS_SCSI",
    "COMPUTE_STORAGE_BUS_VIRTIO",
    "COMPUTE_VOLUME_ATTACH",
    "COMPUTE_VOLUME_EXTEND",
    "COMPUTE_VOLUME_MULTI_ATTACH",
    "HW_ARCH_X86_64",
)

# CPU features as libvirt names them, and their traits. A guest under TCG does not get the host's features, so none are told then.
FEATURES = {
    "sse": "SSE", "sse2": "SSE2", "pni": "SSE3", "ssse3": "SSSE3", "sse4.1": "SSE41", "sse4.2": "SSE42", "sse4a": "SSE4A", "avx": "AVX",
    "avx2": "AVX2", "avx512f": "AVX512F", "avx512cd": "AVX512CD", "avx512bw": "AVX512BW", "avx512dq": "AVX512DQ", "avx512vl": "AVX512VL",
    "aes": "AESNI", "pclmuldq": "CLMUL", "f16c": "F16C", "fma": "FMA3", "bmi1": "BMI", "bmi2": "BMI2", "abm": "ABM", "sha-ni": "SHA",
    "mmx": "MMX", "vmx": "VMX", "svm": "SVM",
}  # fmt: skip


# What libvirt calls models and versions of emulated TPMs. Whom a TPM's key is told says the flavor: Nova's three ways are one here.
TPMS = {
    "tpm-tis": "COMPUTE_SECURITY_TPM_TIS", "tpm-crb": "COMPUTE_SECURITY_TPM_CRB", "1.2": "COMPUTE_SECURITY_TPM_1_2",
    "2.0": "COMPUTE_SECURITY_TPM_2_0",
}  # fmt: skip
TPM_SECRETS = tuple(f"COMPUTE_SECURITY_TPM_SECRET_SECURITY_{whose}" for whose in ("USER", "HOST", "DEPLOYMENT"))


def read(connection: Any, accelerator: str, disk_gib: int, reserved_memory_mib: int, emulates_tpms: bool) -> Inventory:
    """The host's inventory. `emulates_tpms`: guests may have TPMs, where swtpm is installed. Blocks."""
    _, _, cpus, _, nodes, sockets, cores, threads = connection.getInfo()
    # libvirt adds up what the NUMA nodes have plugged in, which on a machine whose memory grows on demand is less than it has.
    memory_mib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    capabilities = ElementTree.fromstring(connection.getCapabilities())
    cpu = capabilities.find("host/cpu")
    names = [feature.get("name", "") for feature in cpu.iterfind("feature")] if cpu is not None else []
    told = [f"HW_CPU_X86_{FEATURES[name]}" for name in names if name in FEATURES] if accelerator == "kvm" else []
    return Inventory(
        vcpus=cpus,
        memory_mib=max(0, memory_mib - reserved_memory_mib),
        disk_gib=disk_gib,
        hypervisor_type="QEMU",
        hypervisor_version=connection.getVersion(),
        cpu_info={
            "arch": cpu.findtext("arch", "x86_64") if cpu is not None else "x86_64",
            "model": cpu.findtext("model", "unknown") if cpu is not None else "unknown",
            "vendor": cpu.findtext("vendor", "unknown") if cpu is not None else "unknown",
            "topology": {"cells": nodes, "sockets": sockets, "cores": cores, "threads": threads},
            "features": names,
        },
        traits=sorted({*ABILITIES, *told, *(_tpm_traits(connection, accelerator) if emulates_tpms else ())}),
        accelerator=accelerator,
        numa_cells=numa_cells(capabilities, cpus, memory_mib),
    )


def numa_cells(capabilities: ElementTree.Element, cpus: int, memory_mib: int) -> list[NumaCell]:
    """The host's NUMA nodes, from libvirt's capabilities. The only one of a host is the host."""
    found = capabilities.findall("host/topology/cells/cell")
    if len(found) < 2:
        return [NumaCell(0, f"0-{cpus - 1}", memory_mib)]
    return [
        NumaCell(
            int(cell.get("id", "0")), ",".join(each.get("id", "") for each in cell.iterfind("cpus/cpu")),
            int(cell.findtext("memory", "0")) // 1024,
        )
        for cell in found
    ]  # fmt: skip


def _tpm_traits(connection: Any, accelerator: str) -> list[str]:
    """What of TPMs libvirt can emulate; none without swtpm."""
    described = connection.getDomainCapabilities(None, "x86_64", "pc", "kvm" if accelerator == "kvm" else "qemu")
    tpm = ElementTree.fromstring(described).find("devices/tpm[@supported='yes']")
    values = {value.text for value in tpm.iterfind("enum/value")} if tpm is not None else set()
    if "emulator" not in values:
        return []
    return [*(trait for name, trait in TPMS.items() if name in values), *TPM_SECRETS]
