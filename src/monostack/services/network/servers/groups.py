"""The security groups of servers: those of their ports."""

from collections.abc import Sequence
from typing import Any

from monostack.db import Transaction
from monostack.http import Request
from monostack.services.network.groups.bindings import groups_of
from monostack.services.network.ports.table import find_many
from monostack.services.network.ports.update import update_port
from monostack.services.network.servers.read import ports_of


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
