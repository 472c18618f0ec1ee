"""Giving networks, security groups and the like to other projects: `/rbac-policies`."""


from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.services.network.attributes import Values, is_admin
from monostack.services.network.networks import table as networks
from monostack.services.network.networks.table import NETWORKS
from monostack.services.network.pools import affinity
from monostack.services.network.rbac.kinds import KINDS, check_unused
from monostack.services.network.rbac.table import ACTIONS, EXTERNAL, POLICIES, targets
from monostack.services.network.standard import bump
from monostack.services.network.verbs import Verbs
from monostack.services.network.words import conflict, invalid, not_found, refused


def create_policy(tx: Transaction, request: Request, values: Values) -> Row:
    kind, id, action, target = values["object_type"], values["object_id"], values["action"], values["target_tenant"]
    if action not in ACTIONS[kind]:
        text = f"Invalid action '{action}' for object type '{kind}'. Valid actions: {ACTIONS[kind]}"
        raise refused(text, "InvalidActionForType")
    owner = KINDS[kind].resource.get(request, tx, id).project_id
    if owner != request.caller.project_id and not is_admin(request):
        raise invalid(f"Only admins can manipulate policies on {'networks' if kind == 'network' else 'objects'} they do not own")
    if target in targets(tx, id, action):
        raise conflict("An RBAC policy already exists with those values.", "DuplicateRbacPolicy")
    if kind == "subnetpool":
        affinity.check_given(tx, id, target)
    if action == EXTERNAL:
        network = networks.get(tx, id)
        if not network.external:
            NETWORKS.change(tx, request, network, {"router:external": True})
    _bump(tx, kind, id)
    return POLICIES.insert(tx, request, values)


def _bump(tx: Transaction, kind: str, id: str) -> None:
    """Of all the kinds, only a network counts this as a revision of its own."""
    if kind == "network":
        bump(NETWORKS, tx, [id])


def _object(tx: Transaction, row: Row) -> Row:
    found = KINDS[row.object_type].find(tx, row.object_id)
    if found is None:
        raise not_found(row.object_type, row.object_id)
    return found


def update_policy(tx: Transaction, request: Request, row: Row, changes: Values) -> Row:
    target = changes.get("target_tenant", row.target_project)
    if target != row.target_project:
        if target in targets(tx, row.object_id, row.action):
            raise conflict("An RBAC policy already exists with those values.", "DuplicateRbacPolicy")
        check_unused(tx, row.object_type, _object(tx, row), row.action, row.target_project, target)
        _bump(tx, row.object_type, row.object_id)
    return POLICIES.change(tx, request, row, changes)


def delete_policy(tx: Transaction, request: Request, row: Row) -> None:
    check_unused(tx, row.object_type, _object(tx, row), row.action, row.target_project)
    POLICIES.remove(tx, request, row)
    _bump(tx, row.object_type, row.object_id)
    if row.action == EXTERNAL and not targets(tx, row.object_id, EXTERNAL):
        NETWORKS.change(tx, request, networks.get(tx, row.object_id), {"router:external": False})


VERBS = Verbs(POLICIES, create=create_policy, update=update_policy, delete=delete_policy)
routes = [VERBS.routes()]
