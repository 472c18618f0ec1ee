"""POST /servers/{id}/remote-consoles and the actions it replaced in 2.6; /os-console-auth-tokens."""

from typing import Any
from urllib.parse import urlencode

from monostack.agentlink import CommandFailed, CommandTimeout, HostUnreachable
from monostack.core import ids
from monostack.core.errors import BadRequest, Conflict, NotFound
from monostack.db import Row, Transaction
from monostack.http import Request, Routes, answers
from monostack.http.answers import REFUSED, Record, envelope
from monostack.protocol.guests import FindConsole
from monostack.services.compute.consoles import tokens
from monostack.services.compute.dialect import server_not_found
from monostack.services.compute.parameters import ANYTHING, Json, fields, one, query
from monostack.services.compute.servers.actions import ACTIONS
from monostack.services.compute.servers.lookup import check_state, visible
from monostack.services.compute.servers.states import BUILDING

PATH = "/console"  # of the WebSocket, below the cloud's address
_WITHIN = 20.0  # seconds a host has to say where the console is
_MALFORMED = "The server could not comply with the request since it is either malformed or otherwise incorrect."

routes = Routes("/v2.1")


def _find(request: Request, tx: Transaction, console_type: str, *, own: bool) -> Row:
    """The server. `own`: the policy is asked about the caller, not about the server's project."""
    if own:
        request.authorize("os_compute_api:os-remote-consoles")
    server = visible(request, tx)
    if not own:
        request.authorize("os_compute_api:os-remote-consoles", {"project_id": server.project_id})
    check_state(request, server, "remote_console", f"get_{tokens.KINDS.get(console_type, console_type)}_console")
    return server


async def _url(request: Request, server: Row, console_type: str) -> str:
    """The URL of a console with a new token in it. Raises BadRequest where the host has no such console, NotFound, Conflict."""
    try:
        found = await request.cloud.hosts.call(
            server.host, "guest.find_console", FindConsole(server.id, tokens.KINDS[console_type]), id=ids.new_uuid(), timeout=_WITHIN
        )
    except CommandFailed as error:
        if error.code == "console.unavailable":
            raise BadRequest(f"Unavailable console type {console_type}.") from None
        raise (Conflict(f"Instance {server.id} is not ready") if server.vm_state == BUILDING else server_not_found(server.id)) from None
    except (CommandTimeout, HostUnreachable):
        raise Conflict("The host of this server does not answer: try again later.") from None
    lifetime = request.cloud.config.console.token_lifetime
    token = await request.db.write(lambda tx: tokens.issue(tx, server, console_type, found["host"], found["port"], lifetime))
    if console_type == "novnc":
        return f"{request.app_url}{PATH}/vnc_lite.html?" + urlencode({"path": f"{PATH[1:]}?token={token}"})
    return f"ws{request.app_url.removeprefix('http')}{PATH}?token={token}"


# --- from 2.6 on -----------------------------------------------------------------------------------------------------------

_PROTOCOLS = ("vnc", "spice", "serial", "rdp")
_TYPES = ("novnc", "xvpvnc", "spice-html5", "serial", "rdp-html5")


def _create(protocols: tuple[str, ...], types: tuple[str, ...]) -> Json:
    choice = {"protocol": {"type": "string", "enum": list(protocols)}, "type": {"type": "string", "enum": list(types)}}
    return one("remote_console", fields(choice, ("protocol", "type")))


_CREATE = [
    ((2, 6), _create(_PROTOCOLS, _TYPES)),
    ((2, 8), _create((*_PROTOCOLS, "mks"), (*_TYPES, "webmks"))),
    ((2, 99), _create((*_PROTOCOLS, "mks"), (*_TYPES, "webmks", "spice-direct"))),
]


@routes.post(
    "/servers/{id}/remote-consoles",
    policy="os_compute_api:os-remote-consoles",
    mode="async",
    since=(2, 6),
    body=_CREATE,
    answer=envelope("remote_console", Record("RemoteConsole", {"protocol": answers.TEXT, "type": answers.TEXT, "url": answers.TEXT})),
)
async def create_remote_console(request: Request) -> Any:
    """Get the URL of a server's console."""
    asked = request.body["remote_console"]
    protocol, console_type = asked["protocol"], asked["type"]
    server = await request.db.read(lambda tx: _find(request, tx, console_type, own=False))
    if protocol == "rdp":
        raise BadRequest(_MALFORMED)
    if protocol not in tokens.KINDS.values():
        raise BadRequest(f"Unavailable console type {console_type}.")
    if tokens.KINDS.get(console_type) != protocol:
        raise BadRequest(f"Invalid console type {console_type}")
    return {"remote_console": {**asked, "url": await _url(request, server, console_type)}}


# --- until 2.5 -------------------------------------------------------------------------------------------------------------


_CONSOLE = envelope("console", Record("Console", {"type": answers.TEXT, "url": answers.TEXT}))


def _old(name: str, types: tuple[str, ...]) -> None:
    async def get_console(request: Request) -> Any:
        """Get the URL of a server's console."""
        console_type = request.body[name]["type"]
        server = await request.db.read(lambda tx: _find(request, tx, console_type, own=True))
        if console_type not in tokens.KINDS:
            raise BadRequest(f"Unavailable console type {console_type}.")
        return {"console": {"type": console_type, "url": await _url(request, server, console_type)}}

    body = one(name, fields({"type": {"type": "string", "enum": list(types)}}, ("type",)))
    answer = _CONSOLE if set(types) & set(tokens.KINDS) else REFUSED
    ACTIONS.add(
        name, get_console, mode="async", status=200, body=body, until=(2, 5), policy="os_compute_api:os-remote-consoles", answer=answer
    )


async def _no_rdp(request: Request) -> Any:
    """RDP consoles went with the hypervisor that had them."""
    raise BadRequest(_MALFORMED)


_old("os-getVNCConsole", ("novnc", "xvpvnc"))
_old("os-getSPICEConsole", ("spice-html5",))
_old("os-getSerialConsole", ("serial",))
ACTIONS.add("os-getRDPConsole", _no_rdp, mode="async", body=ANYTHING, until=(2, 5), answer=REFUSED)


# --- tokens ----------------------------------------------------------------------------------------------------------------


_IN_TOKEN = {
    "instance_uuid": answers.ID,
    "host": answers.TEXT,
    "port": answers.INTEGER,
    "internal_access_path": answers.maybe(answers.TEXT),
}
_TLS = {"tls_port": answers.since((2, 99), answers.maybe(answers.INTEGER))}
_TOKEN = envelope("console", Record("ConsoleToken", {**_IN_TOKEN, **_TLS}))


@routes.get(
    "/os-console-auth-tokens/{id}",
    policy="os_compute_api:os-console-auth-tokens",
    query=[((0, 0), query({})), ((2, 99), query({}, strict=True))],
    answer=_TOKEN,
)
def show_console_token(request: Request, tx: Transaction) -> Any:
    """Show what a console's token lets in to."""
    if not request.at_least(2, 31):
        raise BadRequest(_MALFORMED)
    request.authorize("os_compute_api:os-console-auth-tokens")
    found = tokens.redeem(tx, request.params["id"])
    if found is None:
        raise NotFound("Token not found")
    console = {"instance_uuid": found.server_id, "host": found.address, "port": found.port, "internal_access_path": None}
    return {"console": console}
