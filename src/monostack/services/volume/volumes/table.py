"""The declaration of a volume, and the statements about volumes."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from monostack.core import clock
from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.http.answers import FLAG, ID, NULL, TEXT, Record, many, mapping, maybe, optional, since
from monostack.resources import Field, Resource, flag, integer, json_value, text, time, uuid
from monostack.services.volume.attachments.table import SHOWN_IN_VOLUME, shown_in_volumes
from monostack.services.volume.links import LINKS, links
from monostack.services.volume.lists import LITERAL, has_item, is_admin
from monostack.services.volume.style import STYLE, of_project
from monostack.services.volume.types.table import TYPES

TENANT, HOST, MIGRATION, NAME_ID = (
    "os-vol-tenant-attr:tenant_id",
    "os-vol-host-attr:host",
    "os-vol-mig-status-attr:migstat",
    "os-vol-mig-status-attr:name_id",
)
EXTENSIONS = (TENANT, HOST, MIGRATION, NAME_ID, "volume_image_metadata")  # what answers to create and update leave out
_groups = sa.table("volume_groups", sa.column("id"), sa.column("group_type_id"))
_kinds = sa.table("volume_group_types", sa.column("id"), sa.column("name"))
_CONSISTENT = sa.select(_groups.c.id).where(
    _groups.c.id.in_(sa.bindparam("groups", expanding=True)),
    _groups.c.group_type_id == sa.select(_kinds.c.id).where(_kinds.c.name == "default_cgsnapshot_type").scalar_subquery(),
)  # which of some groups are consistency groups
TYPE_NAMES = sa.select(TYPES.table.c.id, TYPES.table.c.name).where(TYPES.table.c.id.in_(sa.bindparam("types", expanding=True)))
KEY_SHOWN = (3, 64)  # since when the id of its key is told
ADMIN_ITEMS = ("readonly", "attached_mode")  # what the cloud itself notes in a volume's metadata


def kind_of_file(*, multiattach: bool) -> str:
    """In what its host keeps a volume: only raw files can be open in several guests at once."""
    return "raw" if multiattach else "qcow2"


def disk_format(volume: Any) -> str:
    """`kind_of_file` of the row of a volume."""
    return kind_of_file(multiattach=volume.multiattach)


def service_name(kept: Any) -> str:
    """The service that serves something with a host and a pool, as Cinder names it: host@backend. Each pool is a back end of its own."""
    return f"{kept.host}@{kept.pool}"


def place_name(kept: Any) -> str | None:
    """Where something with a host and a pool is: host@backend#pool. None: nowhere."""
    return None if kept.host is None else f"{service_name(kept)}#{kept.pool}"


def in_pool(table: sa.Table, operator: str, parameter: str) -> Any:
    """The condition of a filter by host: `host@backend`, with or without `#pool`."""
    wanted = sa.bindparam(parameter, type_=sa.String())
    service = table.c.host + "@" + table.c.pool
    return sa.or_(service == wanted, service + "#" + table.c.pool == wanted)


