"""Creating, changing and deleting ranges."""


from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.services.network import standard
from monostack.services.network.attributes import Values
from monostack.services.network.segment_ranges.table import RANGES, of_type, used_in
from monostack.services.network.tags.api import tag_routes
from monostack.services.network.verbs import Verbs
from monostack.services.network.words import bad_request, conflict, refused

LAST = {"vxlan": 2**24 - 1, "vlan": 4094}  # the types of networks with a segmentation id that hosts make


def create_range(tx: Transaction, request: Request, values: Values) -> Row:
    kind, physical = values["network_type"], values.get("physical_network") or ""
    if kind == "vlan" and not physical:
        text = "Network type vlan requires 'physical_network' to be specified while creating new range"
        raise bad_request("network_segment_range", text)
    if kind not in LAST:
        raise refused(f"Network type {kind} does not support network segment ranges.", "NetworkSegmentRangeNetTypeNotSupported")
    physical = physical if kind == "vlan" else ""
    _check(tx, kind, physical, values["minimum"], values["maximum"], None)
    owner = None if values["shared"] else values.get("project_id") or request.caller.project_id
    return standard.insert(RANGES, tx, request, {**values, "project_id": owner, "default": False, "physical_network": physical})


def _check(tx: Transaction, kind: str, physical: str, minimum: int, maximum: int, id: str | None) -> None:
    wrong = next((number for number in (minimum, maximum) if number > LAST[kind]), None)
    if wrong is not None:
        what = "VLAN tag" if kind == "vlan" else f"{kind} identifier"
        raise _no_range(kind, minimum, maximum, f"{wrong} is not a valid {what}")
    if maximum < minimum:
        what = "VLAN" if kind == "vlan" else "tunnel"
        raise _no_range(kind, minimum, maximum, f"End of {what} range is less than start of {what} range")
    others = [row for row in of_type(tx, kind) if row.physical_network == physical and not row.is_default and row.id != id]
    overlapping = [row.id for row in others if _meet(row, minimum, maximum)]
    if overlapping:
        text = f"Network segment range overlaps with range(s) with id {', '.join(overlapping)}"
        raise conflict(text, "NetworkSegmentRangeOverlaps")


def _meet(row: Row, minimum: int, maximum: int) -> bool:
    return row.minimum <= maximum and minimum <= row.maximum


def _no_range(kind: str, minimum: int, maximum: int, reason: str) -> Exception:
    if kind == "vlan":
        return refused(f"Invalid network VLAN range: '{minimum}:{maximum}' - '{reason}'.", "NetworkVlanRangeError")
    return refused(f"Invalid network tunnel range: '{minimum}:{maximum}' - {reason}.", "NetworkTunnelRangeError")


def update_range(tx: Transaction, request: Request, row: Row, changes: Values) -> Row:
    _check_not_default(row)
    minimum, maximum = changes.get("minimum", row.minimum), changes.get("maximum", row.maximum)
    if any(not minimum <= number <= maximum for number in used_in(tx, row)):
        raise _referenced(row)
    _check(tx, row.network_type, row.physical_network, minimum, maximum, row.id)
    return RANGES.change(tx, request, row, changes)


def delete_range(tx: Transaction, request: Request, row: Row) -> None:
    _check_not_default(row)
    if used_in(tx, row):
        raise _referenced(row)
    standard.remove(RANGES, tx, request, row)


def _check_not_default(row: Row) -> None:
    if row.is_default:
        text = f"Network Segment Range {row.id} is a default segment range which could not be updated or deleted."
        raise refused(text, "NetworkSegmentRangeDefaultReadOnly")


def _referenced(row: Row) -> Exception:
    text = f"Network Segment Range {row.id} is referenced by one or more project networks."
    return conflict(text, "NetworkSegmentRangeReferencedByProject")


VERBS = Verbs(RANGES, create=create_range, update=update_range, delete=delete_range, counted=False)
routes = [VERBS.routes(), tag_routes(VERBS)]
