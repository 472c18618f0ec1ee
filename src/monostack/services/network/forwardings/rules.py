"""What may be forwarded where. Checks, their order and their texts are Neutron's."""

from collections.abc import Iterable, Mapping
from typing import Any

from monostack.core.errors import Fault
from monostack.db import Row, Transaction
from monostack.services.network.forwardings.table import of_floating_ip, of_port
from monostack.services.network.words import bad_request

Values = Mapping[str, Any]


def bad(message: str) -> Fault:
    return bad_request("port_forwarding", message)


def bounds(text: str) -> tuple[int, int]:
    """First and last of "80:90"."""
    first, _, last = text.partition(":")
    return int(first), int(last or first)


def range_of(values: Values, side: str) -> str | None:
    """What the caller gave for a side, external or internal: a range, or one port as a range of one."""
    given, port = values.get(f"{side}_port_range"), values.get(f"{side}_port")
    return given or (f"{port}:{port}" if port is not None else None)


def ports(values: Values) -> dict[str, Any]:
    """The ports as they are kept: both ranges, and the single ports where a range is one."""
    kept: dict[str, Any] = {}
    for side in ("external", "internal"):
        port = values.get(f"{side}_port")
        text = f"{port}:{port}" if port is not None else values.get(f"{side}_port_range")
        if text is not None:
            first, last = bounds(text)
            kept |= {f"{side}_port_range": text, f"{side}_port": first if first == last else None}
    return kept


def check_lengths(internal: str | None, external: str | None) -> None:
    """Several inner ports are reached by as many outer ones."""

    def length(text: str | None) -> int:
        first, last = bounds(text) if text else (0, 0)
        return last - first

    if length(internal) > 0 and length(internal) != length(external):
        raise bad(
            "Invalid ranges of internal and/or external ports. The relation between internal and external ports must be N-N or 1-N"
        )


def check_collisions(tx: Transaction, floatingip_id: str, given: Values, where: Values, but: str | None = None) -> None:
    """No port of the floating IP, and none of the server, is used twice. `where`: internal_port_id, internal_ip_address, protocol."""
    internal, external = range_of(given, "internal"), range_of(given, "external")
    check_lengths(internal, external)
    if internal:
        alike = [row for row in of_port(tx, where["internal_port_id"]) if row.internal_ip_address == where["internal_ip_address"]]
        _check_apart(alike, "internal_port_range", internal, where["protocol"], but)
    if external:
        _check_apart(of_floating_ip(tx, floatingip_id), "external_port_range", external, where["protocol"], but)


def _check_apart(rows: Iterable[Row], name: str, wanted: str, protocol: str, but: str | None) -> None:
    first, last = bounds(wanted)
    for row in rows:
        if row.id == but or row.protocol != protocol:
            continue
        there = row._mapping[name]
        low, high = bounds(there)
        if max(low, first) <= min(high, last):
            raise bad(f"There is a port collision with the {name}. The following ranges collide: {there} and {wanted}")


def check_same_outside(tx: Transaction, floatingip_id: str, address: str, changed: Values, but: str) -> None:
    """A change does not lead to what another forwarding is already."""
    for row in of_floating_ip(tx, floatingip_id):
        if row.id == but or row.protocol != changed["protocol"]:
            continue
        conflict: dict[str, Any] | None = None
        if row.external_port is not None and row.external_port == changed["external_port"]:
            conflict = {"floating_ip_address": address, "external_port": row.external_port}
        names = ("internal_port_id", "internal_ip_address", "internal_port")
        if row.internal_port is not None and all(row._mapping[name] == changed[name] for name in names):
            conflict = {name: changed[name] for name in names}
        if conflict is not None:
            raise bad(f"Another port forwarding entry with the same attributes already exists, conflicting values are {conflict}")