def _expand(tx: Transaction, request: Request, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Links, the type's name, attachments and image metadata of a page of volumes."""
    admin = is_admin(request)
    attachments = shown_in_volumes(tx, [row.id for row in rows], with_host=admin or "service" in request.caller.roles)
    names = {row.id: row.name for row in tx.rows(TYPE_NAMES, {"types": list({row.volume_type_id for row in rows})})}
    image_metadata = request.allows("volume_extension:volume_image_metadata:show")
    grouped = {row.group_id for row in rows if row.group_id is not None}
    consistent = {row.id for row in tx.rows(_CONSISTENT, {"groups": list(grouped)})} if grouped else set[str]()
    on_host = request.allows("volume_extension:volume_host_attribute")
    plain: dict[str, Any] = {"replication_status": None}
    if request.at_least(3, 21) and admin:
        plain["provider_id"] = None
    if request.at_least(3, 48):
        plain["shared_targets"] = False
    if request.at_least(3, 61) and admin:
        plain["cluster_name"] = None
    if request.allows("volume_extension:volume_mig_status_attribute"):
        plain[NAME_ID] = None
    shown = []
    for row in rows:
        item = {
            **plain,
            "links": links(request, "volumes", row.id),
            "encrypted": row.encryption_key_id is not None,
            "consistencygroup_id": row.group_id if row.group_id in consistent else None,
            "volume_type": names.get(row.volume_type_id),
            "attachments": attachments.get(row.id, []),
            "metadata": {**row.meta, **{name: row.admin_meta[name] for name in ADMIN_ITEMS if name in row.admin_meta}},
        }
        if row.encryption_key_id is not None and request.at_least(*KEY_SHOWN):
            item["encryption_key_id"] = row.encryption_key_id
        if on_host:
            item[HOST] = place_name(row)
        if admin:
            item["migration_status"] = row.migration_status
        if image_metadata and row.image_meta:
            item["volume_image_metadata"] = row.image_meta
        shown.append(item)
    return shown


def _word(value: bool) -> str:
    return "true" if value else "false"


_STATUSES = {"managing": "creating", "error_managing": "error", "error_managing_deleting": "deleting"}
VOLUMES = Resource(
    "volume",
    "volumes",
    STYLE,
    path="/v3/volumes",
    title="Volume",
    fields=(
        Field("id", uuid()),
        Field("status", text(), default="creating", index=True, show=lambda status: _STATUSES.get(status, status)),
        Field("size", integer(1), default=0),
        Field("availability_zone", text()),
        Field("created_at", time(), index=True),
        Field("updated_at", time(), nullable=True),
        Field("name", text(), nullable=True),
        Field("description", text(), nullable=True),
        Field("snapshot_id", uuid(), nullable=True, index=True),
        Field("source_volid", uuid(), nullable=True),
        Field("metadata", json_value(), default=dict, column="meta", view=False),
        Field("user_id", uuid()),
        Field("bootable", flag(), default=False, show=_word, answer=TEXT),
        Field("multiattach", flag(), default=False),
        Field("group_id", uuid(), nullable=True, since=(3, 13), index=True),
        Field("service_uuid", uuid(), nullable=True, since=(3, 48)),
        Field("volume_type_id", uuid(), since=(3, 63), index=True),
        Field("consumes_quota", flag(), default=True, since=(3, 65)),
        Field(TENANT, uuid(), column="project_id", view="volume_extension:volume_tenant_attribute", index=True),
        Field(MIGRATION, text(), column="migration_status", nullable=True, view="volume_extension:volume_mig_status_attribute"),
        Field(HOST, text(), column="host", view=False, nullable=True, index=True),
        # What is kept beside what is shown
        Field("pool", text(), view=False),  # of its host, and the back end there
        Field("image_meta", json_value(), nullable=True, view=False),
        Field("admin_meta", json_value(), default=dict, view=False),
        Field("attach_status", text(), default="detached", view=False),
        Field("previous_status", text(), view=False, nullable=True),
        Field("fault", text(1024), view=False, nullable=True),  # why it is in error, for operators
        Field("encryption_key_id", uuid(), view=False, nullable=True),
        Field("sealed_key", text(1024), view=False, nullable=True),  # see keys
    ),
    policy={"list": "volume:get_all", "show": "volume:get"},
    scopes=of_project(LITERAL),
    expand=_expand,
    adds={
        "links": LINKS,
        "volume_type": maybe(TEXT),
        "attachments": many(SHOWN_IN_VOLUME),
        "metadata": mapping(TEXT),
        "encrypted": FLAG,
        "encryption_key_id": since(KEY_SHOWN, ID, optional=True),
        "replication_status": maybe(TEXT),
        "consistencygroup_id": maybe(ID),
        "provider_id": since((3, 21), NULL, optional=True),
        "shared_targets": since((3, 48), FLAG),
        "cluster_name": since((3, 61), NULL, optional=True),
        NAME_ID: optional(NULL),
        HOST: optional(maybe(TEXT)),
        "migration_status": optional(maybe(TEXT)),
        "volume_image_metadata": optional(mapping(TEXT)),
    },
    conditions={"items": has_item("meta", "admin_meta"), "image_items": has_item("image_meta"), "pool": in_pool},
)
BRIEF = VOLUMES.answer.with_keys("VolumeAsWritten", {}, without=EXTENSIONS)
SUMMARY = Record("VolumeSummary", {"id": ID, "name": maybe(TEXT), "links": LINKS})
_v = VOLUMES.table.c
BY_ID = sa.select(VOLUMES.table).where(_v.id == sa.bindparam("the_id"))
OF_TYPE = sa.select(_v.id).where(_v.volume_type_id == sa.bindparam("the_type")).limit(1)
SET = sa.update(VOLUMES.table).where(_v.id == sa.bindparam("the_id"))
REMOVE = sa.delete(VOLUMES.table).where(_v.id == sa.bindparam("the_id"))


def set_volume(tx: Transaction, volume_id: str, *, expected: str | None = None, **values: Any) -> None:
    """Write what the cloud itself decides: statuses, hosts, sizes after the fact. With `expected` only while that is the status."""
    statement = SET if expected is None else SET.where(_v.status == expected)
    tx.execute(statement.values(updated_at=clock.now(), **values), {"the_id": volume_id})
