"""The security groups of a server: listed, added and removed. They are those of its ports."""

from typing import Any

from monostack.core.errors import BadRequest, Conflict, NotFound
from monostack.db import Row, Transaction
from monostack.events import record
from monostack.http import Request, Routes
from monostack.http.answers import envelope, many
from monostack.services.compute.parameters import fields, one
from monostack.services.compute.proxies.answers import GROUP
from monostack.services.compute.proxies.security_group_views import group_views
from monostack.services.compute.servers import table
from monostack.services.compute.servers.actions import ACTIONS
from monostack.services.compute.servers.lookup import visible
from monostack.services.network import facade as network

_BODY = fields({"name": {"type": "string", "minLength": 1}}, ("name",))

routes = Routes("/v2.1/servers")


@routes.get("/{id}/os-security-groups", policy="os_compute_api:os-security-groups:list", answer=envelope("security_groups", many(GROUP)))
def list_security_groups(request: Request, tx: Transaction) -> Any:
    """List a server's security groups."""
    server = visible(request, tx)
    request.authorize("os_compute_api:os-security-groups:list", {"project_id": server.project_id})
    ids = sorted({group for port in network.ports_of(tx, [server.id])[server.id] for group in port.security_groups})
    groups = network.proxied.list_all(tx, request, "security_group", id=ids) if ids else []
    return {"security_groups": group_views(request, tx, groups)}


def _server_and_group(request: Request, tx: Transaction, action: str, rule: str) -> tuple[Row, str]:
    server = visible(request, tx)
    request.authorize(f"os_compute_api:os-security-groups:{rule}", {"project_id": server.project_id})
    name = request.body[action]["name"]
    if not name.strip():
        raise BadRequest("Security group name cannot be empty")
    try:
        return server, network.find_security_groups(tx, request, [name])[0]
    except Conflict:
        raise
    except BadRequest:
        raise NotFound(f"Security group {name} is not found for project {request.caller.project_id}") from None


@ACTIONS.action("addSecurityGroup", body=one("addSecurityGroup", _BODY), policy="os_compute_api:os-security-groups:add")
def add_security_group(request: Request, tx: Transaction) -> None:
    """Put a server into a security group."""
    server, group = _server_and_group(request, tx, "addSecurityGroup", "add")
    network.change_security_groups(tx, request.cloud, request, server.id, add=[group])
    table.update(tx, server.id)
    record(tx, request, "server.add_security_group", server.id, server.project_id, {"security_group_id": group})


@ACTIONS.action("removeSecurityGroup", body=one("removeSecurityGroup", _BODY), policy="os_compute_api:os-security-groups:remove")
def remove_security_group(request: Request, tx: Transaction) -> None:
    """Take a server out of a security group."""
    server, group = _server_and_group(request, tx, "removeSecurityGroup", "remove")
    if not network.change_security_groups(tx, request.cloud, request, server.id, remove=[group]):
        raise NotFound(f"Security group {request.body['removeSecurityGroup']['name']} not associated with the instance {server.id}")
    table.update(tx, server.id)
    record(tx, request, "server.remove_security_group", server.id, server.project_id, {"security_group_id": group})
