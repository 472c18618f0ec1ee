"""Limits per project, for every service alike. Use is never kept: each service counts it from its own rows, so nothing drifts.

A quota class is a set of limits by name; the class `default` stands in for the configured defaults of all projects.
"""

from collections.abc import Mapping

import sqlalchemy as sa

from monostack.db import Id, Name, Transaction, table

quota_limits = table(
    "quota_limits",
    sa.Column("service", Name(32), primary_key=True),
    sa.Column("project_id", Id(300), primary_key=True),  # or the name of a quota class, see quota_class
    sa.Column("resource", Name(), primary_key=True),
    sa.Column("maximum", sa.Integer, nullable=False),  # -1 is unlimited
)

_c = quota_limits.c
_OWN = (_c.service == sa.bindparam("the_service"), _c.project_id == sa.bindparam("the_project"))
_READ = sa.select(_c.resource, _c.maximum).where(*_OWN)
_READ_ALL = sa.select(_c.project_id, _c.resource, _c.maximum).where(_c.service == sa.bindparam("the_service")).order_by(_c.project_id)
_CLEAR = sa.delete(quota_limits).where(*_OWN)
_CLEAR_ONE = sa.delete(quota_limits).where(*_OWN, _c.resource == sa.bindparam("the_resource"))
_SET = sa.insert(quota_limits)
_FORGET = sa.delete(quota_limits).where(_c.service == sa.bindparam("the_service"), _c.resource == sa.bindparam("the_resource"))
_RENAME = (
    sa.update(quota_limits)
    .where(_c.service == sa.bindparam("the_service"), _c.resource == sa.bindparam("the_resource"))
    .values(resource=sa.bindparam("new_name"))
)


def quota_class(name: str) -> str:
    """What to give as the project where the limits of a class are meant. No project's id has a colon."""
    return f"class:{name}"


def own_limits(tx: Transaction, service: str, project_id: str) -> dict[str, int]:
    """The limits that were set for a project or a class."""
    return {row.resource: row.maximum for row in tx.rows(_READ, {"the_service": service, "the_project": project_id})}


def limits(tx: Transaction, service: str, project_id: str, defaults: Mapping[str, int]) -> dict[str, int]:
    """The limits in force for a project: its own where it has them, else the defaults."""
    return {**defaults, **own_limits(tx, service, project_id)}


def set_limits(tx: Transaction, service: str, project_id: str, values: Mapping[str, int]) -> None:
    for resource, maximum in values.items():
        tx.execute(_CLEAR_ONE, {"the_service": service, "the_project": project_id, "the_resource": resource})
        tx.execute(_SET, {"service": service, "project_id": project_id, "resource": resource, "maximum": maximum})


def clear_limits(tx: Transaction, service: str, project_id: str) -> bool:
    """Back to the defaults. Was there a limit of its own?"""
    return tx.execute(_CLEAR, {"the_service": service, "the_project": project_id}).rowcount > 0


def all_limits(tx: Transaction, service: str) -> dict[str, dict[str, int]]:
    """The limits that projects have of their own, by project."""
    found: dict[str, dict[str, int]] = {}
    for row in tx.rows(_READ_ALL, {"the_service": service}):
        found.setdefault(row.project_id, {})[row.resource] = row.maximum
    return found


def rename(tx: Transaction, service: str, resource: str, new_name: str) -> None:
    """A resource has another name now, in every project and class."""
    tx.execute(_FORGET, {"the_service": service, "the_resource": new_name})
    tx.execute(_RENAME, {"the_service": service, "the_resource": resource, "new_name": new_name})


def forget(tx: Transaction, service: str, resource: str) -> None:
    """There is no such resource any more."""
    tx.execute(_FORGET, {"the_service": service, "the_resource": resource})


def room(limit: int, used: int, wanted: int) -> bool:
    """Does what is wanted still fit?"""
    return limit < 0 or used + wanted <= limit
