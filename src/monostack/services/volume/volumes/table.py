"""The declaration of a volume, and the statements about volumes."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from monostack.db import Id, Json, Name, Timestamp, Transaction, table
from monostack.http import Request
from monostack.resources import Field, Resource, Scopes, flag, integer, json_value, text, time, uuid
from monostack.services.volume.style import STYLE, links, wants_all_tenants
from monostack.services.volume.volume_types import TYPES

attachments = table(
    "volume_attachments",
    sa.Column("id", Id(), primary_key=True),
    sa.Column("volume_id", Id(), sa.ForeignKey("volumes.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("project_id", Id(), nullable=False, index=True),
    sa.Column("server_id", Id(), index=True),
    sa.Column("host", Name()),
    sa.Column("device", Name(64)),  # /dev/vdb
    sa.Column("mode", Name(8), nullable=False),  # rw, ro
    sa.Column("status", Name(32), nullable=False),  # reserved, attaching, attached, detaching
    sa.Column("connector", Json),
    sa.Column("created_at", Timestamp, nullable=False),
    sa.Column("attached_at", Timestamp),
)
_a = attachments.c
ATTACHED_TO = sa.select(attachments).where(_a.volume_id.in_(sa.bindparam("volumes", expanding=True))).order_by(_a.created_at, _a.id)
TYPE_NAMES = sa.select(TYPES.table.c.id, TYPES.table.c.name).where(TYPES.table.c.id.in_(sa.bindparam("types", expanding=True)))


def attachment_view(row: Row[Any]) -> dict[str, Any]:
    """An attachment as a volume shows it."""
    return {
        "id": row.volume_id,
        "attachment_id": row.id,
        "volume_id": row.volume_id,
        "server_id": row.server_id,
        "host_name": row.host,
        "device": row.device,
        "attached_at": row.attached_at,
    }


def _expand(tx: Transaction, request: Request, rows: Sequence[Row[Any]]) -> list[dict[str, Any]]:
    """Links, the type's name, attachments and image metadata of a page of volumes."""
    by_volume: dict[str, list[dict[str, Any]]] = {}
    for attached in tx.rows(ATTACHED_TO, {"volumes": [row.id for row in rows]}):
        if attached.status in ("attached", "detaching"):
            by_volume.setdefault(attached.volume_id, []).append(attachment_view(attached))
    names = {row.id: row.name for row in tx.rows(TYPE_NAMES, {"types": list({row.volume_type_id for row in rows})})}
    shown = []
    for row in rows:
        item: dict[str, Any] = {
            "links": links(request, "volumes", row.id),
            "volume_type": names.get(row.volume_type_id),
            "attachments": by_volume.get(row.id, []),
            "encrypted": False,
            "replication_status": None,
            "consistencygroup_id": None,
        }
        if request.at_least(3, 13):
            item["group_id"] = None
        if row.volume_image_metadata is not None:
            item["volume_image_metadata"] = row.volume_image_metadata
        if request.at_least(3, 48):
            item["service_uuid"] = None
            item["shared_targets"] = False
        if request.at_least(3, 61) and request.allows("context_is_admin"):
            item["cluster_name"] = None
        if request.at_least(3, 21) and request.allows("context_is_admin"):
            item["provider_id"] = None
        if request.allows("volume_extension:volume_mig_status_attribute"):
            item.update({"migration_status": None, "os-vol-mig-status-attr:migstat": None, "os-vol-mig-status-attr:name_id": None})
        shown.append(item)
    return shown


def _text_flag(value: bool) -> str:
    return "true" if value else "false"


HOST = "volume_extension:volume_host_attribute"
TENANT = "volume_extension:volume_tenant_attribute"
VOLUMES = Resource(
    "volume",
    "volumes",
    STYLE,
    path="/v3/volumes",
    title="Volume",
    fields=(
        Field("id", uuid()),
        Field("status", text(), filter=True, default="creating", index=True),
        Field("size", integer(1), default=0),
        Field("availability_zone", text()),
        Field("created_at", time()),
        Field("updated_at", time()),
        Field("name", text(), nullable=True),
        Field("description", text(), nullable=True),
        Field("snapshot_id", uuid(), nullable=True, index=True),
        Field("source_volid", uuid(), nullable=True),
        Field("metadata", json_value(), default=dict, column="meta", filter=False, sort=False),
        Field("user_id", uuid()),
        Field("bootable", flag(), default=False, show=_text_flag),
        Field("multiattach", flag(), default=False),
        Field("volume_image_metadata", json_value(), nullable=True, view=False, filter=False, sort=False),
        Field("volume_type_id", uuid(), since=(3, 63), index=True),
        Field("consumes_quota", flag(), default=True, since=(3, 65)),
        Field("os-vol-tenant-attr:tenant_id", uuid(), column="project_id", view=TENANT, index=True),
        Field("project_id", uuid(), view=False),
        Field("os-vol-host-attr:host", text(), column="host", view=HOST, nullable=True, index=True),
        Field("host", text(), view=False, nullable=True),
        Field("previous_status", text(), view=False, nullable=True, filter=False, sort=False),
        Field("read_only", flag(), default=False, view=False, filter=False, sort=False),
        Field("fault", text(1024), view=False, nullable=True, filter=False, sort=False),
    ),
    policy={
        "list": "volume:get_all",
        "show": "volume:get",
        "create": "volume:create",
        "update": "volume:update",
        "delete": "volume:delete",
    },
    scopes=Scopes(
        lambda request: (
            "all" if wants_all_tenants(request) or (request.params.get("id") and request.allows("context_is_admin")) else "project"
        ),
        {"all": None, "project": lambda t: t.c.project_id == sa.bindparam("caller_project")},
    ),
    default_sort=(("created_at", "desc"),),
    expand=_expand,
)
_v = VOLUMES.table.c
BY_ID = sa.select(VOLUMES.table).where(_v.id == sa.bindparam("the_id"))
OF_TYPE = sa.select(_v.id).where(_v.volume_type_id == sa.bindparam("the_type")).limit(1)
USED = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(_v.size), 0)).where(_v.project_id == sa.bindparam("the_project"))
SET = sa.update(VOLUMES.table).where(_v.id == sa.bindparam("the_id"))
REMOVE = sa.delete(VOLUMES.table).where(_v.id == sa.bindparam("the_id"))
ATTACHMENT = sa.select(attachments).where(_a.id == sa.bindparam("the_id"))
OF_SERVERS = sa.select(attachments).where(_a.server_id.in_(sa.bindparam("servers", expanding=True))).order_by(_a.created_at, _a.id)
INSERT_ATTACHMENT = sa.insert(attachments)
REMOVE_ATTACHMENT = sa.delete(attachments).where(_a.id == sa.bindparam("the_id"))


def set_volume(tx: Transaction, volume_id: str, **values: Any) -> None:
    """Write what the cloud itself decides: statuses, hosts, sizes after the fact."""
    from monostack.core import clock

    tx.execute(SET.values(updated_at=clock.now(), **values), {"the_id": volume_id})


def set_attachment(tx: Transaction, attachment_id: str, **values: Any) -> None:
    tx.execute(sa.update(attachments).where(_a.id == sa.bindparam("the_id")).values(**values), {"the_id": attachment_id})
