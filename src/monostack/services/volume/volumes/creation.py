"""Making a volume: what it is made from, how large it must be, where it goes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from monostack.core.errors import BadRequest, Conflict, NotFound
from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.protocol.volumes import POOL
from monostack.services.image import facade as images
from monostack.services.volume import image_keys, keys
from monostack.services.volume.backups import restoring
from monostack.services.volume.backups import table as backups
from monostack.services.volume.groups import members
from monostack.services.volume.groups import table as groups
from monostack.services.volume.hosts import choice
from monostack.services.volume.quotas import claims
from monostack.services.volume.snapshots import lookup as snapshots
from monostack.services.volume.types import table as types
from monostack.services.volume.types.encryption import encryption_differs
from monostack.services.volume.volumes import lookup
from monostack.services.volume.volumes.table import BY_ID, VOLUMES
from monostack.services.volume.words import ZONE, invalid_input, invalid_snapshot, invalid_volume, malformed

GIB = 1 << 30
IMAGE_ATTRIBUTES = ("checksum", "container_format", "disk_format", "min_disk", "min_ram", "size")
BAD_IMAGE = "Invalid image identifier or unable to access requested image."


@dataclass(frozen=True)
class Source:
    """What a volume is made from: nothing, an image, a snapshot or another volume."""

    input: Mapping[str, Any]  # for the workflow
    size: int | None = None  # GiB, of the original
    host: str | None = None  # that has the original
    pool: str | None = None  # there, where the volume is to stay in it
    bootable: bool = False
    bootable_later: bool = False  # once the bits are there
    image_meta: Mapping[str, str] | None = None
    type_id: str | None = None
    type_name: str | None = None
    kind: str = ""
    backup: Row | None = None
    group: Row | None = None


NOTHING = Source({})


def _from_snapshot(tx: Transaction, row: Row) -> Source:
    origin = tx.execute(BY_ID, {"the_id": row.volume_id}).one()
    return _like(origin, row, {"snapshot_id": row.id}, "snapshot")


def _like(origin: Row, row: Row, input: Mapping[str, Any], kind: str) -> Source:
    return Source(
        input, row.size, row.host, origin.pool, origin.bootable, image_meta=origin.image_meta, type_id=row.volume_type_id, kind=kind
    )


def _from_backup(row: Row) -> Source:
    return Source({"backup_id": row.id, "stored_as": row.stored_as}, row.size, row.host, kind="backup", backup=row)


def find_image(tx: Transaction, request: Request, reference: str) -> images.ImageInfo:
    """An image by id, by a URL that ends in its id, or by name. Raises BadRequest, Conflict."""
    try:
        return images.get(tx, request, reference.rsplit("/", 1)[-1])
    except NotFound:
        named = images.search(tx, request, [("name", reference)]) if reference else []
    if len(named) > 1:
        raise Conflict(f"Multiple matches found for '{reference}', use an ID to be more specific.")
    if not named:
        raise BadRequest(BAD_IMAGE)
    return named[0]


def image_metadata(image: images.ImageInfo) -> dict[str, str]:
    """What a volume remembers of the image it was made from."""
    kept = {"image_id": image.id, **({"image_name": image.name} if image.name else {})}
    kept.update({name: str(value) for name in IMAGE_ATTRIBUTES if (value := getattr(image, name)) is not None})
    return {**{name: str(value) for name, value in image.properties.items()}, **kept}


def check_image(image: images.ImageInfo, size: int) -> None:
    """Can a volume of this size (GiB) be made from the image? Raises BadRequest."""
    if image.status != "active":
        raise invalid_input(f"Image {image.id} is not active.")
    needed = -(-(image.size or 0) // GIB)
    if needed > size:
        raise invalid_input(f"Size of specified image {needed}GB is larger than volume size {size}GB.")
    if size < (image.min_disk or 0):
        raise invalid_input(f"Volume size {size}GB cannot be smaller than the image minDisk size {image.min_disk}GB.")
    virtual = -(-(image.virtual_size or 0) // GIB)
    if virtual > size:
        reason = f"Image virtual size is {virtual}GB and doesn't fit in a volume of size {size}GB."
        raise BadRequest(f"Image {image.id} is unacceptable: {reason}", kind="ImageUnacceptable")


class _Disk(msgspec.Struct):
    """A disk in the `block_device_mapping` of an image, as far as it matters here."""

    source_type: str | None = None
    boot_index: int | None = None
    snapshot_id: str | None = None


def _boot_snapshot(image: images.ImageInfo) -> str | None:
    """The snapshot of the root disk, where the image is one of a server booted from a volume: such an image has no bits of its own."""
    try:
        disks = msgspec.json.decode(image.properties.get("block_device_mapping", "[]"), type=list[_Disk])
    except msgspec.DecodeError:  # whoever owns an image writes there what they like
        return None
    return next((disk.snapshot_id for disk in disks if disk.source_type == "snapshot" and disk.boot_index == 0), None)


def _taken_with_server(tx: Transaction, request: Request, snapshot_id: str) -> Row:
    try:
        return snapshots.snapshot(tx, request, snapshot_id)
    except NotFound:
        raise NotFound(f"Nova specific image is found, but boot volume snapshot id:{snapshot_id} not found.") from None


@dataclass(frozen=True, slots=True)
class Originals:
    """What a body names: the volume's type, and what it is to be made from."""

    kind: Row | None
    snapshot: Row | None
    image: images.ImageInfo | None
    volume: Row | None
    backup: Row | None
    group: Row | None


