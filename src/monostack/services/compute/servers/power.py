"""Start, stop and reboot."""

from typing import Any

from monostack.db import Row, Transaction
from monostack.events import record
from monostack.http import Request
from monostack.services.compute.parameters import ANYTHING, fields, one
from monostack.services.compute.servers import history, table
from monostack.services.compute.servers.actions import ACTIONS
from monostack.services.compute.servers.lookup import authorize, check_state, for_action, visible
from monostack.services.compute.servers.states import POWERING_OFF, POWERING_ON, REBOOTING, REBOOTING_HARD


def begin(request: Request, tx: Transaction, server: Row, action: str, workflow: str, task_state: str | None, **more: Any) -> None:
    """Write what is going to be done to a server, and start doing it."""
    table.update(tx, server.id, task_state=task_state, progress=0)
    history.start(tx, request, server.id, action)
    record(tx, request, f"server.{action}", server.id, server.project_id)
    request.cloud.start(tx, workflow, server.id, history.input_of(server, **more), request, server.project_id)


@ACTIONS.action("os-start", body=one("os-start", ANYTHING), policy="os_compute_api:servers:start")
def start_server(request: Request, tx: Transaction) -> None:
    """Start a stopped server."""
    server = for_action(request, tx, "os_compute_api:servers:start", "start")
    begin(request, tx, server, "start", "start_server", POWERING_ON)


@ACTIONS.action("os-stop", body=one("os-stop", ANYTHING), policy="os_compute_api:servers:stop")
def stop_server(request: Request, tx: Transaction) -> None:
    """Shut a server down."""
    server = for_action(request, tx, "os_compute_api:servers:stop", "stop")
    begin(request, tx, server, "stop", "stop_server", POWERING_OFF)


_TYPES = ["HARD", "Hard", "hard", "SOFT", "Soft", "soft"]
_REBOOT = one("reboot", fields({"type": {"type": "string", "enum": _TYPES}}, ("type",)))


@ACTIONS.action("reboot", body=_REBOOT, policy="os_compute_api:servers:reboot")
def reboot_server(request: Request, tx: Transaction) -> None:
    """Restart a server: soft asks its guest first, hard pulls the plug."""
    hard = request.body["reboot"]["type"].upper() == "HARD"
    server = visible(request, tx)
    authorize(request, "os_compute_api:servers:reboot", server)
    check_state(request, server, "reboot-hard" if hard else "reboot-soft", "reboot")
    if hard:
        request.cloud.cancel(tx, server.id)  # a soft reboot that hangs is what a hard one is for
    begin(request, tx, server, "reboot", "reboot_server", REBOOTING_HARD if hard else REBOOTING, hard=hard)
