"""What goes with a user, group, project or domain that is deleted and that no foreign key takes along."""

import sqlalchemy as sa

from monostack.db import Transaction
from monostack.services.identity.assignments.table import assignments

_ACTOR = sa.delete(assignments).where(assignments.c.actor_type == sa.bindparam("kind"), assignments.c.actor_id == sa.bindparam("id"))
_TARGET = sa.delete(assignments).where(assignments.c.target_type == sa.bindparam("kind"), assignments.c.target_id == sa.bindparam("id"))


def forget_user(tx: Transaction, user_id: str) -> None:
    tx.execute(_ACTOR, {"kind": "user", "id": user_id})


def forget_group(tx: Transaction, group_id: str) -> None:
    tx.execute(_ACTOR, {"kind": "group", "id": group_id})


def forget_target(tx: Transaction, kind: str, id: str) -> None:
    tx.execute(_TARGET, {"kind": kind, "id": id})
