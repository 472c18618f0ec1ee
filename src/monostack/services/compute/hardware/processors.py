"""Which processors of a guest are dedicated, and how: policies, masks, real time, emulator threads."""

import re
from dataclasses import dataclass

from monostack.services.compute.hardware.asked import Asked, Contradiction, cpus_of
from monostack.services.compute.parameters import is_true

DEDICATED, SHARED, MIXED = POLICIES = ("dedicated", "shared", "mixed")
PREFER, ISOLATE, REQUIRE = THREAD_POLICIES = ("prefer", "isolate", "require")
EMULATOR_POLICIES = ("share", "isolate")
HYPERTHREADING = "HW_CPU_HYPERTHREADING"

_CLAIMED = re.compile(r"resources(?:[1-9][0-9]*)?:(VCPU|PCPU)")
_HYPERTHREADING = re.compile(rf"trait(?:[1-9][0-9]*)?:{HYPERTHREADING}")


@dataclass(frozen=True, slots=True)
class Processors:
    """`dedicated` are those of the guest's processors that each have one of the host's to themselves."""

    policy: str | None
    thread_policy: str | None
    dedicated: frozenset[int]
    isolates_emulator: bool
    by_amount: bool  # asked for as `resources:PCPU` or `resources:VCPU`, not by a policy

    @property
    def pinned(self) -> bool:
        return self.policy in (DEDICATED, MIXED)


def processors_of(asked: Asked) -> Processors:
    """Raises Contradiction in Nova's words."""
    policy, threads = _policy(asked), _thread_policy(asked)
    realtime, mask, emulator = realtime_cpus(asked), _dedicated_mask(asked), _emulator_policy(asked)
    claimed = _claimed(asked)
    _check_claimed(asked, policy, emulator, claimed)
    if claimed["PCPU"] or claimed["VCPU"]:
        policy = DEDICATED if claimed["PCPU"] else SHARED
    threads = _with_hyperthreading(asked, threads)
    _check_together(policy, threads, emulator, mask, realtime)
    if policy == DEDICATED:
        dedicated = frozenset(range(asked.vcpus))
    else:
        dedicated = (mask or realtime) if policy == MIXED else frozenset[int]()
    return Processors(policy, threads, dedicated, emulator == "isolate", any(claimed.values()))


def realtime_cpus(asked: Asked) -> frozenset[int]:
    """Those that run in real time. Raises Contradiction."""
    if not is_true(asked.extra_specs.get("hw:cpu_realtime")):
        return frozenset()
    by_flavor, by_image = asked.both("cpu_realtime_mask")
    mask, every = by_image or by_flavor, frozenset(range(asked.vcpus))
    found = cpus_of(mask, asked.vcpus) if mask else every
    if not found or (found == every and not _emulator_policy(asked)):
        raise Contradiction("Use of realtime CPUs requires either one or more non-realtime CPU(s) or offloaded emulator threads.")
    if not found <= every:
        raise Contradiction(
            "Realtime policy vCPU(s) mask is configured with RT vCPUs that are not a subset of the vCPUs in the flavor. See "
            "hw:cpu_realtime_mask or hw_cpu_realtime_mask"
        )
    return found


def _policy(asked: Asked) -> str | None:
    by_flavor, by_image = asked.both("cpu_policy")
    for source, policy in (("flavor extra specs", by_flavor), ("image properties", by_image)):
        if policy and policy not in POLICIES:
            raise Contradiction(f"CPU policy requested from '{source}' is invalid, given: '{policy}', available: '{POLICIES}'.")
    overrides = {MIXED: (DEDICATED,), SHARED: (MIXED, DEDICATED)}
    if by_image in overrides.get(by_flavor or "", ()):
        raise Contradiction("Image property 'hw_cpu_policy' is not permitted to override CPU pinning policy set against the flavor")
    return by_flavor or by_image or None


def _thread_policy(asked: Asked) -> str | None:
    by_flavor, by_image = asked.both("cpu_thread_policy")
    for source, policy in (("flavor extra specs", by_flavor), ("image properties", by_image)):
        if policy and policy not in THREAD_POLICIES:
            raise Contradiction(
                f"CPU thread policy requested from '{source}' is invalid, given: '{policy}', available: '{THREAD_POLICIES}'."
            )
    if by_flavor in (None, PREFER):
        return by_flavor or by_image
    if by_image and by_image != by_flavor:
        raise Contradiction(
            "Image property 'hw_cpu_thread_policy' is not permitted to override CPU thread pinning policy set against the flavor"
        )
    return by_flavor


