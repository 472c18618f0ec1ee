"""The tags of network resources: what they are called by, and lists by tag."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from monostack.db import Id, Name, Transaction, table
from monostack.services.network.lookup import among, values_of

tags = table(
    "network_tags",
    sa.Column("resource_id", Id(), primary_key=True),
    sa.Column("tag", Name(), primary_key=True, index=True),
)
_TAGS_OF = sa.select(tags.c.resource_id, tags.c.tag).where(among(tags.c.resource_id)).order_by(tags.c.tag)
_DROP = sa.delete(tags).where(tags.c.resource_id == sa.bindparam("of"))
_ADD = sa.insert(tags)


def tags_of(tx: Transaction, ids: Iterable[str]) -> Callable[[str], list[str]]:
    """A function that gives the tags of one of these resources."""
    return values_of(tx, _TAGS_OF, ids)


def set_tags(tx: Transaction, id: str, wanted: Sequence[str]) -> None:
    """Give a resource these tags and no others."""
    tx.execute(_DROP, {"of": id})
    for tag in dict.fromkeys(wanted):
        tx.execute(_ADD, {"resource_id": id, "tag": tag})


def drop_tags(tx: Transaction, id: str) -> None:
    """The resource is no more."""
    tx.execute(_DROP, {"of": id})


def _with_all(resource: sa.Table, count: str, parameter: str) -> Any:
    having = sa.select(tags.c.resource_id).where(among(tags.c.tag, parameter)).group_by(tags.c.resource_id)
    return resource.c.id.in_(having.having(sa.func.count() == int(count)))


def _with_any(resource: sa.Table, count: str, parameter: str) -> Any:
    return resource.c.id.in_(sa.select(tags.c.resource_id).where(among(tags.c.tag, parameter)))


CONDITIONS: Mapping[str, Callable[[sa.Table, str, str], Any]] = {
    "tags": _with_all,
    "tags-any": _with_any,
    "not-tags": lambda *given: ~_with_all(*given),
    "not-tags-any": lambda *given: ~_with_any(*given),
}
"""Filters of every resource that has tags; their values are read by `listed`."""


def listed(given: Sequence[str]) -> tuple[str, list[str]]:
    """The operator and the value of such a filter: how many tags, and which. Tags are listed with commas."""
    wanted = list(dict.fromkeys(tag for text in given for tag in text.split(",")))
    return str(len(wanted)), wanted
