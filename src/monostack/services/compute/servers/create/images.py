"""The image of a new server, and whether the flavor is large enough for it."""

from typing import TYPE_CHECKING, Any

from monostack.core.errors import BadRequest, Conflict, NotFound
from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.protocol.guests import ImageSource
from monostack.services.compute import hardware
from monostack.services.image import facade as image

if TYPE_CHECKING:
    from monostack.cloud import Cloud

GIB = 1 << 30


def find(tx: Transaction, request: Request, image_id: str) -> image.ImageInfo:
    """Raises BadRequest in Nova's words."""
    try:
        return image.get(tx, request, image_id)
    except NotFound:
        raise BadRequest("Can not find requested image") from None


def require_bootable(found: image.ImageInfo) -> None:
    """Raises BadRequest for an image that is known not to be one of a system that boots."""
    if found.properties.get("cinder_encryption_key_id"):
        reason = "Direct booting of an image uploaded from an encrypted volume is unsupported."
        raise BadRequest(f"Image {found.id} is unacceptable: {reason}")


def check(found: image.ImageInfo, memory_mb: int, root_gb: int, *, local_root: bool, volume_gib: int | None = None) -> None:
    """Raises BadRequest when a server of this size could not run from this image."""
    if found.status != "active":
        raise BadRequest(f"Image {found.id} is not active.")
    option = found.properties.get("img_config_drive", "optional")
    if option not in ("optional", "mandatory"):
        raise BadRequest(f"Image's config drive option '{option}' is invalid")
    check_memory(memory_mb, found.min_ram)
    hardware.check_properties(found.properties)
    least = found.min_disk * GIB
    if not local_root:
        if volume_gib is not None and volume_gib * GIB < least:
            raise BadRequest(
                "Volume is smaller than the minimum size specified in image metadata. Volume size is "
                f"{volume_gib * GIB} bytes, minimum size is {least} bytes."
            )
        return
    check_disk(root_gb, found.size or 0, found.min_disk, found.virtual_size or 0)


def check_memory(memory_mb: int, min_ram: int) -> None:
    """Raises BadRequest when an image wants more memory (MiB) than the flavor has."""
    if memory_mb < min_ram:
        raise BadRequest("Flavor's memory is too small for requested image.")


def check_disk(root_gb: int, size: int, min_disk: int, virtual_size: int) -> None:
    """Raises BadRequest when an image (bytes, GiB, bytes) does not fit on the flavor's root disk (GiB)."""
    room, least = root_gb * GIB, min_disk * GIB
    if room and size > room:
        raise BadRequest(f"Flavor's disk is too small for requested image. Flavor disk is {room} bytes, image is {size} bytes.")
    if room and least > room:
        raise BadRequest(
            "Flavor's disk is smaller than the minimum size specified in image metadata. Flavor disk is "
            f"{room} bytes, minimum size is {least} bytes."
        )
    if room and virtual_size > room:
        raise BadRequest(f"Flavor's disk is too small for requested image. Flavor disk is {room} bytes, image is {virtual_size} bytes.")


def source(tx: Transaction, cloud: "Cloud", found: image.ImageInfo) -> ImageSource:
    """Raises BadRequest for an image that no host can boot."""
    try:
        return image.source(tx, cloud, found.id)
    except (Conflict, NotFound) as fault:
        raise BadRequest(f"Image {found.id} is unacceptable: {fault.message}") from None


def disk_config(found: image.ImageInfo | None, asked: str | None) -> str:
    """AUTO or MANUAL. Raises BadRequest when the image forbids AUTO."""
    said = str((found.properties if found else {}).get("auto_disk_config", "")).strip().lower()
    if asked == "AUTO" and said == "disabled":
        raise BadRequest(f"Requested image {found.id if found else ''} has automatic disk resize disabled.")
    if asked is not None:
        return asked
    return "AUTO" if said in ("true", "1", "yes", "on", "t", "y") else "MANUAL"


def check_disk_config(server: Row, asked: str | None) -> None:
    """Raises BadRequest when AUTO is asked for and the image of the server forbids it."""
    if asked == "AUTO" and ((server.image or {}).get("properties") or {}).get("auto_disk_config") == "disabled":
        raise BadRequest(f"Requested image {server.image_id} has automatic disk resize disabled.")


def is_mandatory_config_drive(properties: Any) -> bool:
    return properties.get("img_config_drive") == "mandatory"