def _emulator_policy(asked: Asked) -> str | None:
    policy = asked.extra_specs.get("hw:emulator_threads_policy") or None
    if policy and policy not in EMULATOR_POLICIES:
        raise Contradiction(f"CPU emulator threads option requested is invalid, given: '{policy}', available: '{EMULATOR_POLICIES}'.")
    return policy


def _dedicated_mask(asked: Asked) -> frozenset[int]:
    mask = asked.extra_specs.get("hw:cpu_dedicated_mask")
    if not mask:
        return frozenset()
    found, every = cpus_of(mask, asked.vcpus), frozenset(range(asked.vcpus))
    if not found or not every - found:
        raise Contradiction("Mixed instance must have at least 1 pinned vCPU and 1 unpinned vCPU. See 'hw:cpu_dedicated_mask'.")
    if not found <= every:
        raise Contradiction('Mixed instance dedicated vCPU(s) mask is not a subset of vCPUs in the flavor. See "hw:cpu_dedicated_mask"')
    return found


def _claimed(asked: Asked) -> dict[str, int]:
    found = {"VCPU": 0, "PCPU": 0}
    for name, value in asked.extra_specs.items():
        if (match := _CLAIMED.match(name)) and value.isdecimal():
            found[match[1]] += int(value)
    return found


def _check_claimed(asked: Asked, policy: str | None, emulator: str | None, claimed: dict[str, int]) -> None:
    pcpus = claimed["PCPU"]
    if policy and any(claimed.values()):
        raise Contradiction(
            "It is not possible to use the 'resources:VCPU' or 'resources:PCPU' extra specs in combination with the 'hw:cpu_policy' extra "
            "spec or 'hw_cpu_policy' image metadata property; use one or the other"
        )
    if all(claimed.values()):
        raise Contradiction("It is not possible to specify both 'resources:VCPU' and 'resources:PCPU' extra specs; use one or the other")
    if pcpus and emulator == "isolate" and pcpus != asked.vcpus + 1:
        raise Contradiction(
            "You have requested 'hw:emulator_threads_policy=isolate' but have not requested sufficient PCPUs to handle this policy; you "
            "must allocate exactly flavor.vcpus + 1 PCPUs."
        )
    if pcpus and emulator != "isolate" and pcpus != asked.vcpus:
        raise Contradiction(
            "There is a mismatch between the number of PCPUs requested via 'resourcesNN:PCPU' and the flavor); you must allocate exactly "
            "flavor.vcpus PCPUs"
        )


def _with_hyperthreading(asked: Asked, threads: str | None) -> str | None:
    said = next((value for name, value in asked.extra_specs.items() if _HYPERTHREADING.match(name)), None)
    if said is None and asked.properties.get(f"trait:{HYPERTHREADING}") == "required":
        said = "required"
    if threads and said:
        raise Contradiction(
            "It is not possible to use the 'trait:HW_CPU_HYPERTHREADING' extra spec in combination with the 'hw:cpu_thread_policy' extra "
            "spec or 'hw_cpu_thread_policy' image metadata property; use one or the other"
        )
    return {"forbidden": ISOLATE, "required": REQUIRE}.get(said or "", threads)


def _check_together(
    policy: str | None, threads: str | None, emulator: str | None, mask: frozenset[int], realtime: frozenset[int]
) -> None:  # fmt: skip
    if policy in (SHARED, None):
        if threads:
            raise Contradiction("Cannot set cpu thread pinning policy in a non dedicated cpu pinning policy")
        if emulator == "isolate":
            raise Contradiction("An isolated CPU emulator threads option requires a dedicated CPU policy option.")
    if mask and policy != MIXED:
        raise Contradiction("Cannot specify 'hw:cpu_dedicated_mask' without the 'mixed' policy.")
    if realtime and policy in (SHARED, None):
        raise Contradiction("Cannot set realtime policy in a non dedicated cpu pinning policy")
    if policy == MIXED and bool(mask) == bool(realtime):
        raise Contradiction(
            "Dedicated CPU set can be specified from either 'hw:cpu_dedicated_mask' or 'hw:cpu_realtime_mask' when using 'mixed' CPU "
            "policy. 'hw:cpu_dedicated_mask' and 'hw:cpu_realtime_mask' can not be specified at the same time, or be specified with none "
            "of them."
        )
