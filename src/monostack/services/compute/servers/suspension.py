"""Pause and suspend: the guest stands still, with its memory where it is or on the disk of its host."""

from monostack.db import Transaction
from monostack.http import Request
from monostack.services.compute.parameters import ANYTHING, one
from monostack.services.compute.servers.actions import ACTIONS
from monostack.services.compute.servers.lookup import for_action
from monostack.services.compute.servers.power import begin
from monostack.services.compute.servers.states import PAUSING, RESUMING, SUSPENDING, UNPAUSING


@ACTIONS.action("pause", body=one("pause", ANYTHING), policy="os_compute_api:os-pause-server:pause")
def pause_server(request: Request, tx: Transaction) -> None:
    """Have a running server stand still."""
    server = for_action(request, tx, "os_compute_api:os-pause-server:pause", "pause")
    begin(request, tx, server, "pause", "pause_server", PAUSING)


@ACTIONS.action("unpause", body=one("unpause", ANYTHING), policy="os_compute_api:os-pause-server:unpause")
def unpause_server(request: Request, tx: Transaction) -> None:
    """Let a paused server go on."""
    server = for_action(request, tx, "os_compute_api:os-pause-server:unpause", "unpause")
    begin(request, tx, server, "unpause", "unpause_server", UNPAUSING)


@ACTIONS.action("suspend", body=one("suspend", ANYTHING), policy="os_compute_api:os-suspend-server:suspend")
def suspend_server(request: Request, tx: Transaction) -> None:
    """Keep a running server's memory on its host's disk and turn it off."""
    server = for_action(request, tx, "os_compute_api:os-suspend-server:suspend", "suspend")
    begin(request, tx, server, "suspend", "suspend_server", SUSPENDING)


@ACTIONS.action("resume", body=one("resume", ANYTHING), policy="os_compute_api:os-suspend-server:resume")
def resume_server(request: Request, tx: Transaction) -> None:
    """Let a suspended server go on."""
    server = for_action(request, tx, "os_compute_api:os-suspend-server:resume", "resume")
    begin(request, tx, server, "resume", "resume_server", RESUMING)
