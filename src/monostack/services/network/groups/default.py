"""The default security group every project has from its first use of the network on."""

from typing import Any

from sqlalchemy.engine import Row

from monostack.db import Transaction
from monostack.http import Request
from monostack.services.network import standard
from monostack.services.network.changes import changed
from monostack.services.network.groups.table import DEFAULT, GROUPS, RULES, default_group

ETHERTYPES = ("IPv4", "IPv6")


def ensure(tx: Transaction, request: Request | None, project_id: str) -> Row[Any]:
    """The project's default group, made if it has none. It lets its members talk to each other and to everybody."""
    found = default_group(tx, project_id)
    if found is not None:
        return found
    values = {"name": DEFAULT, "description": "Default security group", "project_id": project_id, "stateful": True}
    group = standard.insert(GROUPS, tx, request, {**values, "default_of": project_id}, revision=1)
    for ethertype in ETHERTYPES:
        _allow(tx, request, group, "ingress", ethertype, group.id)
    add_egress(tx, request, group)
    return group


def add_egress(tx: Transaction, request: Request | None, group: Row[Any]) -> None:
    """The rules every new group begins with: its members may send."""
    for ethertype in ETHERTYPES:
        _allow(tx, request, group, "egress", ethertype, None)


def _allow(tx: Transaction, request: Request | None, group: Row[Any], direction: str, ethertype: str, remote: str | None) -> None:
    rule = {"security_group_id": group.id, "direction": direction, "ethertype": ethertype, "remote_group_id": remote}
    standard.insert(RULES, tx, request, {**rule, "project_id": group.project_id, "description": None})


async def before_listing(request: Request) -> None:
    """A project sees its default group in the first list already, though lists do not write."""
    project_id = request.caller.project_id
    if project_id is None or await request.db.read(lambda tx: default_group(tx, project_id) is not None):
        return
    if request.allows("create_default_security_group"):
        await request.db.write(lambda tx: _ensure_and_tell(tx, request, project_id))


def _ensure_and_tell(tx: Transaction, request: Request, project_id: str) -> None:
    changed(tx, request.cloud, "group", [ensure(tx, request, project_id).id])
