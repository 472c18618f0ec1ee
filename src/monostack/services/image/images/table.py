"""The tables of images and their statements."""

from typing import Any

import sqlalchemy as sa

from monostack.db import Flag, Id, Json, Name, Timestamp, table

images = table(
    "images",
    sa.Column("id", Id(36), primary_key=True),
    sa.Column("name", Name()),
    sa.Column("status", Name(30), nullable=False, index=True),
    sa.Column("visibility", Name(9), nullable=False, index=True),
    sa.Column("owner", Name(), index=True),
    sa.Column("disk_format", Name(20)),
    sa.Column("container_format", Name(20)),
    sa.Column("min_disk", sa.Integer, nullable=False),
    sa.Column("min_ram", sa.Integer, nullable=False),
    sa.Column("size", sa.BigInteger),
    sa.Column("virtual_size", sa.BigInteger),
    sa.Column("checksum", Name(32)),
    sa.Column("os_hash_algo", Name(64)),
    sa.Column("os_hash_value", Name(128)),
    sa.Column("sha512", Name(128)),  # for hosts, whichever hash the image shows
    sa.Column("locations", Json),  # where users say the bits are, with their metadata; they are in the store too
    sa.Column("protected", Flag, nullable=False),
    sa.Column("os_hidden", Flag, nullable=False),
    sa.Column("created_at", Timestamp, nullable=False, index=True),
    sa.Column("updated_at", Timestamp, nullable=False),
    # Whoever writes the bits of an image holds it with a token until a time, seconds on the database's clock, that it moves on.
    sa.Column("writer", Id()),
    sa.Column("writer_until", sa.Float),
    sa.Column("staged", Json),  # what was found out about staged bits; they become the image's when it is imported
)
image_properties = table(
    "image_properties",
    sa.Column("image_id", sa.ForeignKey("images.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("name", Name(), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
    sa.Index("ix_image_properties_name", "name"),
)
image_tags = table(
    "image_tags",
    sa.Column("image_id", sa.ForeignKey("images.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("value", Name(), primary_key=True, index=True),
)
image_members = table(
    "image_members",
    sa.Column("image_id", sa.ForeignKey("images.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("member_id", Name(), primary_key=True, index=True),
    sa.Column("status", Name(20), nullable=False),
    sa.Column("created_at", Timestamp, nullable=False),
    sa.Column("updated_at", Timestamp, nullable=False),
)

SHOWN = (
    "name", "disk_format", "container_format", "visibility", "size", "virtual_size", "status", "checksum", "protected", "min_ram",
    "min_disk", "owner", "os_hidden", "os_hash_algo", "os_hash_value", "id", "created_at", "updated_at",
)  # fmt: skip
SETTABLE = ("name", "visibility", "min_disk", "min_ram", "protected", "owner", "disk_format", "container_format", "os_hidden")
SAVED = (*SETTABLE, "locations")

_i, _m = images.c, image_members.c
_caller: Any = sa.bindparam("caller_project", type_=sa.String)


def shared_with(status: str | None) -> sa.ColumnElement[bool]:
    """The image is shared with the caller's project; with a parameter name, only if the member has that status."""
    member = sa.select(sa.literal(1)).where(_m.image_id == _i.id, _m.member_id == _caller)
    if status is not None:
        member = member.where(_m.status == sa.bindparam(status))
    return sa.and_(_i.visibility == "shared", member.correlate(images).exists())


# An image that nobody owns is everybody's.
VISIBLE = sa.or_(_i.visibility.in_(("public", "community")), _i.owner == _caller, _i.owner.is_(None), shared_with(None))

_ONE = sa.select(images).where(_i.id == sa.bindparam("the_id"))
GET = {True: _ONE, False: _ONE.where(VISIBLE)}  # by whether the caller is an administrator
_p, _t = image_properties.c, image_tags.c
_ids: Any = sa.bindparam("the_ids", expanding=True)
ATTRIBUTES = (  # properties and tags of images; a tag has no value
    sa.select(_p.image_id, _p.name, _p.value)
    .where(_p.image_id.in_(_ids))
    .union_all(sa.select(_t.image_id, _t.value, sa.null().cast(sa.Text)).where(_t.image_id.in_(_ids)))
)
INSERT = sa.insert(images)
ADD_PROPERTIES = sa.insert(image_properties)
ADD_TAGS = sa.insert(image_tags)
DELETE = sa.delete(images).where(_i.id == sa.bindparam("the_id"))
TOUCH = sa.update(images).where(_i.id == sa.bindparam("the_id")).values(updated_at=sa.bindparam("the_time"))
SAVE = (
    sa.update(images)
    .where(_i.id == sa.bindparam("the_id"))
    .values({**{name: sa.bindparam(f"v_{name}", type_=_i[name].type) for name in SAVED}, "updated_at": sa.bindparam("the_time")})
)
SET_STATUS = (
    sa.update(images)
    .where(_i.id == sa.bindparam("the_id"), _i.status == sa.bindparam("the_old"))
    .values(status=sa.bindparam("the_new"), updated_at=sa.bindparam("the_time"))
)
REMOVE_PROPERTIES = sa.delete(image_properties).where(
    _p.image_id == sa.bindparam("the_id"), _p.name.in_(sa.bindparam("names", expanding=True))
)
REMOVE_TAGS = sa.delete(image_tags).where(_t.image_id == sa.bindparam("the_id"), _t.value.in_(sa.bindparam("values", expanding=True)))
