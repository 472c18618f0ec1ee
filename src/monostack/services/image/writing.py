"""Who may write the bits of an image now: one writer at a time, holding the image with a token that it renews.

A writer that dies leaves its token behind; once its time is over the reconciler gives the image back, so that it can be uploaded again.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from monostack.core import clock, ids
from monostack.core.errors import BadRequest, Conflict
from monostack.db import Json, Transaction
from monostack.events import record
from monostack.operations.store import now as database_now
from monostack.services.image.images.image import STORE, Image
from monostack.services.image.images.table import images
from monostack.services.image.store import HASH, Content

LEASE = 60.0  # seconds a writer holds an image without renewing
RENEWAL = 15.0
EMPTY = Content(0, hashlib.md5(usedforsecurity=False).hexdigest(), hashlib.sha512().hexdigest())

_i = images.c
_id, _token, _until = sa.bindparam("the_id"), sa.bindparam("the_token"), sa.bindparam("the_until")
_HELD = (_i.id == _id, _i.writer == _token)
_NO_WRITER: dict[str, Any] = {"writer": None, "writer_until": None}
_NO_BITS: dict[str, Any] = {**_NO_WRITER, "status": "queued", "size": None, "virtual_size": None, "staged": None, "locations": None}
_TAKE = (
    sa.update(images)
    .where(_i.id == _id, _i.status == "queued")
    .values(status=sa.bindparam("the_status"), writer=_token, writer_until=_until, updated_at=sa.bindparam("the_time"))
)
_RENEW = sa.update(images).where(*_HELD).values(writer_until=_until)
_FINISHED = {
    **_NO_WRITER,
    "status": "active",
    "staged": None,
    "size": sa.bindparam("the_size"),
    "virtual_size": sa.bindparam("the_virtual_size"),
    "checksum": sa.bindparam("the_checksum"),
    "sha512": sa.bindparam("the_sha512"),
    "os_hash_algo": sa.bindparam("the_algorithm"),
    "os_hash_value": sa.bindparam("the_hash"),
    "updated_at": sa.bindparam("the_time"),
}
_FINISH = sa.update(images).where(*_HELD, _i.status == "saving").values(_FINISHED)
_FINISH_IMPORT = sa.update(images).where(_i.id == _id, _i.status == "importing").values(_FINISHED)
_STAGE = (
    sa.update(images)
    .where(*_HELD, _i.status == "uploading")
    .values(**_NO_WRITER, size=sa.bindparam("the_size"), staged=sa.bindparam("the_staged", type_=Json), updated_at=sa.bindparam("the_time"))
)
_GIVE_BACK = sa.update(images).where(*_HELD, _i.status.in_(("saving", "uploading"))).values(_NO_BITS)
_IMPORT = (
    sa.update(images)
    .where(_i.id == _id, _i.status.in_(("queued", "uploading")))
    .values(status="importing", locations=sa.bindparam("the_locations", type_=Json))
)
_HOLD_IMPORT = sa.update(images).where(_i.id == _id, _i.status == "importing").values(writer=_token, writer_until=_until)
_IMPORT_FAILED = sa.update(images).where(_i.id == _id, _i.status == "importing").values(_NO_BITS)
CLAIMS = ("checksum", "os_hash_algo", "os_hash_value")
_CLAIM = sa.update(images).where(_i.id == _id).values({name: sa.bindparam(f"the_{name}") for name in CLAIMS})
# Not what is being imported: its operation is resumed.
GIVE_BACK_STALE = (
    sa.update(images)
    .where(_i.writer_until < sa.bindparam("the_now"), _i.status != "importing")
    .values(_NO_BITS)
    .returning(_i.id)
)
EXPIRE_ALL = sa.update(images).where(_i.writer.is_not(None)).values(writer_until=0.0)


def _time() -> str:
    return clock.now().replace(microsecond=0).isoformat(timespec="microseconds")


def take(tx: Transaction, image: Image, status: str, token: str | None = None) -> str:
    """Hold a queued image while its bits arrive. Returns the token. Raises Conflict unless it is queued, BadRequest without formats."""
    if image.status != "queued":
        raise Conflict(f"Image status transition from {image.status} to {status} is not allowed")
    if status == "saving":
        check_formats(image.values)
    token = token or ids.new_uuid()
    params = {"the_id": image.id, "the_status": status, "the_token": token, "the_until": database_now(tx) + LEASE, "the_time": _time()}
    tx.execute(_TAKE, params)
    return token


def check_formats(values: Mapping[str, Any]) -> None:
    missing = [name for name in ("disk_format", "container_format") if not values[name]]
    if missing:
        noun = "Property" if len(missing) == 1 else "Properties"
        raise BadRequest(f"{noun} {', '.join(missing)} must be set prior to saving data.")


def renew(tx: Transaction, image_id: str, token: str) -> bool:
    """False if the image is gone or held by somebody else."""
    return tx.execute(_RENEW, {"the_id": image_id, "the_token": token, "the_until": database_now(tx) + LEASE}).rowcount == 1


def _content(content: Content, algorithm: str = HASH) -> dict[str, Any]:
    return {
        "the_size": content.size,
        "the_virtual_size": content.virtual_size,
        "the_checksum": content.checksum,
        "the_sha512": content.sha512,
        "the_algorithm": algorithm,
        "the_hash": content.digest or content.sha512,
        "the_time": _time(),
    }


def finish(tx: Transaction, request: Any, image: Image, token: str, content: Content) -> bool:
    """The bits are there: the image is active. False if it has been deleted meanwhile."""
    done = tx.execute(_FINISH, {"the_id": image.id, "the_token": token, **_content(content)}).rowcount == 1
    if done:
        record(tx, request, "image.upload", image.id, image.values["owner"], {"size": content.size})
    return done


def claim(tx: Transaction, image_id: str, shown: Mapping[str, str]) -> None:
    """Let an image show the `checksum`, `os_hash_algo` and `os_hash_value` that its users claim, or none, instead of those of its bits."""
    tx.execute(_CLAIM, {"the_id": image_id, **{f"the_{name}": shown.get(name) for name in CLAIMS}})


def activate_empty(tx: Transaction, request: Any, image: Image) -> None:
    """Make a queued image active without any bits. There is no file then."""
    finish(tx, request, image, take(tx, image, "saving"), EMPTY)
    image.values.update(status="active", size=0, checksum=EMPTY.checksum, os_hash_algo=HASH, os_hash_value=EMPTY.sha512)


def begin_import(tx: Transaction, image_id: str, location: str | None = None) -> None:
    """`location` is where its users say that the bits are."""
    locations = None if location is None else [{"url": location, "metadata": {"store": STORE}}]
    tx.execute(_IMPORT, {"the_id": image_id, "the_locations": locations})


def hold_import(tx: Transaction, image_id: str, token: str) -> bool:
    """Hold an image while its import fetches the bits; whoever held it before no longer does. False if it has been deleted meanwhile."""
    params = {"the_id": image_id, "the_token": token, "the_until": database_now(tx) + LEASE}
    return tx.execute(_HOLD_IMPORT, params).rowcount == 1


def fail_import(tx: Transaction, image_id: str) -> bool:
    """The image is queued again. False if it has been deleted meanwhile."""
    return tx.execute(_IMPORT_FAILED, {"the_id": image_id}).rowcount == 1


def finish_import(tx: Transaction, image_id: str, content: Content, algorithm: str = HASH) -> bool:
    """The image is active, and shows its hash by the algorithm. False if it has been deleted meanwhile."""
    return tx.execute(_FINISH_IMPORT, {"the_id": image_id, **_content(content, algorithm)}).rowcount == 1


def stage(tx: Transaction, image_id: str, token: str, content: Content) -> bool:
    """The bits are staged and wait for their import. False if the image has been deleted meanwhile."""
    staged = {name: getattr(content, name) for name in content.__struct_fields__}
    params = {"the_id": image_id, "the_token": token, "the_size": content.size, "the_staged": staged, "the_time": _time()}
    return tx.execute(_STAGE, params).rowcount == 1


def give_back(tx: Transaction, image_id: str, token: str) -> None:
    """The bits did not arrive: the image is queued again."""
    tx.execute(_GIVE_BACK, {"the_id": image_id, "the_token": token})
