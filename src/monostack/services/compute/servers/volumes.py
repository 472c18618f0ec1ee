"""The volumes of servers: what compute keeps of each, beside the attachment that the volume service keeps."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from monostack.db import Flag, Id, Name, Row, Timestamp, Transaction, table

server_volumes = table(
    "server_volumes",
    sa.Column("id", Id(36), primary_key=True),  # bdm_uuid
    sa.Column("number", sa.Integer, nullable=False),  # order within the server
    sa.Column("server_id", Id(36), nullable=False, index=True),
    sa.Column("volume_id", Id(36), nullable=False, index=True),
    sa.Column("attachment_id", Id(36), nullable=False),  # "" until the volume is made
    sa.Column("device", Name(), nullable=False),  # /dev/vdb
    sa.Column("boot_index", sa.Integer),
    sa.Column("delete_on_termination", Flag, nullable=False),
    sa.Column("tag", Name(60)),
    sa.Column("bus", Name(16), nullable=False),
    sa.Column("attached", Flag, nullable=False),  # the guest has it; until then it is reserved
    sa.Column("created_at", Timestamp, nullable=False),
)

_v = server_volumes.c
_OF_SERVERS = (
    sa.select(server_volumes).where(_v.server_id.in_(sa.bindparam("the_servers", expanding=True))).order_by(_v.server_id, _v.number)
)
_ONE = sa.select(server_volumes).where(_v.server_id == sa.bindparam("the_server"), _v.volume_id == sa.bindparam("the_volume"))
_OF_VOLUME = sa.select(server_volumes).where(_v.volume_id == sa.bindparam("the_volume"))
_INSERT = sa.insert(server_volumes)
_DELETE = sa.delete(server_volumes).where(_v.server_id == sa.bindparam("the_server"), _v.volume_id == sa.bindparam("the_volume"))
_DELETE_ALL = sa.delete(server_volumes).where(_v.server_id == sa.bindparam("the_server"))
_ATTACHED = (
    sa.update(server_volumes)
    .where(_v.server_id == sa.bindparam("the_server"), _v.volume_id == sa.bindparam("the_volume"))
    .values(attached=True)
)
_ALL_ATTACHED = sa.update(server_volumes).where(_v.server_id == sa.bindparam("the_server")).values(attached=sa.bindparam("the_flag"))
_HELD = sa.update(server_volumes).where(_v.id == sa.bindparam("the_id")).values(attachment_id=sa.bindparam("the_attachment"))
_KEEP = (
    sa.update(server_volumes)
    .where(_v.server_id == sa.bindparam("the_server"), _v.volume_id == sa.bindparam("the_volume"))
    .values(delete_on_termination=sa.bindparam("the_flag"))
)


def attached_to(tx: Transaction, server_ids: Sequence[str]) -> dict[str, list[Row]]:
    """The volumes of each server, in order."""
    found: dict[str, list[Row]] = {}
    for row in tx.rows(_OF_SERVERS, {"the_servers": list(server_ids)}):
        found.setdefault(row.server_id, []).append(row)
    return found


def find(tx: Transaction, server_id: str, volume_id: str) -> Row | None:
    return tx.row(_ONE, {"the_server": server_id, "the_volume": volume_id})


def of_volume(tx: Transaction, volume_id: str) -> Sequence[Row]:
    """Each server's hold on a volume."""
    return tx.rows(_OF_VOLUME, {"the_volume": volume_id})


def is_volume_backed(tx: Transaction, server: Row) -> bool:
    """Whether the server boots from a volume. It may show an image all the same: one that names snapshots of volumes."""
    return root_of(tx, server) is not None


def root_of(tx: Transaction, server: Row) -> Row | None:
    """The volume a server boots from."""
    return next((row for row in tx.rows(_OF_SERVERS, {"the_servers": [server.id]}) if row.boot_index == 0), None)


def add(tx: Transaction, values: dict[str, Any]) -> None:
    tx.execute(_INSERT, values)


def remove(tx: Transaction, server_id: str, volume_id: str) -> None:
    tx.execute(_DELETE, {"the_server": server_id, "the_volume": volume_id})


def remove_all(tx: Transaction, server_id: str) -> None:
    tx.execute(_DELETE_ALL, {"the_server": server_id})


def set_attachment(tx: Transaction, id: str, attachment_id: str) -> None:
    """A volume that was made for the server is there now, and reserved for it."""
    tx.execute(_HELD, {"the_id": id, "the_attachment": attachment_id})


def mark_attached(tx: Transaction, server_id: str, volume_id: str | None = None, *, attached: bool = True) -> None:
    """The guest has the volume; without one, all of them (or with `attached` off none)."""
    if volume_id is None:
        tx.execute(_ALL_ATTACHED, {"the_server": server_id, "the_flag": attached})
    else:
        tx.execute(_ATTACHED, {"the_server": server_id, "the_volume": volume_id})


def set_delete_on_termination(tx: Transaction, server_id: str, volume_id: str, flag: bool) -> None:
    tx.execute(_KEEP, {"the_server": server_id, "the_volume": volume_id, "the_flag": flag})


def device_name(number: int) -> str:
    """/dev/vda, /dev/vdb, … The 27th disk is /dev/vdaa."""
    letters = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("a") + rest) + letters
    return f"/dev/vd{letters}"


def next_device(used: Sequence[str]) -> str:
    """The first device name that is free; the root disk is /dev/vda."""
    taken = {name.removeprefix("/dev/") for name in used} | {"vda"}
    number = 1
    while device_name(number).removeprefix("/dev/") in taken:
        number += 1
    return device_name(number)
