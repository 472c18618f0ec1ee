"""Which extra specs exist in the namespaces that Nova knows, and what values they take. Checked from microversion 2.86 on."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import os_resource_classes
import os_traits

from monostack.core.errors import BadRequest
from monostack.services.compute.parameters import strict_flag


@dataclass(frozen=True, slots=True)
class Rule:
    """kind: "text", "number" or "flag". A text may be one of `choices` or match `pattern` as a whole."""

    kind: str = "text"
    choices: tuple[str, ...] = ()
    pattern: str | None = None
    least: int | None = None
    most: int | None = None

    def error(self, value: str) -> str | None:
        if self.kind == "number":
            return self._number_error(value)
        if self.kind == "flag":
            try:
                strict_flag(value)
            except ValueError:
                return f"'{value}' is not a valid boolean-like value."
        elif self.pattern is not None and not re.fullmatch(self.pattern, value):
            return f"'{value}' is not of the format '{self.pattern}'."
        elif self.choices and value not in self.choices:
            return f"'{value}' is not one of: {', '.join(self.choices)}."
        return None

    def _number_error(self, value: str) -> str | None:
        try:
            number = int(value)
        except ValueError:
            return f"'{value}' is not a valid integer value."
        if self.most is not None and number > self.most:
            return f"'{number}' is greater than the max value of '{self.most}'."
        if self.least is not None and number < self.least:
            return f"'{number}' is less than the min value of '{self.least}'."
        return None


TEXT, FLAG, NUMBER = Rule(), Rule("flag"), Rule("number")
COUNT, AT_LEAST_ONE = Rule("number", least=0), Rule("number", least=1)
CPUS = Rule(pattern=r"\^?\d+((-\d+)?(,\^?\d+(-\d+)?)?)*")
LEVEL = Rule(choices=("custom", "high", "normal", "low"))
WANTED = Rule(choices=("required", "forbidden"))
GROUP = r"([a-zA-Z0-9_-]{1,64})?"

_EXACT: dict[str, Rule] = {
    "accel:device_profile": TEXT,
    "group_policy": Rule(choices=("isolate", "none")),
    "hide_hypervisor_id": FLAG,
    "hw:cpu_dedicated_mask": CPUS,
    "hw:cpu_policy": Rule(choices=("dedicated", "shared", "mixed")),
    "hw:cpu_realtime_mask": Rule(pattern=r"(\^)?\d+((-\d+)?(,\^?\d+(-\d+)?)?)*"),
    "hw:cpu_thread_policy": Rule(choices=("prefer", "isolate", "require")),
    "hw:emulator_threads_policy": Rule(choices=("isolate", "share")),
    "hw:ephemeral_encryption_format": Rule(choices=("plain", "luks", "luksv2")),
    "hw:mem_encryption_model": Rule(choices=("amd-sev", "amd-sev-es", "amd-sev-snp", "intel-tdx")),
    "hw:mem_page_size": Rule(pattern=r"(large|small|any|\d+([kKMGT]i?)?(b|bit|B)?)"),
    "hw:numa_nodes": AT_LEAST_ONE,
    "hw:pci_numa_affinity_policy": Rule(choices=("required", "preferred", "legacy", "socket")),
    "hw:pmem": Rule(pattern=r"([a-zA-Z0-9_]+(,)?)+"),
    "hw:redirected_usb_ports": Rule("number", least=0, most=15),
    "hw:serial_port_count": COUNT,
    "hw:sound_model": Rule(choices=("sb16", "es1370", "pcspk", "ac97", "ich6", "ich9", "usb", "virtio")),
    "hw:tpm_model": Rule(choices=("tpm-tis", "tpm-crb")),
    "hw:tpm_secret_security": Rule(choices=("user", "host", "deployment")),
    "hw:tpm_version": Rule(choices=("1.2", "2.0")),
    "hw:usb_model": Rule(choices=("none", "nec-xhci", "qemu-xhci")),
    "hw:viommu_model": Rule(choices=("intel", "smmuv3", "virtio", "auto")),
    "hw:watchdog_action": Rule(choices=("none", "pause", "poweroff", "reset", "disabled")),
    "hw_rng:allowed": FLAG,
    "hw_rng:rate_bytes": COUNT,
    "hw_rng:rate_period": COUNT,
    "hw_video:ram_max_mb": COUNT,
    "os:secure_boot": Rule(choices=("disabled", "required")),
    "pci_passthrough:alias": Rule(pattern=r"[^:]+:\d+(?:\s*,\s*[^:]+:\d+)*"),
    "quota:cpu_period": COUNT,
    "quota:cpu_quota": NUMBER,
    "quota:cpu_shares": COUNT,
    "vmware:hw_version": TEXT,
    "vmware:storage_policy": TEXT,
}
_FLAGS = (
    "boot_menu cpu_realtime ephemeral_encryption hide_hypervisor_id locked_memory mem_encryption pmu vif_multiqueue_enabled "
    "virtio_packed_ring"
)
_TOPOLOGY = "cpu_cores cpu_sockets cpu_threads cpu_max_cores cpu_max_sockets cpu_max_threads"
_CAPABILITIES = (
    "aggregates cell_uuid cpu_allocation_ratio current_workload disk_allocation_ratio disk_available_least disk_mb_used failed_builds "
    "free_disk_gb free_disk_mb free_ram_mb host host_ip hypervisor_hostname hypervisor_type hypervisor_version id local_gb local_gb_used "
    "mapped memory_mb memory_mb_used num_instances num_io_ops ram_allocation_ratio running_vms service_id total_usable_disk_gb "
    "total_usable_ram_mb updated uuid vcpus vcpus_total vcpus_used"
)
_FILTERED = (
    "cpu_info instances limits metrics nodename numa_topology pci_device_pools pci_stats stats supported_hv_specs supported_instances"
)


def _more() -> Iterator[tuple[str, Rule]]:
    for name in _FLAGS.split():
        yield f"hw:{name}", FLAG
    for name in _TOPOLOGY.split():
        yield f"hw:{name}", AT_LEAST_ONE
    for name in _CAPABILITIES.split():
        yield f"capabilities:{name}", TEXT
    for what in ("cpu", "memory", "disk_io", "vif"):
        yield from ((f"quota:{what}_limit", COUNT), (f"quota:{what}_reservation", NUMBER))
        yield from ((f"quota:{what}_shares_level", LEVEL), (f"quota:{what}_shares_share", COUNT))
    for way in ("read", "write", "total"):
        yield from ((f"quota:disk_{way}_bytes_sec", COUNT), (f"quota:disk_{way}_iops_sec", COUNT))
    for way in ("inbound", "outbound"):
        yield from ((f"quota:vif_{way}_{what}", COUNT) for what in ("average", "peak", "burst"))


_EXACT.update(_more())
_PATTERNS: tuple[tuple[str, Rule], ...] = (
    (r"hw:numa_cpus\.\d+", CPUS),
    (r"hw:numa_mem\.\d+", AT_LEAST_ONE),
    (r"aggregate_instance_extra_specs:.+", TEXT),
    (rf"capabilities:({'|'.join(_FILTERED.split())})(:\w+)*", TEXT),
    (rf"resources{GROUP}:CUSTOM_[A-Z0-9_]+", NUMBER),
    (rf"trait{GROUP}:CUSTOM_[A-Z0-9_]+", WANTED),
)
_NAMESPACES = re.compile(
    rf"(accel|aggregate_instance_extra_specs|capabilities|hw|hw_rng|hw_video|os|pci_passthrough|quota|vmware|resources{GROUP}|trait{GROUP})"
)


def _rule_of(name: str) -> Rule | None:
    if name in _EXACT:
        return _EXACT[name]
    for pattern, rule in _PATTERNS:
        if re.fullmatch(pattern, name):
            return rule
    namespace, _, rest = name.partition(":")
    if re.fullmatch(rf"resources{GROUP}", namespace) and rest in os_resource_classes.STANDARDS:
        return NUMBER
    if re.fullmatch(rf"trait{GROUP}", namespace) and rest in os_traits.get_traits():
        return WANTED
    return None


def check(name: str, value: str) -> None:
    """Raises BadRequest, in Nova's words, for an extra spec of a known namespace that does not exist or does not take the value."""
    rule = _rule_of(name)
    if rule is None:
        if ":" in name and _NAMESPACES.fullmatch(name.split(":", 1)[0]):
            raise BadRequest(f"Validation failed; extra spec '{name}' does not appear to be a valid extra spec.")
        return
    error = rule.error(value)
    if error is not None:
        raise BadRequest(f"Validation failed; {error}")
