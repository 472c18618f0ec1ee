"""The console log, and the password a guest left for its owner."""

from typing import Any

from monostack.agentlink import CommandFailed, CommandTimeout, HostUnreachable
from monostack.core import ids
from monostack.core.errors import Conflict, NotFound
from monostack.db import Row, Transaction
from monostack.http import Request, Response, Routes
from monostack.http.answers import envelope
from monostack.protocol.guests import ConsoleLog
from monostack.services.compute.parameters import fields, one
from monostack.services.compute.servers import answers, table
from monostack.services.compute.servers.actions import ACTIONS
from monostack.services.compute.servers.lookup import authorize, for_action, visible

_LENGTH = {"type": ["integer", "string", "null"], "pattern": "^-?[0-9]+$", "minimum": -1}
_BODY = one("os-getConsoleOutput", fields({"length": _LENGTH}))


@ACTIONS.action(
    "os-getConsoleOutput",
    mode="async",
    status=200,
    body=_BODY,
    policy="os_compute_api:os-console-output",
    answer=envelope("output", answers.TEXT),
)
async def console_output(request: Request) -> Response:
    """What the guest wrote to its serial console: the last `length` lines, or all that is kept."""

    def find(tx: Transaction) -> Row:
        return for_action(request, tx, "os_compute_api:os-console-output", "os-getConsoleOutput")

    server = await request.db.read(find)
    given = request.body["os-getConsoleOutput"].get("length")
    lines = None if given is None or int(given) < 0 else int(given)
    try:
        answer = await request.cloud.hosts.call(
            server.host, "guest.console_log", ConsoleLog(server.id, lines), id=ids.new_uuid(), timeout=20.0
        )
    except CommandFailed as error:
        if error.code == "guest.not_found":
            raise Conflict(f"Instance {server.id} is not ready") from None
        raise NotFound("Unable to get console log for this server: " + error.message) from None
    except (CommandTimeout, HostUnreachable):
        raise Conflict("The host of this server does not answer: try again later.") from None
    # XML's control characters never reach a client, as in Nova.
    text = "".join(c for c in answer["output"] if c in "\t\n\r" or ord(c) >= 32)
    # A last line that has ended counts as two in Nova: itself, and the empty one that begins after it.
    return Response({"output": text if lines is None else "\n".join(text.split("\n")[-lines:] if lines else [])})


routes = Routes("/v2.1/servers")


@routes.get("/{id}/os-server-password", policy="os_compute_api:os-server-password:show", answer=envelope("password", answers.TEXT))
def show_password(request: Request, tx: Transaction) -> Any:
    """Show the password the guest left, encrypted with the server's key."""
    server = visible(request, tx)
    authorize(request, "os_compute_api:os-server-password:show", server)
    return {"password": server.guest_password or ""}


@routes.delete("/{id}/os-server-password", policy="os_compute_api:os-server-password:clear")
def clear_password(request: Request, tx: Transaction) -> None:
    """Forget the password the guest left."""
    server = visible(request, tx)
    authorize(request, "os_compute_api:os-server-password:clear", server)
    table.update(tx, server.id, guest_password=None)
