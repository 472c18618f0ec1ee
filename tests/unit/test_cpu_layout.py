"""How the processors of servers are laid out. The expected ones are those that Nova gives the same flavors and images."""

from typing import Any

import pytest

from monostack.services.compute.hardware import Asked, Contradiction
from monostack.services.compute.hardware.layout import best


def _flavor(vcpus: int, **said: str) -> dict[str, Any]:
    return {"vcpus": vcpus, "extra_specs": {f"hw:cpu_{name}": value for name, value in said.items()}}


def _image(**said: str) -> dict[str, str]:
    return {f"hw_cpu_{name}": value for name, value in said.items()}


@pytest.mark.parametrize(
    ("flavor", "image", "expected"),
    [
        (_flavor(4), {}, (4, 1, 1)),
        (_flavor(4, sockets="1"), {}, (1, 4, 1)),
        (_flavor(4, threads="2"), {}, (2, 1, 2)),
        (_flavor(8, max_sockets="2"), {}, (2, 4, 1)),
        (_flavor(8, max_sockets="2", max_cores="2"), {}, (2, 2, 2)),
        (_flavor(4, sockets="4"), _image(cores="2"), (2, 2, 1)),
        (_flavor(4, sockets="4"), _image(max_sockets="1"), (1, 4, 1)),
        (_flavor(4, cores="3"), {}, (4, 1, 1)),
        (_flavor(6, sockets="2", threads="3"), {}, (2, 1, 3)),
    ],
)
def test_the_best_layout(flavor: dict[str, Any], image: dict[str, str], expected: tuple[int, int, int]) -> None:
    assert best(Asked(flavor, image)) == expected


def test_limits_that_no_layout_meets() -> None:
    with pytest.raises(Contradiction) as refused:
        best(Asked(_flavor(8, max_sockets="1", max_cores="2", max_threads="2"), {}))
    assert refused.value.message == "Requested vCPU limits 1:2:2 are impossible to satisfy for vcpus count 8"
