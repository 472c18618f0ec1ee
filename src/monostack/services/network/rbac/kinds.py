"""What can be given to other projects, and who uses it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import sqlalchemy as sa

from monostack.core.errors import Fault
from monostack.db import Row, Select, Transaction
from monostack.resources import Resource
from monostack.services.network.address_groups.table import ADDRESS_GROUPS
from monostack.services.network.address_scopes.table import ADDRESS_SCOPES
from monostack.services.network.groups.bindings import bindings
from monostack.services.network.groups.table import GROUPS, RULES
from monostack.services.network.networks.table import NETWORKS
from monostack.services.network.pools.table import POOLS
from monostack.services.network.ports.table import PORTS
from monostack.services.network.qos import use
from monostack.services.network.qos.table import POLICIES as QOS_POLICIES
from monostack.services.network.rbac.table import EVERYBODY, EXTERNAL, SHARED, grant, revoke, targets
from monostack.services.network.routers.table import GATEWAY, ROUTERS
from monostack.services.network.subnets.table import SUBNETS
from monostack.services.network.words import conflict

_p, _r, _b, _s, _o, _u = PORTS.table.c, ROUTERS.table.c, bindings.c, SUBNETS.table.c, POOLS.table.c, RULES.table.c
_object = sa.bindparam("object")
Users = Callable[[Transaction, str], set[str]]


def _users(statement: Select) -> Users:
    """The projects a statement finds for an `object`."""
    return lambda tx, id: {row[0] for row in tx.rows(statement, {"object": id})}


@dataclass(frozen=True, eq=False)
class Shareable:
    """A kind of object. `users`: by action, the projects that use one of them because they may.

    `explain`: what the fault says of an object in use; {object} and {project} are replaced. `strict`, as
    Neutron's younger kinds are: its owner may not use it either when it is taken back from everybody, and who is given it in their place is
    not looked at.
    """

    resource: Resource
    users: Mapping[str, Users]
    explain: Mapping[str, str]
    strict: bool = True

    @cached_property
    def _by_id(self) -> Select:
        return sa.select(self.resource.table).where(self.resource.table.c.id == _object)

    def find(self, tx: Transaction, id: str) -> Row | None:
        """An object of the kind, whoever asks."""
        return tx.row(self._by_id, {"object": id})


_GATED = sa.select(_p.device_id).where(_p.network_id == _object, _p.device_owner == GATEWAY)
_PROJECT = {SHARED: "project_id={project}"}

KINDS: Mapping[str, Shareable] = {
    "network": Shareable(
        NETWORKS,
        {
            SHARED: _users(sa.select(_p.project_id).where(_p.network_id == _object).distinct()),
            EXTERNAL: _users(sa.select(_r.project_id).where(_r.id.in_(_GATED)).distinct()),
        },
        {
            SHARED: "Unable to reconfigure sharing settings for network {object}. Multiple projects are using it.",
            EXTERNAL: "There are routers attached to this network that depend on this policy for access.",
        },
        strict=False,
    ),
    "security_group": Shareable(
        GROUPS,
        {
            SHARED: _users(
                sa.select(_p.project_id).join(bindings, _b.port_id == _p.id).where(_b.security_group_id == _object).distinct()
            )
        },
        {SHARED: "Security Group {object} in use."},
        strict=False,
    ),
    "qos_policy": Shareable(QOS_POLICIES, {SHARED: use.projects_using}, _PROJECT),
    "subnetpool": Shareable(POOLS, {SHARED: _users(sa.select(_s.project_id).where(_s.subnetpool_id == _object).distinct())}, _PROJECT),
    "address_scope": Shareable(
        ADDRESS_SCOPES, {SHARED: _users(sa.select(_o.project_id).where(_o.address_scope_id == _object).distinct())}, _PROJECT
    ),
    "address_group": Shareable(
        ADDRESS_GROUPS, {SHARED: _users(sa.select(_u.project_id).where(_u.remote_address_group_id == _object).distinct())}, _PROJECT
    ),
}


def check_unused(tx: Transaction, kind: str, row: Row, action: str, target: str, instead: str | None = None) -> None:
    """Nobody uses the object who would lose it when it is taken from `target` and given to `instead`. Raises RbacPolicyInUse."""
    shareable = KINDS[kind]
    left = targets(tx, row.id, action) - {target}
    if instead is not None and (instead == EVERYBODY or not shareable.strict):
        left = left | {instead}
    if action == EXTERNAL and target == EVERYBODY and row.is_default:
        raise _in_use(row.id, "Default external networks must be shared to everyone.")
    if target == row.project_id or EVERYBODY in left:
        return
    users = shareable.users[action](tx, row.id) - left - {""}
    if not shareable.strict:
        users -= {row.project_id}
    if target != EVERYBODY:
        users &= {target}
    if users:
        raise _in_use(row.id, shareable.explain[action].format(object=row.id, project=target))


def _in_use(object_id: str, details: str) -> Fault:
    text = f"RBAC policy on object {object_id} cannot be removed because other objects depend on it.\nDetails: {details}"
    return conflict(text, "RbacPolicyInUse")


def share(tx: Transaction, kind: str, row: Row, shared: bool) -> None:
    """Give the object to everybody, or take it back. Raises RbacPolicyInUse."""
    if shared:
        grant(tx, row.project_id, kind, row.id, SHARED)
    elif EVERYBODY in targets(tx, row.id, SHARED):
        check_unused(tx, kind, row, SHARED, EVERYBODY)
        revoke(tx, row.id, SHARED)
