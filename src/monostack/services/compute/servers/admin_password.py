"""changePassword: a guest changes its password only by an agent inside of it, and hosts here give guests no channel to one."""

from monostack.core.errors import Conflict
from monostack.db import Transaction
from monostack.http import Request
from monostack.http.answers import REFUSED
from monostack.services.compute.parameters import TEXT, fields, is_true, one
from monostack.services.compute.servers.actions import ACTIONS
from monostack.services.compute.servers.lookup import for_action

_BODY = one("changePassword", fields({"adminPass": TEXT}, ("adminPass",)))


@ACTIONS.action("changePassword", body=_BODY, policy="os_compute_api:os-admin-password", answer=REFUSED)
def change_password(request: Request, tx: Transaction) -> None:
    """Refuse to change a server's password, in the words Nova's libvirt driver has for a guest without an agent."""
    server = for_action(request, tx, "os_compute_api:os-admin-password", "changePassword")
    properties = (server.image or {}).get("properties") or {}
    if is_true(properties.get("hw_qemu_guest_agent", False)):
        raise Conflict("Set admin password is not supported")
    raise Conflict("QEMU guest agent is not enabled")
