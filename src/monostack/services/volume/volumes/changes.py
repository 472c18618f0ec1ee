"""Actions that change a volume: its size, type, flags, and what it remembers of its image."""

from typing import Any

from monostack.core import clock
from monostack.core.errors import NotFound
from monostack.db import Row, Transaction
from monostack.http import Request, Response
from monostack.http.answers import TEXT, envelope, mapping
from monostack.services.volume import keys
from monostack.services.volume.attachments.table import holders
from monostack.services.volume.dialect import accepted
from monostack.services.volume.hosts.capabilities import capable
from monostack.services.volume.hosts.choice import Place
from monostack.services.volume.hosts.table import enrol
from monostack.services.volume.messages.messages import NO_BACKEND, SCHEDULE, tell
from monostack.services.volume.parameters import FLAG, IMAGE_METADATA, SIZE, as_flag, enveloped, fields
from monostack.services.volume.quotas import claims
from monostack.services.volume.snapshots.table import of_volume as snapshots_of
from monostack.services.volume.types import table as types
from monostack.services.volume.types.encryption import encryption_differs
from monostack.services.volume.volumes import migration
from monostack.services.volume.volumes.actions import actions
from monostack.services.volume.volumes.creation import check_type_size
from monostack.services.volume.volumes.deletion import NOT_MIGRATING
from monostack.services.volume.volumes.lookup import named
from monostack.services.volume.volumes.table import VOLUMES, set_volume
from monostack.services.volume.words import invalid_input, invalid_volume

IMAGE_RULES = "volume_extension:volume_image_metadata"
NO_RETYPE = (
    "Retype needs volume to be in available or in-use state, not be part of an active migration or a consistency group, requested type has "
    "to be different that the one from the volume, and for in-use volumes front-end qos specs cannot change."
)


@actions.action("os-extend", body=enveloped("os-extend", fields(("new_size",), new_size=SIZE)), policy="volume:extend")
def extend(request: Request, tx: Transaction) -> None:
    """Make the volume larger; with 3.42 also while a server has it."""
    row, size = named(tx, request), int(request.body["os-extend"]["new_size"])
    attached = request.at_least(3, 42) and row.status == "in-use"
    request.authorize("volume:extend_attached_volume" if attached else "volume:extend", VOLUMES.target(row))
    if size <= row.size:
        raise invalid_input(f"New size for extend must be greater than current size. (current: {row.size}, extended: {size}).")
    kind = tx.execute(types.BY_ID, {"the_id": row.volume_type_id}).one()
    check_type_size(kind, size)
    expected = "in-use" if attached else "available"
    if row.status != expected:
        raise invalid_volume(f"Volume {row.id} status must be '{{'status': '{expected}'}}' to extend, currently {row.status}.")
    claims.extension(tx, request.cloud, row, size, kind.name)
    set_volume(tx, row.id, status="extending", previous_status=row.status)
    started = clock.now().isoformat(timespec="microseconds")
    data = {"host": row.host, "size": size, "server_ids": holders(tx, row.id), "started": started}
    request.cloud.start(tx, "extend_volume", row.id, data, request, row.project_id)


_BOOTABLE = enveloped("os-set_bootable", fields(("bootable",), bootable=FLAG))


@actions.action("os-set_bootable", status=200, body=_BOOTABLE, policy="volume:update")
def set_bootable(request: Request, tx: Transaction) -> None:
    """Say whether a server can boot from the volume."""
    row = named(tx, request)
    request.authorize("volume:update", VOLUMES.target(row))
    if row.status == "maintenance":
        raise invalid_volume("The volume cannot be updated during maintenance.")
    VOLUMES.change(tx, request, row, {"bootable": as_flag(request.body["os-set_bootable"]["bootable"])})


@actions.action(
    "os-update_readonly_flag",
    body=enveloped("os-update_readonly_flag", fields(("readonly",), readonly=FLAG)),
    policy="volume:update_readonly_flag",
)
def update_readonly(request: Request, tx: Transaction) -> None:
    """Say whether servers may only read the volume."""
    row = named(tx, request)
    request.authorize("volume:update_readonly_flag", VOLUMES.target(row))
    if row.status != "available":
        raise invalid_volume(f"Volume {row.id} status must be available to update readonly flag, but current status is: {row.status}.")
    read_only = as_flag(request.body["os-update_readonly_flag"]["readonly"])
    VOLUMES.change(tx, request, row, {"admin_meta": {**row.admin_meta, "readonly": str(read_only)}})


_RETYPE = fields(("new_type",), new_type={"type": "string"}, migration_policy={"type": ["string", "null"], "enum": ["on-demand", "never"]})


