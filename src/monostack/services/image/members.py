"""Members: projects an image is shared with, and whether they want to see it in their lists."""

from typing import Any

import sqlalchemy as sa

from monostack.core import clock
from monostack.core.errors import BadRequest, Conflict, Forbidden, NotFound, TooLarge
from monostack.db import Row, Transaction
from monostack.events import record
from monostack.http import Request, Routes
from monostack.http.answers import ID, TEXT, Record, many
from monostack.resources.style import seconds_z
from monostack.services.image.images import rules
from monostack.services.image.images.image import Image, authorize, find
from monostack.services.image.images.table import image_members
from monostack.services.image.policy import allows, enforce, is_admin
from monostack.services.image.schemas import body_of

routes = Routes("/v2/images/{image_id}/members")
STATUSES = ("pending", "accepted", "rejected")
_m = image_members.c
_id, _member = sa.bindparam("the_id"), sa.bindparam("the_member")
_ALL = sa.select(image_members).where(_m.image_id == _id).order_by(_m.created_at, _m.member_id)
_ONE = sa.select(image_members).where(_m.image_id == _id, _m.member_id == _member)
_COUNT = sa.select(sa.func.count()).select_from(image_members).where(_m.image_id == _id)
_ADD = sa.insert(image_members).returning(image_members)
_CHANGE = (
    sa.update(image_members)
    .where(_m.image_id == _id, _m.member_id == _member)
    .values(status=sa.bindparam("the_status"), updated_at=sa.bindparam("the_time"))
    .returning(image_members)
)
_REMOVE = sa.delete(image_members).where(_m.image_id == _id, _m.member_id == _member)


def _view(row: Row) -> dict[str, Any]:
    return {
        "member_id": row.member_id,
        "image_id": row.image_id,
        "status": row.status,
        "created_at": seconds_z(row.created_at),
        "updated_at": seconds_z(row.updated_at),
        "schema": "/v2/schemas/member",
    }


def _image(tx: Transaction, request: Request) -> Image:
    image_id = request.params["image_id"]
    try:
        return find(tx, request, image_id)
    except NotFound:
        raise NotFound(f"Image {image_id} not found.") from None


def _authorize(request: Request, image: Image, rule: str) -> None:
    """A rule about members: who may not see the image is told that there is none."""
    authorize(request, image, "get_image")
    enforce(request, rule, image.target(request))


def _sees_all(request: Request, image: Image) -> bool:
    return is_admin(request) or image.values["owner"] == request.caller.project_id


def _find(tx: Transaction, request: Request, image: Image) -> Row:
    """The member of the path. Projects know only of their own membership, the owner of all."""
    _authorize(request, image, "get_member")
    member_id = request.params["member_id"]
    row = tx.row(_ONE, {"the_id": image.id, "the_member": member_id})
    if row is None or (member_id != request.caller.project_id and not _sees_all(request, image)):
        raise NotFound(f"{member_id} not found in the member list of the image {image.id}.")
    return row


_MEMBER = Record("Member", {"member_id": TEXT, "image_id": ID, "status": TEXT, "created_at": TEXT, "updated_at": TEXT, "schema": TEXT})


@routes.get("", policy="get_members", answer=Record("", {"members": many(_MEMBER), "schema": TEXT}))
def list_members(request: Request, tx: Transaction) -> dict[str, Any]:
    """List the members of an image."""
    image = _image(tx, request)
    if image.values["visibility"] != "shared":
        raise Forbidden(f"Not allowed to list members for image {image.id}: Only shared images have members.")
    _authorize(request, image, "get_members")
    rows = tx.rows(_ALL, {"the_id": image.id}) if allows(request, "get_member", image.target(request)) else []
    everyone = _sees_all(request, image)
    shown = [_view(row) for row in rows if everyone or row.member_id == request.caller.project_id]
    return {"members": shown, "schema": "/v2/schemas/members"}