def _originals(request: Request, tx: Transaction, body: Mapping[str, Any]) -> Originals:
    """Raises NotFound for the first thing that is not there."""
    kind = types.find(tx, request, body["volume_type"]) if body.get("volume_type") else None
    snapshot = snapshots.snapshot(tx, request, body["snapshot_id"]) if body.get("snapshot_id") is not None else None
    volume = lookup.volume(tx, request, body["source_volid"], hidden=False) if body.get("source_volid") is not None else None
    group = None
    for name in ("consistencygroup_id", "group_id"):
        if body.get(name) is not None and (name != "group_id" or request.at_least(3, 13)):
            group = groups.find_group(tx, request, body[name])
    reference = body.get("image_id", body.get("imageRef"))
    image = find_image(tx, request, reference) if reference is not None else None
    of_server = _boot_snapshot(image) if image is not None and request.at_least(3, 46) else None
    if of_server is not None:
        image, snapshot = None, _taken_with_server(tx, request, of_server)
    backup = backups.find(tx, request, body["backup_id"]) if body.get("backup_id") and request.at_least(3, 47) else None
    return Originals(kind, snapshot, image, volume, backup, group)


def _source(tx: Transaction, given: Originals) -> Source:
    snapshot, volume, backup = given.snapshot, given.volume, given.backup
    if sum(one is not None for one in (snapshot, given.image, volume, backup)) > 1:
        raise invalid_input("May specify only one of backup, imageRef, snapshot, source volume")
    if backup is not None:
        if backup.status not in ("available", "restoring"):
            raise invalid_input("Originating backup status must be one of 'available, restoring' values")
        return _from_backup(backup)
    if snapshot is not None:
        if snapshot.status != "available":
            raise invalid_snapshot("Originating snapshot status must be one of 'available' values")
        return _from_snapshot(tx, snapshot)
    if volume is not None:
        if volume.status not in ("available", "in-use"):
            raise invalid_volume("Originating source volume status must be one of 'available, in-use' values")
        return _like(volume, volume, {"source_volid": volume.id}, "volume")
    return NOTHING


def _size(given: Any, source: Source) -> int:
    """GiB. Raises BadRequest when it is not known, or less than the original has."""
    if given is None and source.size is None:
        raise malformed()
    size = int(given) if given is not None else source.size or 0
    if source.kind == "backup" and size < (source.size or 0):
        raise invalid_input(f"Volume size {size}GB cannot be smaller than the backup size {source.size}GB. It must be >= backup size.")
    if source.size is not None and size < source.size:
        words = {
            "snapshot": f"the snapshot size {source.size}GB. They must be >= original snapshot size.",
            "volume": f"original volume size  {source.size}GB. They must be >= original volume size.",
        }
        raise invalid_input(f"Volume size '{size}'GB cannot be smaller than {words[source.kind]}")
    return size


def check_type_size(kind: Row, size: int) -> None:
    """A type may say how small and how large its volumes are. Raises BadRequest."""
    for key, wrong, words in (
        ("min", lambda limit: size < limit, "less than the minimum required size"),
        ("max", lambda limit: size > limit, "greater than the maximum allowable size"),
    ):
        limit = kind.extra_specs.get(f"provisioning:{key}_vol_size")
        if limit and str(limit).isdigit() and wrong(int(limit)):
            raise invalid_input(f"Specified volume size of '{size}' is {words} of '{limit}' for volume type '{kind.name}'.")


