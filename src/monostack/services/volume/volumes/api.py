"""The operations on volumes."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Row

from monostack.core.errors import BadRequest, NotFound
from monostack.db import Transaction
from monostack.http import Request
from monostack.services.image import facade as images
from monostack.services.volume import quota
from monostack.services.volume.snapshots import OF_VOLUME, SNAPSHOT
from monostack.services.volume.style import STYLE, links
from monostack.services.volume.volume_types import named
from monostack.services.volume.volumes.rules import CREATE, DELETABLE, METADATA, NOT_DELETABLE, UPDATE, ZONE, choose_host
from monostack.services.volume.volumes.table import ATTACHED_TO, BY_ID, VOLUMES, set_volume

TRUE = (True, "True", "true", "1", "t")


@dataclass
class _Source:
    """What a volume is made from: nothing, an image, a snapshot or another volume."""

    least: int = 0  # GiB the volume must have
    input: dict[str, Any] | None = None
    host: str | None = None
    bootable: bool = False
    image_metadata: dict[str, Any] | None = None
    type_id: str | None = None


def _source(request: Request, tx: Transaction, body: dict[str, Any]) -> _Source:
    given = [name for name in ("imageRef", "image_id", "snapshot_id", "source_volid") if body.get(name)]
    if len(given) > 1 and set(given) != {"imageRef", "image_id"}:
        raise BadRequest(f"Invalid input received: Only one of {', '.join(given)} may be given.")
    if not given:
        return _Source()
    if given[0] in ("imageRef", "image_id"):
        return _from_image(request, tx, body[given[0]])
    if given[0] == "snapshot_id":
        row = _owned(tx, request, SNAPSHOT, body["snapshot_id"])
        if row is None:
            raise NotFound(f"snapshot id:{body['snapshot_id']} not found", kind="SnapshotNotFound")
        if row.status != "available":
            raise BadRequest(f"Invalid snapshot: Originating snapshot status must be one of 'available' values, but is {row.status}.")
        origin = tx.row(BY_ID, {"the_id": row.volume_id})
        return _like(origin, row.size, {"snapshot_id": row.id}, row.host)
    row = _owned(tx, request, BY_ID, body["source_volid"])
    if row is None:
        raise NotFound(f"source volume id:{body['source_volid']} not found", kind="VolumeNotFound")
    if row.status not in ("available", "in-use"):
        raise BadRequest(f"Invalid volume: Source volume {row.id} must be available or in-use, but is {row.status}.")
    return _like(row, row.size, {"source_volid": row.id}, row.host)


def _owned(tx: Transaction, request: Request, statement: Any, id: str) -> Row[Any] | None:
    row = tx.row(statement, {"the_id": id})
    return row if row is not None and (row.project_id == request.caller.project_id or request.allows("context_is_admin")) else None


def _like(origin: Row[Any] | None, least: int, input: dict[str, Any], host: str | None) -> _Source:
    if origin is None:
        return _Source(least, input, host)
    return _Source(least, input, host, origin.bootable, origin.volume_image_metadata, origin.volume_type_id)


def _from_image(request: Request, tx: Transaction, image_id: str) -> _Source:
    try:
        image = images.get(tx, request, image_id)
    except NotFound:
        raise BadRequest("Invalid image identifier or unable to access requested image.") from None
    if image.status != "active":
        raise BadRequest(f"Invalid input received: Image {image.id} is not active.")
    size = max(image.size or 0, image.virtual_size or 0)
    least = max(-(-size // 2**30), image.min_disk or 0, 1)
    metadata = {
        "image_id": image.id,
        "image_name": image.name,
        "checksum": image.checksum,
        "container_format": image.container_format,
        "disk_format": image.disk_format,
        "min_disk": str(image.min_disk or 0),
        "min_ram": str(image.min_ram or 0),
        "size": str(image.size or 0),
        **{name: str(value) for name, value in image.properties.items()},
    }
    return _Source(least, {"image_id": image.id}, None, True, metadata)


def create(request: Request, tx: Transaction, body: dict[str, Any]) -> Row[Any]:
    """Write a volume and start its making. Also what other services call, in their own transaction."""
    source = _source(request, tx, body)
    size = int(body["size"]) if body.get("size") else source.least
    if size < 1:
        raise BadRequest("The server could not comply with the request since it is either malformed or otherwise incorrect.")
    if size < source.least:
        what = next(iter(source.input or {"": ""}))
        text = {
            "image_id": f"Size of specified image {source.least}GB is larger than volume size {size}GB.",
            "snapshot_id": f"Volume size '{size}'GB cannot be smaller than the snapshot size {source.least}GB. "
            "They must be >= original snapshot size.",
        }.get(
            what,
            f"Volume size '{size}'GB cannot be smaller than original volume size {source.least}GB. They must be >= original volume size.",
        )
        raise BadRequest(f"Invalid input received: {text}")
    zone = body.get("availability_zone") or ZONE
    if zone != ZONE:
        raise BadRequest(f"Invalid input received: Availability zone '{zone}' is invalid.")
    kind = named(tx, request, body.get("volume_type") or source.type_id)
    quota.claim(tx, request, volumes=1, gigabytes=size, per_volume=size)
    host = source.host or choose_host(tx, request)
    row = VOLUMES.insert(
        tx,
        request,
        {
            "name": body.get("name", body.get("display_name")),
            "description": body.get("description", body.get("display_description")),
            "size": size,
            "status": "creating" if host else "error",
            "fault": None if host else "No host that keeps volumes is connected. Start an agent, then create the volume again.",
            "availability_zone": zone,
            "snapshot_id": (source.input or {}).get("snapshot_id"),
            "source_volid": (source.input or {}).get("source_volid"),
            "metadata": {k: v for k, v in (body.get("metadata") or {}).items()},
            "user_id": request.caller.user_id,
            "bootable": False,
            "multiattach": body.get("multiattach") in TRUE or kind.extra_specs.get("multiattach", "").lower() == "<is> true",
            "volume_type_id": kind.id,
            "consumes_quota": True,
            "read_only": False,
            "host": host,
            "updated_at": None,
        },
    )
    if host:
        data = {**(source.input or {}), "size": size, "host": host, "bootable": source.bootable, "image_metadata": source.image_metadata}
        request.cloud.start(tx, "create_volume", row.id, data, request)
    return row


def create_volume(request: Request, tx: Transaction) -> dict[str, Any]:
    """Create a volume: empty, from an image, a snapshot or another volume."""
    request.authorize("volume:create_from_image" if request.body["volume"].get("imageRef") else "volume:create")
    if not request.body["volume"]:
        raise BadRequest("The server could not comply with the request since it is either malformed or otherwise incorrect.")
    return VOLUMES.render(request, tx, create(request, tx, request.body["volume"]))


def list_brief(request: Request, tx: Transaction) -> dict[str, Any]:
    """List volumes: id, name and links."""
    VOLUMES.authorize(request, "list")
    query = STYLE.parse_list(request, VOLUMES)
    rows = VOLUMES.page(request, tx, query)
    items = [{"id": row.id, "name": row.name, "links": links(request, "volumes", row.id)} for row in rows]
    return _counted(request, STYLE.list_envelope(request, VOLUMES, items, query))


def list_detail(request: Request, tx: Transaction) -> dict[str, Any]:
    """List volumes with details."""
    return _counted(request, VOLUMES.list(request, tx))


def _counted(request: Request, envelope: dict[str, Any]) -> dict[str, Any]:
    if request.at_least(3, 45) and request.query_map.get("with_count", "").lower() == "true":
        envelope["count"] = len(envelope["volumes"])
    return envelope


def update_volume(request: Request, tx: Transaction) -> dict[str, Any]:
    """Rename, describe or annotate a volume."""
    row = VOLUMES.get(request, tx, request.params["id"])
    VOLUMES.authorize(request, "update", row)
    body = {{"display_name": "name", "display_description": "description"}.get(k, k): v for k, v in request.body["volume"].items()}
    return VOLUMES.render(request, tx, VOLUMES.change(tx, request, row, body))


def delete_volume(request: Request, tx: Transaction) -> None:
    """Delete a volume that nothing uses."""
    row = VOLUMES.get(request, tx, request.params["id"])
    VOLUMES.authorize(request, "delete", row)
    start_delete(request, tx, row)


def start_delete(request: Request, tx: Transaction, row: Row[Any], *, force: bool = False) -> None:
    """Begin to delete a volume. Raises BadRequest while something uses it; `force` overlooks its status, not what depends on it."""
    attached = tx.row(ATTACHED_TO, {"volumes": [row.id]}) is not None
    if (row.status not in DELETABLE and not force) or attached or tx.row(OF_VOLUME, {"the_volume": row.id}) is not None:
        raise BadRequest(NOT_DELETABLE)
    set_volume(tx, row.id, status="deleting", previous_status=row.status)
    request.cloud.cancel(tx, row.id)
    request.cloud.start(tx, "delete_volume", row.id, {"host": row.host}, request, row.project_id)


def summary(request: Request, tx: Transaction) -> dict[str, Any]:
    """Count the volumes and their size."""
    request.authorize("volume:get_all")
    query = STYLE.parse_list(request, VOLUMES)
    query.limit = None
    rows = VOLUMES.page(request, tx, query)
    answer: dict[str, Any] = {"total_count": len(rows), "total_size": sum(row.size for row in rows)}
    if request.at_least(3, 36):
        metadata: dict[str, list[str]] = {}
        for row in rows:
            for key, value in row.meta.items():
                if value not in metadata.setdefault(key, []):
                    metadata[key].append(value)
        answer["metadata"] = metadata
    return {"volume-summary": answer}


def _metadata(request: Request, tx: Transaction, rule: str) -> Row[Any]:
    row = VOLUMES.get(request, tx, request.params["id"])
    request.authorize(rule, VOLUMES.target(row))
    return row


def show_metadata(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show a volume's metadata."""
    return {"metadata": _metadata(request, tx, "volume:get_volume_metadata").meta}


