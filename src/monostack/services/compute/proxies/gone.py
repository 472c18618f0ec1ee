"""What Nova no longer does, and still answers: mostly that it is gone. Bare metal it hands to a service that is not built."""

from collections.abc import Awaitable, Callable
from typing import Any

from monostack.core.errors import BadRequest, Gone, NotBuilt
from monostack.http import Request, Routes
from monostack.http.actions import Actions
from monostack.http.answers import REFUSED
from monostack.services.compute.proxies import LAST

_GONE = """
/os-agents                                       GET POST
/os-agents/{id}                                  PUT DELETE
/os-cells                                        GET POST
/os-cells/capacities                             GET
/os-cells/detail                                 GET
/os-cells/info                                   GET
/os-cells/sync_instances                         POST
/os-cells/{id}                                   GET PUT DELETE
/os-cells/{id}/capacities                        GET
/os-certificates                                 POST
/os-certificates/{id}                            GET
/os-cloudpipe                                    GET POST
/os-cloudpipe/{id}                               PUT
/os-fixed-ips/{id}                               GET
/os-floating-ip-dns                              GET
/os-floating-ip-dns/{id}                         PUT DELETE
/os-floating-ip-dns/{id}/entries/{name}          GET PUT DELETE
/os-floating-ips-bulk                            GET POST
/os-floating-ips-bulk/{id}                       GET PUT
/os-fping                                        GET
/os-fping/{id}                                   GET
/os-networks                                     POST
/os-networks/add                                 POST
/os-networks/{id}                                DELETE
/os-security-group-default-rules                 GET POST
/os-security-group-default-rules/{id}            GET DELETE
/os-tenant-networks                              POST
/os-tenant-networks/{id}                         DELETE
/servers/{id}/consoles                           GET POST
/servers/{id}/consoles/{key}                     GET DELETE
/servers/{id}/os-virtual-interfaces              GET
"""


async def answer(request: Request) -> Any:
    """Gone for good."""
    raise Gone("This resource is no longer available. No forwarding address is given.")


_ACTIONS = {
    "/os-fixed-ips/{id}/action": ("reserve", "unreserve"),
    "/os-networks/{id}/action": ("disassociate", "disassociate_host", "disassociate_project", "associate_host"),
}

routes = Routes("/v2.1")
for line in _GONE.strip().splitlines():
    path, *methods = line.split()
    for method in methods:
        routes.add(method, path, answer, "async", answer=REFUSED)
for path, names in _ACTIONS.items():
    actions = Actions()
    for name in names:
        actions.add(name, answer, mode="async", answer=REFUSED)
    actions.mount(routes, path)


# --- bare metal ----------------------------------------------------------------------------------------------------------

bare_metal = Routes("/v2.1/os-baremetal-nodes")
_INSTEAD = {("POST", ""): "node-create", ("DELETE", "/{id}"): "node-delete"}
_NODE_ACTIONS = {"add_interface": "port-create", "remove_interface": "port-delete"}


def _refusal(command: str) -> Callable[[Request], Awaitable[Any]]:
    async def refuse(request: Request) -> Any:
        """Nova only read bare-metal nodes."""
        raise BadRequest(f"Command not supported. Please use Ironic command {command} to perform this action.")

    return refuse


async def _not_built(request: Request) -> Any:
    """There is no bare-metal service."""
    request.authorize("os_compute_api:os-baremetal-nodes:list", {})
    raise NotBuilt("There is no baremetal service in this cloud.")


bare_metal.add("GET", "", _not_built, "async", policy="os_compute_api:os-baremetal-nodes:list", until=LAST, answer=REFUSED)
bare_metal.add("GET", "/{id}", _not_built, "async", policy="os_compute_api:os-baremetal-nodes:show", until=LAST, answer=REFUSED)
for (method, path), command in _INSTEAD.items():
    bare_metal.add(method, path, _refusal(command), "async", until=LAST, answer=REFUSED)
actions = Actions()
for name, command in _NODE_ACTIONS.items():
    actions.add(name, _refusal(command), mode="async", answer=REFUSED)
actions.mount(bare_metal, "/{id}/action", until=LAST)
