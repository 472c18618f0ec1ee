"""A flavor and an image, side by side: the extra spec `hw:x` of the one means what the property `hw_x` of the other does."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from monostack.db import Row
from monostack.services.compute.parameters import is_true

MOST_CPUS = 1 << 16  # of a mask: far more than a guest can have


class Contradiction(Exception):
    """What is asked for cannot be. `code` is that of the fault of a server which was to have it."""

    code = 500

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)


class Malformed(Contradiction):
    """One of the values means nothing."""

    code = 400


@dataclass(frozen=True, slots=True)
class Asked:
    """A flavor as servers keep it, with the properties of an image, and what the image is called in errors."""

    flavor: Mapping[str, Any]
    properties: Mapping[str, Any]
    image_name: str | None = None
    image_id: str | None = None

    @property
    def flavor_name(self) -> str:
        return self.flavor["original_name"]

    @property
    def vcpus(self) -> int:
        return self.flavor["vcpus"]

    @property
    def extra_specs(self) -> Mapping[str, str]:
        return self.flavor["extra_specs"]

    def both(self, key: str, prefix: str = "hw") -> tuple[Any, Any]:
        """What the flavor says, and what the image does; None of either that says nothing."""
        return self.extra_specs.get(f"{prefix}:{key}"), self.properties.get(f"{prefix}_{key}")

    def agreed(self, key: str, prefix: str = "hw") -> Any:
        """What either says. Raises Contradiction when they differ."""
        by_flavor, by_image = self.both(key, prefix)
        if by_flavor and by_image and by_flavor != by_image:
            raise Contradiction(
                f"Flavor {self.flavor_name} has {prefix}:{key} extra spec explicitly set to {by_flavor}, conflicting with image "
                f"{self.image_name} which has {prefix}_{key} explicitly set to {by_image}."
            )
        return by_flavor or by_image or None

    def numbers(self, key: str) -> tuple[int, int]:
        """`both` of a key that is a number; 0 of either that says nothing. Raises Malformed."""
        return self.number(f"hw:{key}"), _number(self.properties.get(f"hw_{key}"), "image metadata")

    def number(self, extra_spec: str) -> int:
        """What the flavor says; 0 for nothing. Raises Malformed."""
        return _number(self.extra_specs.get(extra_spec), "flavor extra spec")

    def flags(self, key: str) -> tuple[bool | None, bool | None]:
        """`both` of a key that is on or off."""
        by_flavor, by_image = self.both(key)
        return None if by_flavor is None else is_true(by_flavor), None if by_image is None else is_true(by_image)


def _number(value: Any, of: str) -> int:
    try:
        return int(value or 0)
    except ValueError as cause:
        raise Malformed(f"Invalid {of}. Error: {cause}") from None


def of_server(server: Row, flavor: Mapping[str, Any] | None = None) -> Asked:
    """What a server was made with, or would have with another flavor."""
    kept = server.image or {}
    return Asked(server.flavor if flavor is None else flavor, kept.get("properties") or {}, kept.get("id"), kept.get("id"))


def cpus_of(mask: str, of: int | None = None) -> frozenset[int]:
    """The processors of a mask: "0-3,^2,5". With `of`, a mask that begins with an exception is one to processors 0 up to that number.

    Raises Malformed.
    """
    if of is not None and mask.strip().startswith("^"):
        mask = f"0-{of - 1},{mask}"
    taken: set[int] = set()
    left_out: set[int] = set()
    for part in filter(None, (part.strip() for part in mask.split(","))):
        (left_out if part.startswith("^") else taken).update(_range(part))
    return frozenset(taken - left_out)


def _range(part: str) -> range:
    first, dash, last = part.removeprefix("^").partition("-")
    kind = "range" if dash else "exclusion" if part.startswith("^") else "inclusion"
    try:
        start = int(first)
        end = int(last) if dash else start
    except ValueError:
        raise Malformed(f"Invalid {kind} expression {part!r}") from None
    if start > end or end >= MOST_CPUS:
        raise Malformed(f"Invalid {kind} expression {part!r}")
    return range(start, end + 1)
