"""Which of the fit hosts is best: the one with most room, and for soft groups with most or fewest of the group's servers."""

from collections.abc import Callable, Sequence

from monostack.services.compute.scheduler.wish import Wish
from monostack.services.placement.facade import Candidate

Weigher = Callable[[Candidate, Wish], float]


def _free(resource: str) -> Weigher:
    def weigh(candidate: Candidate, wish: Wish) -> float:
        room = candidate.room.get(resource)
        return float(room.free) if room is not None else 0.0

    return weigh


def _soft_group(candidate: Candidate, wish: Wish) -> float:
    if wish.group is None or not wish.group.policy.startswith("soft-"):
        return 0.0
    held = wish.group.held.get(candidate.name, 0)
    return float(held) if wish.group.policy == "soft-affinity" else -float(held)


# A group's wish outweighs room: each weight is scaled to 0..1 among the candidates first, as Nova does.
WEIGHERS: tuple[tuple[float, Weigher], ...] = (
    (1.0, _free("MEMORY_MB")),
    (1.0, _free("VCPU")),
    (1.0, _free("DISK_GB")),
    (10.0, _soft_group),
)


def best(candidates: Sequence[Candidate], wish: Wish) -> Candidate:
    """The candidate with the greatest sum of weights; of equals the first, and their order is random."""
    if len(candidates) == 1:
        return candidates[0]
    totals = [0.0] * len(candidates)
    for factor, weigh in WEIGHERS:
        weights = [weigh(candidate, wish) for candidate in candidates]
        least, most = min(weights), max(weights)
        if most > least:
            for index, weight in enumerate(weights):
                totals[index] += factor * (weight - least) / (most - least)
    return candidates[totals.index(max(totals))]
