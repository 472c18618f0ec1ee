"""Which volumes are in a group, and which may come and go."""

from collections.abc import Mapping

from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.services.volume.groups.table import invalid_group, volumes_of
from monostack.services.volume.volumes.table import BY_ID, set_volume
from monostack.services.volume.words import invalid_input, invalid_volume

REMOVABLE = ("available", "in-use", "error", "error_deleting")
ADDABLE = ("available", "in-use")


def _ids(text: str | None) -> list[str]:
    return text.strip(",").split(",") if text else []


def moves(tx: Transaction, request: Request, group: Row, add: str | None, remove: str | None) -> dict[str, str | None]:
    """What an update asks for: the group, or none, that each volume is to be in. Texts are ids with commas between. Raises BadRequest."""
    added, removed = _ids(add), _ids(remove)
    both = [id for id in added if id in removed]
    if both:
        raise invalid_volume(f"UUIDs {both} are in both add and remove volume list.")
    there = {row.id: row for row in volumes_of(tx, group.id)}
    wanted: dict[str, str | None] = {}
    for volume_id in added:
        if volume_id not in there:
            _check_added(tx, group, volume_id)
            wanted[volume_id] = group.id
    for volume_id in removed:
        row = there.get(volume_id)
        if row is not None and row.status not in REMOVABLE:
            raise invalid_volume(
                f"Cannot remove volume {volume_id} from group {group.id} because volume is in an invalid state: {row.status}. "
                f"Valid states are: {REMOVABLE}."
            )
        if row is None:
            raise invalid_volume(f"Cannot remove volume {volume_id} from group {group.id} because it is not in the group.")
        wanted[volume_id] = None
    return wanted


def _check_added(tx: Transaction, group: Row, volume_id: str) -> None:
    row, cannot = tx.row(BY_ID, {"the_id": volume_id}), f"Cannot add volume {volume_id} to group {group.id}"
    if row is None:
        raise invalid_volume(f"{cannot} because volume cannot be found.")
    if row.group_id is not None:
        raise invalid_volume(f"{cannot} because it is already in group {row.group_id}.")
    if row.project_id != group.project_id:
        raise invalid_volume(f"{cannot} as they belong to different projects.")
    if row.volume_type_id not in group.volume_type_ids:
        raise invalid_volume(f"{cannot} because volume type {row.volume_type_id} is not supported by the group.")
    if row.status not in ADDABLE:
        raise invalid_volume(f"{cannot} because volume is in an invalid state: {row.status}. Valid states are: {ADDABLE}.")
    if (row.host, row.pool) != (group.host, group.pool):
        raise invalid_volume("Volume is not local to this node.")


def move(tx: Transaction, wanted: Mapping[str, str | None]) -> None:
    for volume_id, group_id in wanted.items():
        set_volume(tx, volume_id, group_id=group_id)


def check_new(group: Row, kind: Row | None) -> None:
    """May a volume of this type be made in the group? Raises BadRequest."""
    if kind is None:
        raise invalid_input("volume_type must be provided when creating a volume in a group.")
    if kind.id not in group.volume_type_ids:
        raise invalid_input(f"Invalid volume_type provided: {kind.name} (requested type must be supported by this group).")
    if group.status not in ("available", "creating"):
        raise invalid_group("Originating group status must be one of 'available, creating' values")