@actions.action("os-retype", body=enveloped("os-retype", _RETYPE), policy="volume:retype")
def retype(request: Request, tx: Transaction) -> None:
    """Give the volume another type. When that asks for another back end or encryption, the volume is copied if the caller lets it."""
    row = named(tx, request)
    request.authorize("volume:retype", VOLUMES.target(row))
    kind = types.find(tx, request, request.body["os-retype"]["new_type"], anyones=True)
    check_type_size(kind, row.size)
    multiattach = kind.extra_specs.get("multiattach") == "<is> True"
    if multiattach != row.multiattach:
        if row.status != "available":
            raise invalid_input(
                "Invalid volume_type passed, retypes affecting multiattach are only allowed on available volumes, the specified volume "
                f"however currently has a status of: {row.status}."
            )
        if multiattach:
            request.authorize("volume:multiattach", VOLUMES.target(row))
    if multiattach and kind.encryption is not None:
        raise invalid_input("Retype requested both encryption and multi-attach, which is not supported.")
    claims.retype(tx, request, row, kind.name)
    if row.status not in ("available", "in-use") or row.migration_status not in NOT_MIGRATING:
        raise invalid_volume(NO_RETYPE)
    if row.group_id is not None or row.volume_type_id == kind.id:
        raise invalid_volume(NO_RETYPE)
    _change_type(request, tx, row, kind)


def _here(row: Row) -> Place:
    return Place(row.host, row.pool, row.service_uuid)


def _change_type(request: Request, tx: Transaction, row: Row, kind: Row) -> None:
    new = {"volume_type_id": kind.id, "multiattach": kind.extra_specs.get("multiattach") == "<is> True"}
    here = [one for one in enrol(tx, request.cloud, row.host) if one.pool == row.pool] if row.host is not None else []
    fits = any(capable(kind.extra_specs, one) for one in here)
    rekeyed = encryption_differs(tx.execute(types.BY_ID, {"the_id": row.volume_type_id}).one(), kind)
    if fits and not rekeyed and new["multiattach"] != row.multiattach:
        migration.begin(request, tx, row, _here(row), "retyping", new)
        return
    if fits and not rekeyed:
        VOLUMES.change(tx, request, row, new)
        return
    place = None
    if request.body["os-retype"].get("migration_policy") == "on-demand":
        place = _here(row) if fits else migration.elsewhere(request, tx, row, kind)
    if place is None and not fits:
        tell(tx, request, SCHEDULE, NO_BACKEND, row.id, row.project_id)
    # What may not be copied, or has snapshots, stays as it is, as with Cinder.
    if place is not None and not snapshots_of(tx, row.id):
        key = keys.columns_for(request.cloud, kind) if rekeyed else {}
        migration.begin(request, tx, row, place, "retyping", {**new, **key})


_SET_IMAGE = enveloped("os-set_image_metadata", fields(("metadata",), metadata=IMAGE_METADATA))


_METADATA = envelope("metadata", mapping(TEXT))


@actions.action("os-set_image_metadata", status=200, body=_SET_IMAGE, policy=f"{IMAGE_RULES}:set", answer=_METADATA)
def set_image_metadata(request: Request, tx: Transaction) -> Any:
    """Add to what the volume remembers of its image."""
    row = named(tx, request)
    request.authorize(f"{IMAGE_RULES}:set", VOLUMES.target(row))
    request.authorize("volume:update_volume_metadata", VOLUMES.target(row))
    if row.status in ("maintenance", "uploading"):
        raise invalid_volume(f"Updating volume metadata is not allowed for volumes in {row.status} status.")
    items = {**(row.image_meta or {}), **request.body["os-set_image_metadata"]["metadata"]}
    VOLUMES.change(tx, request, row, {"image_meta": items})
    return {"metadata": items}


@actions.action(
    "os-show_image_metadata",
    mode="read",
    status=200,
    body=enveloped("os-show_image_metadata", {}),
    policy="volume:get_volume_metadata",
    answer=_METADATA,
)
def show_image_metadata(request: Request, tx: Transaction) -> Any:
    """Show what the volume remembers of its image."""
    row = named(tx, request)
    request.authorize("volume:get_volume_metadata", VOLUMES.target(row))
    if not row.image_meta:
        raise _no_image(row)
    return {"metadata": row.image_meta}


def _no_image(row: Row) -> NotFound:
    return NotFound(f"Glance metadata for volume/snapshot {row.id} cannot be found.", kind="GlanceMetadataNotFound")


_UNSET_IMAGE = enveloped("os-unset_image_metadata", fields(("key",), key={"type": "string", "minLength": 1, "maxLength": 255}))


@actions.action("os-unset_image_metadata", status=200, body=_UNSET_IMAGE, policy=f"{IMAGE_RULES}:remove")
def unset_image_metadata(request: Request, tx: Transaction) -> Response:
    """Forget one item of what the volume remembers of its image."""
    row, key = named(tx, request), request.body["os-unset_image_metadata"]["key"]
    request.authorize(f"{IMAGE_RULES}:remove", VOLUMES.target(row))
    if key not in (row.image_meta or {}):
        raise _no_image(row)
    if row.status in ("maintenance", "uploading"):
        raise invalid_volume(f"Deleting volume metadata is not allowed for volumes in {row.status} status.")
    VOLUMES.change(tx, request, row, {"image_meta": {name: value for name, value in row.image_meta.items() if name != key}})
    return accepted(200)
