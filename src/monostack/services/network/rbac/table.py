"""The policies, and what they say about objects."""

from collections.abc import Callable, Iterable
from typing import Any

import sqlalchemy as sa

from monostack.core import ids as identifiers
from monostack.db import Transaction
from monostack.resources import Field, Kind, Resource, Scopes
from monostack.resources.fields import REQUIRED
from monostack.services.network import values
from monostack.services.network.lookup import among, grouped
from monostack.services.network.scopes import scope_of
from monostack.services.network.style import STYLE
from monostack.services.network.values.plain import is_uuid
from monostack.services.network.words import invalid

SHARED = "access_as_shared"
EXTERNAL = "access_as_external"
EVERYBODY = "*"

ACTIONS = {
    "network": (SHARED, EXTERNAL),
    "security_group": (SHARED,),
    "qos_policy": (SHARED,),
    "subnetpool": (SHARED,),
    "address_scope": (SHARED,),
    "address_group": (SHARED,),
}


def _object_type(value: Any) -> str:
    if value not in ACTIONS:
        raise invalid(f"'{value}' is not a valid RBAC object type")
    return value


def _target(value: Any) -> str:
    if value != EVERYBODY and not is_uuid(value):
        raise invalid(f"'{value}' is not a valid target project ID; expected a UUID or '*'")
    return value


_TEXT = {"type": "string"}
_RULE = "create_rbac_policy:"

POLICIES = Resource(
    "rbac_policy",
    "rbac_policies",
    STYLE,
    path="/v2.0/rbac-policies",
    table_name="network_rbac_policies",
    fields=(
        Field("id", values.uuid(), sort=False),
        Field("object_type", Kind(sa.String(32), _TEXT, accept=_object_type), default=REQUIRED, create=_RULE + "object_type", sort=False),
        Field("object_id", values.uuid(), default=REQUIRED, create=_RULE + "object_id", sort=False),
        Field(
            "target_tenant",
            Kind(sa.String(255), _TEXT, accept=_target),
            default=REQUIRED,
            create=_RULE + "target_tenant",
            update="update_rbac_policy:target_tenant",
            column="target_project",
            index=True,
            sort=False,
        ),
        Field("project_id", values.text(), default=REQUIRED, create=True, index=True, sort=False),
        Field("action", values.text(), default=REQUIRED, create=_RULE + "action", sort=False),
    ),
    scopes=Scopes(scope_of, {"all": None, "project": lambda table: table.c.project_id == sa.bindparam("caller_project")}),
    columns=(sa.UniqueConstraint("object_id", "action", "target_project"),),
)
policies = POLICIES.table
_p = policies.c
_INSERT = sa.insert(policies)
_REVOKE = sa.delete(policies).where(
    _p.object_id == sa.bindparam("object"), _p.action == sa.bindparam("what"), _p.target_project == sa.bindparam("target")
)
_REVOKE_ACTION = sa.delete(policies).where(_p.object_id == sa.bindparam("object"), _p.action == sa.bindparam("what"))
_FORGET = sa.delete(policies).where(_p.object_id == sa.bindparam("object"))
_TARGETS = sa.select(_p.target_project).where(_p.object_id == sa.bindparam("object"), _p.action == sa.bindparam("what"))
_SHARED_WITH = sa.select(_p.object_id).where(
    among(_p.object_id), _p.action == SHARED, _p.target_project.in_([EVERYBODY, sa.bindparam("caller_project")])
)


def visible(actions: Iterable[str]) -> Any:
    """The objects that are given to the caller's project or to everybody: a subquery that binds `caller_project`."""
    return sa.select(_p.object_id).where(_p.action.in_(list(actions)), _p.target_project.in_([EVERYBODY, sa.bindparam("caller_project")]))


def is_shared(resource: sa.Table, operator: str, parameter: str) -> Any:
    """A filter `shared=true`, as a condition of a resource."""
    wanted: Any = sa.bindparam(parameter, expanding=True, type_=sa.Boolean)
    return sa.case((resource.c.id.in_(visible((SHARED,))), sa.true()), else_=sa.false()).in_(wanted)


def shared_with(tx: Transaction, ids: Iterable[str], project_id: str | None) -> Callable[[str], bool]:
    """A function that tells whether one of these objects is shared with the project."""
    found = grouped(tx, _SHARED_WITH, ids, caller_project=project_id)
    return lambda id: id in found


def targets(tx: Transaction, object_id: str, action: str) -> set[str]:
    """The projects that an object is given to."""
    return {row[0] for row in tx.rows(_TARGETS, {"object": object_id, "what": action})}


def grant(tx: Transaction, project_id: str, object_type: str, object_id: str, action: str, target: str = EVERYBODY) -> None:
    """Give an object to a project. Nothing happens if it already is."""
    if target not in targets(tx, object_id, action):
        row = {"id": identifiers.new_uuid(), "project_id": project_id, "object_type": object_type}
        tx.execute(_INSERT, {**row, "object_id": object_id, "action": action, "target_project": target})


def revoke(tx: Transaction, object_id: str, action: str, target: str | None = EVERYBODY) -> None:
    """Take it back; with None from all."""
    if target is None:
        tx.execute(_REVOKE_ACTION, {"object": object_id, "what": action})
    else:
        tx.execute(_REVOKE, {"object": object_id, "what": action, "target": target})


def forget(tx: Transaction, object_id: str) -> None:
    """The object is no more."""
    tx.execute(_FORGET, {"object": object_id})
