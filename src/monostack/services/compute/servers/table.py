"""The servers table. A server keeps what was true when it was made (flavor, image), so that showing it needs no other table."""

from typing import Any

import sqlalchemy as sa

from monostack.core import clock
from monostack.db import Flag, Id, Json, Name, Row, Timestamp, Transaction, table

servers = table(
    "servers",
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),  # instance-%08x
    sa.Column("id", Id(36), nullable=False, unique=True),
    sa.Column("project_id", Id(), nullable=False),
    sa.Column("user_id", Id(), nullable=False),
    sa.Column("name", Name(), nullable=False),
    sa.Column("description", Name(255)),
    sa.Column("hostname", Name(), nullable=False),
    sa.Column("image_id", Id(), nullable=False),  # "" when booted from a volume
    sa.Column("flavor_id", Name(), nullable=False),
    sa.Column("flavor", Json, nullable=False),  # as microversion 2.47 shows it, with extra specs
    # What counts against quotas: those of the flavor, while a server is resized the larger ones of both flavors.
    sa.Column("vcpus", sa.Integer, nullable=False),
    sa.Column("memory_mb", sa.Integer, nullable=False),
    sa.Column("vm_state", Name(32), nullable=False),
    sa.Column("task_state", Name(32)),
    sa.Column("power_state", sa.Integer, nullable=False),
    sa.Column("wanted_power", Flag, nullable=False),  # what its owner wants: running, or off
    sa.Column("host", Name()),
    sa.Column("availability_zone", Name()),  # the one asked for; None: any
    sa.Column("config_drive", Flag, nullable=False),
    sa.Column("key_name", Name()),
    sa.Column("metadata", Json, nullable=False),
    sa.Column("tags", Json, nullable=False),
    sa.Column("access_ip_v4", Name(39)),
    sa.Column("access_ip_v6", Name(39)),
    sa.Column("disk_config", Name(8), nullable=False),  # AUTO, MANUAL
    sa.Column("locked_by", Name(8)),  # owner, admin
    sa.Column("locked_reason", Name(255)),
    sa.Column("progress", sa.Integer, nullable=False),
    sa.Column("reservation_id", Id(), nullable=False),
    sa.Column("launch_index", sa.Integer, nullable=False),
    sa.Column("root_device", Name()),
    sa.Column("trusted_certificates", Json),  # ids; they are kept and shown: images are not signed here
    sa.Column("fault", Json),  # {"code", "created", "message", "details"}
    sa.Column("shelved_image_id", Id()),  # what a shelved server boots from when it is unshelved
    sa.Column("shelved_at", Timestamp),
    sa.Column("created_at", Timestamp, nullable=False),
    sa.Column("updated_at", Timestamp, nullable=False),
    sa.Column("launched_at", Timestamp),
    sa.Column("terminated_at", Timestamp),
    sa.Column("deleted_at", Timestamp),
    sa.Column("soft_deleted_at", Timestamp),  # since when it is kept to be restored
    # What only its host needs. Last, since user data may be large and lists leave these columns unread.
    sa.Column("image", Json),  # the image's format, size and hash, and its hw_ and os_ properties
    sa.Column("hints", Json),  # scheduler hints
    sa.Column("devices", Json),  # tags of NICs by port id
    sa.Column("local_disks", Json),  # [[size, format], ...] where a mapping asked for others than the flavor's; see guests.disks
    sa.Column("injected_files", Json),  # [{"path", "contents"}] for its config drive, contents as base64
    sa.Column("tpm_key", Json),  # {"id", "sealed"}, of a server that has a TPM
    sa.Column("key_data", sa.Text),
    sa.Column("admin_pass", Name()),  # until the first boot has ended
    sa.Column("guest_password", sa.Text),  # encrypted by the guest, for its owner
    sa.Column("user_data", sa.Text),
    sa.Index("ix_servers_project", "project_id", "deleted_at", "created_at"),
    sa.Index("ix_servers_usage", "project_id", "deleted_at", "vm_state", "vcpus", "memory_mb"),
    sa.Index("ix_servers_host", "host", "deleted_at"),
    sa.Index("ix_servers_shelved", "vm_state", "shelved_at"),
    sa.Index("ix_servers_task", "deleted_at", "task_state"),
    sa.Index("ix_servers_created", "deleted_at", "created_at"),
)

s = servers.c
INSERT = sa.insert(servers).returning(s.number)
LIVE = s.deleted_at.is_(None)
BY_ID = sa.select(servers).where(s.id == sa.bindparam("the_id"), LIVE)
SHELVED_SINCE = sa.select(servers).where(s.vm_state == "shelved", s.task_state.is_(None), s.shelved_at < sa.bindparam("before"), LIVE)
BY_IDS = sa.select(servers).where(s.id.in_(sa.bindparam("the_ids", expanding=True)), LIVE)
_UPDATES: dict[tuple[str, ...], sa.Update] = {}


def get(tx: Transaction, server_id: str) -> Row | None:
    """A server that exists, whoever it belongs to: for workflows and reconcilers."""
    return tx.row(BY_ID, {"the_id": server_id})


def update(tx: Transaction, server_id: str, **values: Any) -> None:
    """Write columns of a server, and that it changed now."""
    values["updated_at"] = clock.now()
    names = tuple(sorted(values))
    statement = _UPDATES.get(names)
    if statement is None:
        statement = sa.update(servers).where(s.id == sa.bindparam("the_id"))
        _UPDATES[names] = statement = statement.values({n: sa.bindparam(f"v_{n}", type_=s[n].type) for n in names})
    tx.execute(statement, {"the_id": server_id, **{f"v_{name}": value for name, value in values.items()}})


def instance_name(number: int) -> str:
    """The name of the guest on its host."""
    return f"instance-{number:08x}"
