"""The hierarchy of projects: what is above and below one."""

from collections.abc import Sequence

import sqlalchemy as sa

from monostack.db import Row, Transaction
from monostack.services.identity.projects.table import projects

_start = sa.select(projects.c.id, sa.literal(0).label("depth")).where(projects.c.parent_id == sa.bindparam("project"))
_below = _start.cte("below", recursive=True)
_below = _below.union_all(sa.select(projects.c.id, _below.c.depth + 1).where(projects.c.parent_id == _below.c.id))
BELOW = sa.select(projects).join(_below, _below.c.id == projects.c.id).order_by(_below.c.depth, projects.c.id)

_first = sa.select(projects.c.id, projects.c.parent_id, sa.literal(0).label("depth")).where(projects.c.id == sa.bindparam("project"))
_above = _first.cte("above_project", recursive=True)
_above = _above.union_all(sa.select(projects.c.id, projects.c.parent_id, _above.c.depth + 1).where(projects.c.id == _above.c.parent_id))
ABOVE = sa.select(projects).join(_above, _above.c.id == projects.c.id).where(_above.c.depth > 0).order_by(_above.c.depth)

_CHILD = sa.select(projects.c.id).where(projects.c.parent_id == sa.bindparam("project")).limit(1)


def below(tx: Transaction, project_id: str) -> Sequence[Row]:
    """All projects under a project (or domain), nearest first."""
    return tx.rows(BELOW, {"project": project_id})


def parents(tx: Transaction, project_id: str) -> Sequence[Row]:
    """The projects a project is under, nearest first; its domain is not among them."""
    return tx.rows(ABOVE, {"project": project_id})


def is_leaf(tx: Transaction, project_id: str) -> bool:
    return tx.row(_CHILD, {"project": project_id}) is None
