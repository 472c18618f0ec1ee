"""The settings: one of each project, and one of the whole cloud."""

from typing import Any

import sqlalchemy as sa

from monostack.db import Name, Transaction
from monostack.resources import Field, Resource, Scopes
from monostack.services.network import values
from monostack.services.network.scopes import scope_of
from monostack.services.network.style import STYLE

CLOUD = ""  # instead of a project


def _own(table: sa.Table) -> Any:
    return table.c.project_id == sa.bindparam("caller_project")


SETTINGS = Resource(
    "security_group_default_statefulness",
    "security_groups_default_statefulness",
    STYLE,
    path="/v2.0/security-groups-default-statefulness",
    fields=(
        Field("id", values.uuid()),
        Field("project_id", values.nullable(values.text()), create=True, nullable=True),
        Field("stateful", values.boolean(), default=True, create=True, update=True),
    ),
    scopes=Scopes(scope_of, {"all": None, "project": _own}),
    columns=(sa.Column("said_of", Name(), nullable=False, unique=True),),  # the project, or CLOUD
)

_s = SETTINGS.table.c
_OF = sa.select(_s.stateful).where(_s.said_of.in_([sa.bindparam("project"), CLOUD])).order_by(_s.said_of.desc()).limit(1)
_EXISTS = sa.select(_s.id).where(_s.said_of == sa.bindparam("project"))


def exists(tx: Transaction, project_id: str | None) -> bool:
    return tx.scalar(_EXISTS, {"project": project_id or CLOUD}) is not None


def default_for(tx: Transaction, project_id: str) -> bool:
    """What a group of this project is if nobody says: as its own setting says, else that of the cloud, else stateful."""
    said = tx.scalar(_OF, {"project": project_id})
    return said is None or bool(said)