def _check_copied(tx: Transaction, given: Originals, kind: Row) -> None:
    """What is copied keeps the way it is encrypted. Raises BadRequest."""
    for original, advice in (
        (given.volume, "either match source volume, or omit type argument"),
        (given.snapshot, "recommend omitting the type argument"),
    ):
        if original is not None and original.volume_type_id != kind.id:
            before = tx.execute(types.BY_ID, {"the_id": original.volume_type_id}).one()
            if encryption_differs(before, kind):
                raise invalid_input(f"Invalid volume_type provided: {kind.id} (requested type is not compatible; {advice}).")


def _check_zone(given: str | None, kind: Row) -> None:
    zones = [zone.strip() for zone in (kind.extra_specs.get("RESKEY:availability_zones") or "").split(",") if zone.strip()]
    if zones and ZONE not in zones:
        raise BadRequest(f"Volume type is only supported in these availability zones: {zones}", kind="InvalidTypeAvailabilityZones")
    if given and given != ZONE:
        raise BadRequest(f"Availability zone '{given}' is invalid.", kind="InvalidAvailabilityZone")


def create(request: Request, tx: Transaction, body: Mapping[str, Any], backup: Row | None = None, near: str | None = None) -> Row:
    """Write a volume and start its making; `body` is that of the call. Also what other services call, in their own transaction.

    With `backup` the volume is made to restore that one into. `near` is the host it is for: it goes there unless its source is elsewhere.
    """
    given = _originals(request, tx, body)
    image, kind = given.image, given.kind
    request.authorize("volume:create_from_image" if image is not None else "volume:create")
    source = _source(tx, given) if backup is None else _from_backup(backup)
    size = _size(body.get("size"), source)
    if image is not None:
        wanted = image.properties.get("cinder_img_volume_type")
        source = replace(source, input={"image_id": image.id}, bootable_later=True, image_meta=image_metadata(image), type_name=wanted)
    if given.group is not None:
        members.check_new(given.group, kind)
        source = replace(source, group=given.group, host=given.group.host, pool=given.group.pool)
    if kind is None:
        named = source.type_id or source.type_name
        kind = types.find(tx, request, named) if named else types.default(tx, request.caller.project_id)
    if image is not None:
        check_image(image_keys.content(tx, image, encrypted=kind.encryption is not None), size)
    _check_copied(tx, given, kind)
    check_type_size(kind, size)
    _check_zone(body.get("availability_zone"), kind)
    key = keys.columns_for(request.cloud, kind)
    multiattach = kind.extra_specs.get("multiattach") == "<is> True"
    if multiattach and kind.encryption is not None:
        raise invalid_volume("Multiattach cannot be used with encrypted volumes.")
    if multiattach:
        request.authorize("volume:multiattach")
    claims.volume(tx, request, size, kind.name)
    return _write(request, tx, body, source, size, kind, {"multiattach": multiattach, **key}, near)


def _write(
    request: Request,
    tx: Transaction,
    body: Mapping[str, Any],
    source: Source,
    size: int,
    kind: Row,
    decided: Mapping[str, Any],
    near: str | None,
) -> Row:
    """The row, and the operation that makes the volume; without a host it fails at once, and says why."""  # fmt: skip
    place = choice.place(tx, request.cloud, size, kind.extra_specs, source.host or near, source.pool)
    row = VOLUMES.insert(
        tx,
        request,
        {
            "name": body.get("name", body.get("display_name")),
            "description": body.get("description", body.get("display_description")),
            "size": size,
            "status": "creating",
            "availability_zone": ZONE,
            "snapshot_id": source.input.get("snapshot_id"),
            "source_volid": source.input.get("source_volid"),
            "metadata": dict(body.get("metadata") or {}),
            "admin_meta": {},
            "user_id": request.caller.user_id,
            "bootable": source.bootable,
            **decided,
            "volume_type_id": kind.id,
            "service_uuid": place.service_uuid if place else None,
            "host": place.host if place else None,
            "pool": place.pool if place else POOL,
            "group_id": source.group.id if source.group is not None else None,
            "consumes_quota": True,
            "attach_status": "detached",
            "updated_at": None,
        },
    )
    later = {"bootable": source.bootable or source.bootable_later, "image_meta": dict(source.image_meta) if source.image_meta else None}
    where = {"size": size, "host": place.host if place else None}
    request.cloud.start(tx, "create_volume", row.id, {**source.input, **where, **later}, request)
    if source.backup is not None:
        restoring.begin(tx, source.backup, row.id)
    return row