@routes.post("", policy="add_member", answer=_MEMBER)
def add_member(request: Request, tx: Transaction) -> dict[str, Any]:
    """Share an image with a project."""
    member_id = _given_member(body_of(request))
    image = _image(tx, request)
    if image.values["visibility"] != "shared":
        raise Forbidden(f"Not allowed to create members for image {image.id}.")
    _authorize(request, image, "add_member")
    return add(tx, request, image, member_id)


def add(tx: Transaction, request: Request, image: Image, member_id: str) -> dict[str, Any]:
    """Share an image with a project. Raises TooLarge, Conflict."""
    count = tx.scalar(_COUNT, {"the_id": image.id}) + 1
    if count > rules.MAX_MEMBERS:
        raise TooLarge(
            f"Image member limit exceeded for image {image.id}: The limit has been exceeded on the number of allowed image members for "
            f"this image. Attempted: {count}, Maximum: {rules.MAX_MEMBERS}:"
        )
    if tx.row(_ONE, {"the_id": image.id, "the_member": member_id}) is not None:
        raise Conflict(f"Member {member_id} is duplicated for image {image.id}")
    now = clock.now().replace(microsecond=0)
    row = tx.execute(_ADD, {"image_id": image.id, "member_id": member_id, "status": "pending", "created_at": now, "updated_at": now}).one()
    record(tx, request, "image.member.create", image.id, image.values["owner"], {"member": member_id})
    return _view(row)


def _given_member(body: Any) -> str:
    if not isinstance(body, dict) or not isinstance(body.get("member", ""), str):
        raise BadRequest('Expected a member in the form: {"member": "image_id"}')
    if "member" not in body:
        raise BadRequest("Member to be added not specified")
    if not body["member"]:
        raise BadRequest("Member can't be empty")
    if len(body["member"]) > 255:
        raise BadRequest("Member must not be longer than 255 characters")
    return body["member"]


@routes.get("/{member_id}", policy="get_member", answer=_MEMBER)
def show_member(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show a member of an image."""
    image = _image(tx, request)
    if image.values["visibility"] != "shared":
        raise NotFound("Only shared images have members.")
    try:
        return _view(_find(tx, request, image))
    except Forbidden as refused:
        raise NotFound(refused.message) from None


@routes.put("/{member_id}", policy="modify_member", answer=_MEMBER)
def update_member(request: Request, tx: Transaction) -> dict[str, Any]:
    """Accept or reject an image that is shared with the caller's project."""
    body = body_of(request)
    if not isinstance(body, dict):
        raise BadRequest('Expected a status in the form: {"status": "status"}')
    if "status" not in body:
        raise BadRequest("Status not specified")
    image = _image(tx, request)
    if image.values["visibility"] != "shared":
        raise Forbidden(f"Not allowed to update members for image {image.id}.")
    row = _find(tx, request, image)
    _authorize(request, image, "modify_member")
    if body["status"] not in STATUSES:
        raise BadRequest('Incorrect request: Status must be "pending", "accepted" or "rejected".')
    now = clock.now().replace(microsecond=0)
    params = {"the_id": image.id, "the_member": row.member_id, "the_status": body["status"], "the_time": now}
    record(tx, request, "image.member.update", image.id, image.values["owner"], {"member": row.member_id, "status": body["status"]})
    return _view(tx.execute(_CHANGE, params).one())


@routes.delete("/{member_id}", policy="delete_member")
def remove_member(request: Request, tx: Transaction) -> None:
    """Stop sharing an image with a project."""
    image = _image(tx, request)
    if image.values["visibility"] != "shared":
        raise Forbidden(f"Not allowed to delete members for image {image.id}.")
    row = _find(tx, request, image)
    _authorize(request, image, "delete_member")
    tx.execute(_REMOVE, {"the_id": image.id, "the_member": row.member_id})
    record(tx, request, "image.member.delete", image.id, image.values["owner"], {"member": row.member_id})
