"""What hardware asks of a host through placement."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from monostack.services.compute.hardware.asked import Asked, Malformed
from monostack.services.compute.hardware.memory import encryption_of, is_firmware_stateless, persistent_memory_of
from monostack.services.compute.hardware.numa import Topology, topology_of
from monostack.services.compute.hardware.processors import HYPERTHREADING, ISOLATE, REQUIRE, Processors, processors_of

SECURE_BOOT = ("required", "disabled", "optional")
ADDRESS_SPACES = {"passthrough": "COMPUTE_ADDRESS_SPACE_PASSTHROUGH", "emulate": "COMPUTE_ADDRESS_SPACE_EMULATED"}


@dataclass(frozen=True, slots=True)
class Needs:
    """`resources` come besides memory and disk, and instead of the flavor's VCPUs where they name VCPUs or PCPUs."""

    resources: Mapping[str, int] = field(default_factory=dict[str, int])
    required: frozenset[str] = frozenset()
    forbidden: frozenset[str] = frozenset()
    topology: Topology | None = None


def needs_of(asked: Asked) -> Needs:
    """Raises Contradiction in Nova's words."""
    processors, topology = processors_of(asked), topology_of(asked)
    resources = {**_cpus(asked, processors), **persistent_memory_of(asked)}
    required: set[str] = set()
    encryption = encryption_of(asked)
    if encryption is not None:
        resources["MEM_ENCRYPTION_CONTEXT"] = 1
        required.add(encryption.trait)
    if _secure_boot(asked) == "required":
        required.add("COMPUTE_SECURITY_UEFI_SECURE_BOOT")
    if (mode := _address_space(asked)) is not None:
        required.add(ADDRESS_SPACES[mode])
    if is_firmware_stateless(asked):
        required.add("COMPUTE_SECURITY_STATELESS_FIRMWARE")
    if processors.thread_policy == REQUIRE:
        required.add(HYPERTHREADING)
    forbidden = frozenset({HYPERTHREADING} if processors.thread_policy == ISOLATE else ())
    return Needs(resources, frozenset(required), forbidden, topology)


def _cpus(asked: Asked, processors: Processors) -> dict[str, int]:
    """VCPU and PCPU, where a policy asks for PCPUs: extra specs that name them are read with the other resources."""
    if not processors.pinned or processors.by_amount:
        return {}
    own = len(processors.dedicated)
    return {"VCPU": asked.vcpus - own, "PCPU": own + processors.isolates_emulator}


def _secure_boot(asked: Asked) -> str | None:
    policy = asked.agreed("secure_boot", "os")
    if policy is not None and policy not in SECURE_BOOT:
        raise Malformed(f"Invalid secure boot policy {policy!r}. Allowed values: {', '.join(SECURE_BOOT)}.")
    return policy


def _address_space(asked: Asked) -> str | None:
    mode = asked.agreed("maxphysaddr_mode")
    if mode is not None and mode not in ADDRESS_SPACES:
        raise Malformed(f"Invalid Maxphyaddr mode {mode!r}. Allowed values: {', '.join(ADDRESS_SPACES)}.")
    return mode
