"""Creating, changing and deleting ranges."""

from typing import Any

from sqlalchemy.engine import Row

from monostack.db import Transaction
from monostack.http import Request
from monostack.services.network import standard
from monostack.services.network.attributes import Values
from monostack.services.network.segment_ranges.table import RANGES, of_type, used_in
from monostack.services.network.tags.api import tag_routes
from monostack.services.network.verbs import Verbs
from monostack.services.network.words import bad_request, conflict, refused

SERVED = "vxlan"  # the one type of networks with a segmentation id that hosts make
MOST = 2**24 - 1


def create_range(tx: Transaction, request: Request, values: Values) -> Row[Any]:
    if values["network_type"] == "vlan" and not values.get("physical_network"):
        text = "Network type vlan requires 'physical_network' to be specified while creating new range"
        raise bad_request("network_segment_range", text)
    if values["network_type"] != SERVED:
        text = f"Network type {values['network_type']} does not support network segment ranges."
        raise refused(text, "NetworkSegmentRangeNetTypeNotSupported")
    _check(tx, values["minimum"], values["maximum"], None)
    owner = None if values["shared"] else values.get("project_id") or request.caller.project_id
    return standard.insert(RANGES, tx, request, {**values, "project_id": owner, "default": False, "physical_network": ""})


def _check(tx: Transaction, minimum: int, maximum: int, id: str | None) -> None:
    if maximum > MOST or minimum > MOST:
        wrong = minimum if minimum > MOST else maximum
        raise _no_range(minimum, maximum, f"{wrong} is not a valid {SERVED} identifier")
    if maximum < minimum:
        raise _no_range(minimum, maximum, "End of tunnel range is less than start of tunnel range")
    overlapping = [row.id for row in of_type(tx, SERVED) if not row.is_default and row.id != id and _meet(row, minimum, maximum)]
    if overlapping:
        text = f"Network segment range overlaps with range(s) with id {', '.join(overlapping)}"
        raise conflict(text, "NetworkSegmentRangeOverlaps")


def _meet(row: Row[Any], minimum: int, maximum: int) -> bool:
    return row.minimum <= maximum and minimum <= row.maximum


def _no_range(minimum: int, maximum: int, reason: str) -> Exception:
    return refused(f"Invalid network tunnel range: '{minimum}:{maximum}' - {reason}.", "NetworkTunnelRangeError")


def update_range(tx: Transaction, request: Request, row: Row[Any], changes: Values) -> Row[Any]:
    _check_not_default(row)
    minimum, maximum = changes.get("minimum", row.minimum), changes.get("maximum", row.maximum)
    if any(not minimum <= number <= maximum for number in used_in(tx, row)):
        raise _referenced(row)
    _check(tx, minimum, maximum, row.id)
    return RANGES.change(tx, request, row, changes)


def delete_range(tx: Transaction, request: Request, row: Row[Any]) -> None:
    _check_not_default(row)
    if used_in(tx, row):
        raise _referenced(row)
    standard.remove(RANGES, tx, request, row)


def _check_not_default(row: Row[Any]) -> None:
    if row.is_default:
        text = f"Network Segment Range {row.id} is a default segment range which could not be updated or deleted."
        raise refused(text, "NetworkSegmentRangeDefaultReadOnly")


def _referenced(row: Row[Any]) -> Exception:
    text = f"Network Segment Range {row.id} is referenced by one or more project networks."
    return conflict(text, "NetworkSegmentRangeReferencedByProject")


VERBS = Verbs(RANGES, create=create_range, update=update_range, delete=delete_range, counted=False)
routes = [VERBS.routes(), tag_routes(VERBS)]
