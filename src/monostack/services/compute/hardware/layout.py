"""How a server's processors are laid out in sockets, cores and threads. Source: Nova's guide "CPU topologies"."""

from typing import NamedTuple

from monostack.services.compute.hardware.asked import Asked, Contradiction

UNLIMITED = 65536


class Layout(NamedTuple):
    """Sockets, cores of each and threads of each of these. Of one that is asked for, and of limits, 0 is anything."""

    sockets: int
    cores: int
    threads: int

    def __str__(self) -> str:
        return f"(sockets={self.sockets}, cores={self.cores}, threads={self.threads})"

    def exceeds(self, limits: "Layout") -> bool:
        return any(most and count > most for count, most in zip(self, limits, strict=True))


def constraints(asked: Asked) -> tuple[Layout, Layout]:
    """The one preferred, and the most of each. Raises Contradiction for an image that wants more than the flavor allows."""
    flavor_most, image_most = _said("cpu_max", asked)
    if image_most.exceeds(flavor_most):
        raise Contradiction(f"Image vCPU topology limits {image_most} exceeds the limits of the flavor {flavor_most}")
    most = Layout(*(image or flavor or UNLIMITED for image, flavor in zip(image_most, flavor_most, strict=True)))
    by_flavor, by_image = _said("cpu", asked)
    if by_image.exceeds(most):
        raise Contradiction(f"Image vCPU topology {by_image} exceeds the limits of the flavor or image {most}")
    if any(by_image):  # one word of the image, and nothing that the flavor prefers counts
        return by_image, most
    return (Layout(0, 0, 0) if by_flavor.exceeds(most) else by_flavor), most


def best(asked: Asked) -> Layout:
    """The one a guest gets: like the preferred one as far as can be, then with few threads and many sockets. Raises Contradiction."""
    preferred, most = constraints(asked)
    vcpus = asked.vcpus
    limits = Layout(*(min(vcpus, each) for each in most))
    possible = [
        Layout(sockets, cores, vcpus // sockets // cores)
        for sockets in _divisors(vcpus, limits.sockets)
        for cores in _divisors(vcpus // sockets, limits.cores)
        if vcpus // sockets // cores <= limits.threads
    ]
    if not possible:
        raise Contradiction(
            f"Requested vCPU limits {limits.sockets}:{limits.cores}:{limits.threads} are impossible to satisfy for vcpus count {vcpus}"
        )

    def liking(found: Layout) -> tuple[int, int, int]:
        alike = sum(wanted == count for wanted, count in zip(preferred, found, strict=True))
        return alike, found.sockets * found.cores, found.sockets

    return max(possible, key=liking)


def _said(prefix: str, asked: Asked) -> tuple[Layout, Layout]:
    pairs = [asked.numbers(f"{prefix}_{part}") for part in Layout._fields]
    return Layout(*(by_flavor for by_flavor, _ in pairs)), Layout(*(by_image for _, by_image in pairs))


def _divisors(number: int, most: int) -> list[int]:
    return [each for each in range(1, most + 1) if number % each == 0]
