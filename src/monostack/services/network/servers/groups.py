"""The security groups of servers: those of their ports."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Row

from monostack.db import Transaction
from monostack.http import Request
from monostack.services.network.groups.bindings import groups_of
from monostack.services.network.groups.table import find_groups, rules_of
from monostack.services.network.ports.table import find_many
from monostack.services.network.ports.update import update_port
from monostack.services.network.servers.read import ports_of


@dataclass(frozen=True, slots=True)
class RuleInfo:
    """A rule as compute's old API shows it. `remote_group` is (name, project) of the group it lets in."""

    id: str
    direction: str
    protocol: str | None
    port_min: int | None
    port_max: int | None
    remote_cidr: str | None
    remote_group: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class GroupInfo:
    id: str
    name: str
    description: str
    project_id: str
    rules: tuple[RuleInfo, ...]


def security_groups_of(tx: Transaction, server_id: str) -> list[GroupInfo]:
    """The groups of the server's ports with their rules, by name."""
    ports = ports_of(tx, [server_id])[server_id]
    groups = find_groups(tx, sorted({group for port in ports for group in port.security_groups}))
    rules = rules_of(tx, list(groups))
    remote = find_groups(tx, sorted({r.remote_group_id for found in rules.values() for r in found if r.remote_group_id} - set(groups)))
    every = {**groups, **remote}
    shown = [
        GroupInfo(id, row.name, row.description, row.project_id, tuple(_rule(rule, every) for rule in rules.get(id, ())))
        for id, row in groups.items()
    ]
    return sorted(shown, key=lambda group: (group.project_id, group.name))


def _rule(row: Row[Any], groups: dict[str, Row[Any]]) -> RuleInfo:
    group = groups.get(row.remote_group_id) if row.remote_group_id else None
    remote = (group.name, group.project_id) if group is not None else None
    return RuleInfo(row.id, row.direction, row.protocol, row.port_range_min, row.port_range_max, row.remote_ip_prefix, remote)


def change_security_groups(
    tx: Transaction, cloud: Any, request: Request, server_id: str, add: Sequence[str] = (), remove: Sequence[str] = ()
) -> bool:
    """Put the server's ports into groups and take them out of others; ports without port security stay as they are.

    False: there was nothing to take out.
    """
    ports = [port for port in ports_of(tx, [server_id])[server_id] if port.port_security and port.fixed_ips]
    rows = find_many(tx, [port.id for port in ports])
    present = groups_of(tx, list(rows))
    touched = False
    for id, row in rows.items():
        held = present(id)
        wanted = [group for group in held if group not in remove] + [group for group in add if group not in held]
        if wanted != held:
            update_port(tx, cloud, request, row, {"security_groups": wanted})
            touched = True
    return touched
