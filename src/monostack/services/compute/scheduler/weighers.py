"""Which of the fit hosts is best: by default the one with most room, and for soft groups with most or fewest of the group's servers.

Names, settings and their meanings are Nova's; an aggregate's metadata of the same name overrides a setting for its hosts.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from monostack.core import ids
from monostack.services.compute.hosts.known import Host
from monostack.services.compute.scheduler.landscape import Landscape, least_of_aggregates
from monostack.services.compute.scheduler.wish import Wish
from monostack.services.placement.facade import Candidate


@dataclass(frozen=True, slots=True)
class Fit:
    """A host that may be taken, and the room it has."""

    host: Host
    candidate: Candidate


Weigher = Callable[[Fit, Wish, Landscape], float]


def _free(resource: str) -> Weigher:
    def weigh(fit: Fit, wish: Wish, land: Landscape) -> float:
        room = fit.candidate.room.get(resource)
        return float(room.free) if room is not None else 0.0

    return weigh


def _soft_group(policy: str, sign: float) -> Weigher:
    def weigh(fit: Fit, wish: Wish, land: Landscape) -> float:
        if wish.group is None or wish.group.policy != policy:
            return 0.0
        return sign * wish.group.held.get(fit.host.name, 0)

    return weigh


# By the name of the setting that multiplies each: weights are scaled to 0..1 among the candidates first.
WEIGHERS: Mapping[str, Weigher] = {
    "ram_weight_multiplier": _free("MEMORY_MB"),
    "cpu_weight_multiplier": _free("VCPU"),
    "disk_weight_multiplier": _free("DISK_GB"),
    "hypervisor_version_weight_multiplier": lambda fit, wish, land: float(fit.host.hypervisor_version),
    "io_ops_weight_multiplier": lambda fit, wish, land: float(land.io_ops_on(fit.host)),
    "num_instances_weight_multiplier": lambda fit, wish, land: float(land.servers_on(fit.host)),
    "soft_affinity_weight_multiplier": _soft_group("soft-affinity", 1.0),
    "soft_anti_affinity_weight_multiplier": _soft_group("soft-anti-affinity", -1.0),
}


def best(fits: Sequence[Fit], wish: Wish, land: Landscape) -> Host:
    """The host with the greatest sum of weights, or at random one of the `host_subset_size` best.

    Of equals the first is taken, and their order is random.
    """
    if len(fits) == 1:
        return fits[0].host
    totals = [0.0] * len(fits)
    for name, weigh in WEIGHERS.items():
        weights = [weigh(fit, wish, land) for fit in fits]
        least, most = min(weights), max(weights)
        if most > least:
            setting = getattr(land.settings, name)
            for index, (fit, weight) in enumerate(zip(fits, weights, strict=True)):
                totals[index] += least_of_aggregates(fit.host, name, setting) * (weight - least) / (most - least)
    if land.settings.host_subset_size == 1:
        return fits[totals.index(max(totals))].host
    ranked = sorted(range(len(fits)), key=lambda index: -totals[index])[: land.settings.host_subset_size]
    return fits[ranked[ids.random_int(32) % len(ranked)]].host
