"""Filters of lists that are no comparison with a column: how their values are read.

What comes out names a condition of the resource (`Resource.conditions`), its operator and its value.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from monostack.core import clock
from monostack.services.network.tags.table import CONDITIONS as TAGS
from monostack.services.network.tags.table import listed
from monostack.services.network.values.addresses import canonical_ip
from monostack.services.network.values.plain import to_boolean
from monostack.services.network.words import invalid

PART_OF_ADDRESS = "_part_of_address"  # no name a client can ask for
AGENT_DOWN_AFTER = 75  # seconds without a sign of life; Neutron's default of agent_down_time
FLAGS = ("shared", "router:external")

Condition = tuple[str, str, Any]


def read(name: str, given: Sequence[str]) -> Iterator[Condition]:
    """The conditions a filter stands for."""
    if name in TAGS:
        yield name, *listed(given)
    elif name in FLAGS:
        yield name, "in", [to_boolean(value) for value in given]
    elif name == "alive":
        for value in given:
            yield name, "alive" if to_boolean(value) else "dead", alive_since()
    elif name == "fixed_ips":
        yield from _addresses(given)
    else:
        yield name, "in", list(given)


def alive_since() -> str:
    """Agents that were heard of after this moment are alive."""
    return (clock.now() - timedelta(seconds=AGENT_DOWN_AFTER)).isoformat(timespec="microseconds")


def _addresses(given: Sequence[str]) -> Iterator[Condition]:
    """`fixed_ips=ip_address=10.0.0.5`, `subnet_id=...`, `ip_address_substr=...`. Raises InvalidInput for what is not KEY=VALUE."""
    found: dict[str, list[str]] = {}
    for text in given:
        key, equals, value = (part.strip() for part in text.partition("="))
        if not key or not equals:
            raise invalid(f"'{text}' is not of the form <key>=[value]")
        found.setdefault(key, []).append(canonical_ip(value))
    for key, wanted in found.items():
        if key == "ip_address_substr":
            for index, part in enumerate(wanted):
                yield PART_OF_ADDRESS, str(index), part
        elif key in ("ip_address", "subnet_id"):
            yield "fixed_ips", key, wanted
