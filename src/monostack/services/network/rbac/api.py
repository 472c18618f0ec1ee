"""Giving networks and security groups to other projects: `/rbac-policies`."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from monostack.core.errors import Fault
from monostack.db import Transaction
from monostack.http import Request
from monostack.services.network.attributes import Values, is_admin
from monostack.services.network.groups.bindings import bindings
from monostack.services.network.groups.table import GROUPS, get_group
from monostack.services.network.networks import table as networks
from monostack.services.network.networks.table import NETWORKS
from monostack.services.network.ports.table import PORTS
from monostack.services.network.rbac.table import ACTIONS, EVERYBODY, EXTERNAL, POLICIES, SHARED, targets
from monostack.services.network.routers.table import ROUTERS
from monostack.services.network.standard import bump
from monostack.services.network.verbs import Verbs
from monostack.services.network.words import conflict, invalid, refused

_p, _r, _b = PORTS.table.c, ROUTERS.table.c, bindings.c
_PORT_OWNERS = sa.select(_p.project_id).where(_p.network_id == sa.bindparam("object")).distinct()
_ROUTER_OWNERS = sa.select(_r.project_id).where(_r.gw_network_id == sa.bindparam("object")).distinct()
_GROUP_USERS = (
    sa.select(_p.project_id).join(bindings, _b.port_id == _p.id).where(_b.security_group_id == sa.bindparam("object")).distinct()
)


def _owner(tx: Transaction, kind: str, id: str) -> str:
    """The owner of the object. Raises its not-found fault."""
    return networks.get(tx, id).project_id if kind == "network" else get_group(tx, id).project_id


def create_policy(tx: Transaction, request: Request, values: Values) -> Row[Any]:
    kind, id, action, target = values["object_type"], values["object_id"], values["action"], values["target_tenant"]
    if action not in ACTIONS[kind]:
        text = f"Invalid action '{action}' for object type '{kind}'. Valid actions: {', '.join(ACTIONS[kind])}"
        raise refused(text, "InvalidActionForType")
    owner = (NETWORKS if kind == "network" else GROUPS).get(request, tx, id).project_id
    if owner != request.caller.project_id and not is_admin(request):
        raise invalid(f"Only admins can manipulate policies on {'networks' if kind == 'network' else 'objects'} they do not own")
    if target in targets(tx, id, action):
        raise conflict("An RBAC policy already exists with those values.", "DuplicateRbacPolicy")
    if action == EXTERNAL:
        network = networks.get(tx, id)
        if not network.external:
            NETWORKS.change(tx, request, network, {"router:external": True})
    _bump(tx, kind, id)
    return POLICIES.insert(tx, request, values)


def _bump(tx: Transaction, kind: str, id: str) -> None:
    bump(NETWORKS if kind == "network" else GROUPS, tx, [id])


def update_policy(tx: Transaction, request: Request, row: Row[Any], changes: Values) -> Row[Any]:
    target = changes.get("target_tenant", row.target_project)
    if target != row.target_project:
        if target in targets(tx, row.object_id, row.action):
            raise conflict("An RBAC policy already exists with those values.", "DuplicateRbacPolicy")
        _check_unused(tx, row, target)
        _bump(tx, row.object_type, row.object_id)
    return POLICIES.change(tx, request, row, changes)


def delete_policy(tx: Transaction, request: Request, row: Row[Any]) -> None:
    _check_unused(tx, row, None)
    POLICIES.remove(tx, request, row)
    _bump(tx, row.object_type, row.object_id)
    if row.action == EXTERNAL and not targets(tx, row.object_id, EXTERNAL):
        NETWORKS.change(tx, request, networks.get(tx, row.object_id), {"router:external": False})


def _check_unused(tx: Transaction, row: Row[Any], instead: str | None) -> None:
    """Nobody who would lose the object uses it. `instead` gets it in place of the policy's target."""
    owner = _owner(tx, row.object_type, row.object_id)
    left = targets(tx, row.object_id, row.action) - {row.target_project} | ({instead} if instead else set())
    if row.target_project == owner or EVERYBODY in left:
        return
    statement = _GROUP_USERS if row.object_type == "security_group" else _PORT_OWNERS if row.action == SHARED else _ROUTER_OWNERS
    users = {found[0] for found in tx.rows(statement, {"object": row.object_id})} - left - {owner, ""}
    if row.target_project != EVERYBODY:
        users &= {row.target_project}
    if users:
        raise _in_use(row)


def _in_use(row: Row[Any]) -> Fault:
    details = {
        ("network", SHARED): f"Unable to reconfigure sharing settings for network {row.object_id}. Multiple projects are using it.",
        ("network", EXTERNAL): "There are routers attached to this network that depend on this policy for access.",
    }.get((row.object_type, row.action), f"Security Group {row.object_id} in use.")
    text = f"RBAC policy on object {row.object_id} cannot be removed because other objects depend on it.\nDetails: {details}"
    return conflict(text, "RbacPolicyInUse")


VERBS = Verbs(POLICIES, create=create_policy, update=update_policy, delete=delete_policy)
routes = [VERBS.routes()]
