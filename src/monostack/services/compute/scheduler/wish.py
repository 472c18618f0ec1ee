"""What a server wants of its host."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from monostack.services.compute import hardware, tpm
from monostack.services.compute.hardware import Asked, Contradiction, Topology
from monostack.services.compute.tpm import Tpm
from monostack.services.placement.facade import RequestGroup

_RESOURCE = re.compile(r"^resources:([A-Z][A-Z0-9_]*)$")
_TRAIT = re.compile(r"^trait:([A-Z][A-Z0-9_]*)$")


@dataclass(frozen=True, slots=True)
class GroupRule:
    """The policy of a server's group, and how many of the group's servers each host has."""

    policy: str
    per_host: int = 1  # anti-affinity: servers of the group on one host at most
    held: Mapping[str, int] = field(default_factory=dict)

    def affinity_objection(self, host: str) -> str | None:
        if self.policy == "affinity" and self.held and host not in self.held:
            return f"the server group's other servers are on {', '.join(sorted(self.held))}"
        return None

    def anti_affinity_objection(self, host: str) -> str | None:
        if self.policy == "anti-affinity" and self.held.get(host, 0) >= self.per_host:
            return "it has a server of the anti-affine server group"
        return None


@dataclass(frozen=True, slots=True)
class Wish:
    """`hosts` are the only ones allowed (None: any); `avoid` are not. `beside` and `apart_from` say the same by hints, which a cloud may
    be told not to heed.
    """

    resources: Mapping[str, int]
    required: frozenset[str] = frozenset()
    forbidden: frozenset[str] = frozenset()
    zone: str | None = None
    hosts: Collection[str] | None = None
    hosts_because: str = "another host was asked for"
    avoid: Collection[str] = ()
    extra_specs: Mapping[str, str] = field(default_factory=dict)
    image: Mapping[str, Any] = field(default_factory=dict)  # the image's properties
    group: GroupRule | None = None
    beside: Collection[str] | None = None
    apart_from: Collection[str] = ()
    hints: Mapping[str, Any] = field(default_factory=dict)
    project_id: str | None = None
    flavor_name: str | None = None
    image_id: str | None = None
    asked_by_ports: Sequence[Sequence[RequestGroup]] = ()  # of providers below the host's own
    tpm: Tpm | None = None
    topology: Topology | None = None
    by_hardware: frozenset[str] = frozenset()  # of the required traits, those that the guest's hardware takes
    contradiction: Contradiction | None = None  # no host could be fit


def resources_for(flavor: Mapping[str, Any], *, local_root: bool) -> dict[str, int]:
    """What a server claims of its host, by resource class. `local_root`: the root disk takes room there."""
    disk = (flavor["disk"] if local_root else 0) + flavor["ephemeral"] + -(-flavor["swap"] // 1024)
    named = {
        match[1]: int(value) for name, value in flavor["extra_specs"].items() if (match := _RESOURCE.match(name)) and value.isdecimal()
    }  # fmt: skip
    cpus = {} if "PCPU" in named else {"VCPU": flavor["vcpus"]}
    return {**cpus, "MEMORY_MB": flavor["ram"], "DISK_GB": disk, **named}


def required_by_image(properties: Mapping[str, Any]) -> set[str]:
    """The traits that the properties of an image require of a host."""
    return {name.removeprefix("trait:") for name, value in properties.items() if name.startswith("trait:") and value == "required"}


def wish_for(
    flavor: Mapping[str, Any], image: Mapping[str, Any], *, local_root: bool, image_name: str | None = None, **more: Any
) -> Wish:  # fmt: skip
    """From a flavor as servers keep it, and the properties of an image. `local_root` as above."""
    specs: Mapping[str, str] = flavor["extra_specs"]
    resources = resources_for(flavor, local_root=local_root)
    required, forbidden = set(), {"COMPUTE_STATUS_DISABLED"}
    for name, value in specs.items():
        if match := _TRAIT.match(name):
            (required if value == "required" else forbidden).add(match[1])
    required |= required_by_image(image)
    try:
        needs = hardware.needs_of(Asked(flavor, image, image_name))
        wanted = tpm.wanted(flavor, image, image_name)
        of_tpm = tpm.traits(wanted, flavor) if wanted is not None else set[str]()
    except Contradiction as contradiction:
        more["contradiction"] = contradiction
    else:
        resources.update(needs.resources)
        forbidden |= needs.forbidden
        more.update(topology=needs.topology, by_hardware=needs.required | of_tpm, tpm=wanted)
    required |= more.get("by_hardware", frozenset())
    more.setdefault("flavor_name", flavor.get("original_name"))
    return Wish(resources, frozenset(required), frozenset(forbidden), extra_specs=specs, image=image, **more)