def set_metadata(request: Request, tx: Transaction) -> dict[str, Any]:
    """Add to a volume's metadata, or with PUT replace it."""
    row = _metadata(request, tx, "volume:create_volume_metadata" if request.method == "POST" else "volume:update_volume_metadata")
    new = request.body["metadata"] if request.method == "PUT" else {**row.meta, **request.body["metadata"]}
    VOLUMES.change(tx, request, row, {"metadata": new})
    return {"metadata": new}


def show_metadata_item(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show one metadata item."""
    row = _metadata(request, tx, "volume:get_volume_metadata")
    return {"meta": {request.params["key"]: _item(row, request.params["key"])}}


def _item(row: Row[Any], key: str) -> Any:
    if key not in row.meta:
        raise NotFound(f"Volume {row.id} has no metadata with key {key}.")
    return row.meta[key]


def set_metadata_item(request: Request, tx: Transaction) -> dict[str, Any]:
    """Set one metadata item."""
    row = _metadata(request, tx, "volume:update_volume_metadata")
    key = request.params["key"]
    if list(request.body["meta"]) != [key]:
        raise BadRequest("Request body and URI mismatch")
    VOLUMES.change(tx, request, row, {"metadata": {**row.meta, **request.body["meta"]}})
    return {"meta": request.body["meta"]}


def delete_metadata_item(request: Request, tx: Transaction) -> None:
    """Delete one metadata item."""
    row = _metadata(request, tx, "volume:delete_volume_metadata")
    _item(row, request.params["key"])
    VOLUMES.change(tx, request, row, {"metadata": {k: v for k, v in row.meta.items() if k != request.params["key"]}})


_METADATA_BODY = {"type": "object", "properties": {"metadata": METADATA}, "required": ["metadata"], "additionalProperties": False}
_META_BODY = {"type": "object", "properties": {"meta": METADATA}, "required": ["meta"], "additionalProperties": False}

routes = VOLUMES.routes(only=("show", "delete"), delete=delete_volume)
routes.get("", policy="volume:get_all")(list_brief)
routes.get("/detail", policy="volume:get_all")(list_detail)
routes.get("/summary", policy="volume:get_all", since=(3, 12))(summary)
routes.post("", policy="volume:create", body=CREATE, status=202)(create_volume)
routes.put("/{id}", policy="volume:update", body=UPDATE)(update_volume)
routes.get("/{id}/metadata", policy="volume:get_volume_metadata")(show_metadata)
routes.post("/{id}/metadata", policy="volume:create_volume_metadata", body=_METADATA_BODY)(set_metadata)
routes.put("/{id}/metadata", policy="volume:update_volume_metadata", body=_METADATA_BODY)(set_metadata)
routes.get("/{id}/metadata/{key}", policy="volume:get_volume_metadata")(show_metadata_item)
routes.put("/{id}/metadata/{key}", policy="volume:update_volume_metadata", body=_META_BODY)(set_metadata_item)
routes.delete("/{id}/metadata/{key}", policy="volume:delete_volume_metadata", status=200)(delete_metadata_item)
