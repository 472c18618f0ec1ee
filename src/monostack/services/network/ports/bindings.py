"""A port on several hosts: the one it is on, and those it may go to. Source: Neutron's extension binding-extended.

The active binding is part of the port. Others wait in a table of their own until one is activated, as a server that migrates does.
"""

from typing import Any

import sqlalchemy as sa

from monostack.core.errors import Fault, NotFound
from monostack.db import Id, Row, Transaction
from monostack.http import Request, Routes
from monostack.http.answers import OBJECT, TEXT
from monostack.protocol.network import bridge_name
from monostack.resources import Field, Resource
from monostack.resources.fields import REQUIRED
from monostack.services.network import documents, values
from monostack.services.network.attributes import accept_create, accept_update, body
from monostack.services.network.ports.binding import vif_type
from monostack.services.network.ports.table import BOUND, FAILED, PORTS, UNBOUND, VNIC_TYPES
from monostack.services.network.ports.table import get as get_port
from monostack.services.network.ports.update import update_port
from monostack.services.network.style import STYLE, only_fields
from monostack.services.network.words import bad, bad_request, conflict, forbidden, no_resource

OWNERS = ("compute:", "manila:")
ACTIVE, INACTIVE = "ACTIVE", "INACTIVE"

BINDINGS = Resource(
    "binding",
    "bindings",
    STYLE,
    path="/v2.0/ports/{id}/bindings",
    table_name="network_port_bindings",
    fields=(
        Field("id", values.uuid(), view=False),
        Field("host", values.text(), default=REQUIRED, create=True, update=True),
        Field("vif_type", values.text(64)),
        Field("vnic_type", values.choice(*VNIC_TYPES), default="normal", create=True, update=True),
        Field("profile", values.object_or_none(), create=True, update=True),
        Field("project_id", values.text(), create=True, view=False, column=None),
    ),
    adds={"status": TEXT, "vif_details": OBJECT},
    columns=(
        sa.Column("port_id", Id(), sa.ForeignKey("ports.id", ondelete="CASCADE"), nullable=False),
        sa.UniqueConstraint("port_id", "host"),
    ),
)
_b = BINDINGS.table.c
_OF_PORT = sa.select(BINDINGS.table).where(_b.port_id == sa.bindparam("port")).order_by(_b.host)

routes = Routes(BINDINGS.path)


def _show(port_network: str, host: str, kind: str, vnic_type: str, profile: Any, status: str) -> dict[str, Any]:
    details = {"port_filter": True, "connectivity": "l2", "bridge_name": bridge_name(port_network)} if kind == BOUND else {}
    shown = {"host": host, "vif_type": kind, "vnic_type": vnic_type, "profile": profile or {}, "status": status}
    return {**shown, "vif_details": details}


def _all(tx: Transaction, port: Row) -> dict[str, dict[str, Any]]:
    """The bindings by host, the active one first."""
    found = {port.host: _show(port.network_id, port.host, port.vif_type, port.vnic_type, port.profile, ACTIVE)}
    for row in tx.rows(_OF_PORT, {"port": port.id}):
        found[row.host] = _show(port.network_id, row.host, row.vif_type, row.vnic_type, row.profile, INACTIVE)
    return found


def _missing(port_id: str, host: str) -> Fault:
    return NotFound(f"Binding for port {port_id} for host {host} could not be found.", kind="PortBindingNotFound")


def _port(request: Request, tx: Transaction, rule: str) -> Row:
    """The port of the path, which must be a server's; the rule is asked first."""
    if not request.allows(rule):
        raise forbidden(f"rule:{rule}") if request.allows("get_port_binding") else no_resource()
    port = PORTS.get(request, tx, request.params["id"])
    if not port.device_owner.startswith(OWNERS):
        raise bad_request("port", f"Invalid port {port.id}. Operation only valid on compute and shared filesystem ports")
    return port


def _waiting(tx: Transaction, port: Row, host: str) -> Row:
    for row in tx.rows(_OF_PORT, {"port": port.id}):
        if row.host == host:
            return row
    raise _missing(port.id, host)


def _reach(tx: Transaction, port: Row, host: str) -> str:
    kind = vif_type(tx, host)
    if kind == FAILED:
        raise conflict(f"Binding for port {port.id} on host {host} could not be created or updated.", "PortBindingError")
    return kind


@routes.get("", policy="get_port_binding", answer=BINDINGS.answer_list)
def list_bindings(request: Request, tx: Transaction) -> Any:
    """List the hosts a port is bound to."""
    if not request.allows("get_port_binding"):
        return {"bindings": []}
    return {"bindings": only_fields(request, _all(tx, _port(request, tx, "get_port_binding")).values())}


@routes.get("/{host}", policy="get_port_binding", answer=BINDINGS.answer_one)
def show_binding(request: Request, tx: Transaction) -> Any:
    """Show one."""
    port, host = _port(request, tx, "get_port_binding"), request.params["host"]
    found = _all(tx, port).get(host)
    if found is None:
        raise _missing(port.id, host)
    return {"binding": only_fields(request, [found])[0]}


@routes.post("", policy="create_port_binding", status=201, body_document=documents.creation(BINDINGS), answer=BINDINGS.answer_one)
def create_binding(request: Request, tx: Transaction) -> Any:
    """Bind a port to a further host; to its first one if it has none."""
    given = accept_create(request, BINDINGS, body(request, BINDINGS))
    port, host = _port(request, tx, "create_port_binding"), given["host"]
    if host in _all(tx, port):
        raise conflict(f"Binding for port {port.id} on host {host} already exists.", "PortBindingAlreadyExists")
    profile, kind = given.get("profile") or {}, _reach(tx, port, host)
    if port.vif_type == UNBOUND:
        changes = {"binding:host_id": host, "binding:vnic_type": given["vnic_type"], "binding:profile": profile}
        update_port(tx, request.cloud, None, port, changes)
    else:
        BINDINGS.insert(tx, request, {**given, "profile": profile, "vif_type": kind, "port_id": port.id})
    return {"binding": _all(tx, get_port(tx, port.id))[host]}


@routes.put("/{host}", policy="update_port", body_document=documents.change(BINDINGS), answer=BINDINGS.answer_one)
def update_binding(request: Request, tx: Transaction) -> Any:
    """Change the profile or the kind of NIC of a binding."""
    changes = accept_update(request, BINDINGS, body(request, BINDINGS))
    port, host = _port(request, tx, "context_is_admin"), request.params["host"]
    if changes.pop("host", host) != host:
        raise bad("Cannot update read-only attribute host")
    if "profile" in changes:
        changes["profile"] = changes["profile"] or {}
    if host == port.host:
        update_port(tx, request.cloud, None, port, {f"binding:{name}": value for name, value in changes.items()})
    else:
        BINDINGS.change(tx, request, _waiting(tx, port, host), changes)
    return {"binding": _all(tx, get_port(tx, port.id))[host]}


@routes.put("/{host}/activate", policy="activate", body_document={"type": ["object", "null"]}, answer=BINDINGS.answer_one)
def activate(request: Request, tx: Transaction) -> Any:
    """Let the port be on this host; the host it was on waits now, unplugged."""
    port, host = _port(request, tx, "activate"), request.params["host"]
    if host == port.host:
        raise conflict(f"Binding for port {port.id} on host {host} is already active.", "PortBindingAlreadyActive")
    waiting = _waiting(tx, port, host)
    BINDINGS.remove(tx, request, waiting)
    before = {"host": port.host, "vif_type": UNBOUND, "vnic_type": port.vnic_type, "profile": {}, "port_id": port.id}
    BINDINGS.insert(tx, request, before)
    unbound = update_port(tx, request.cloud, None, port, {"binding:host_id": ""})
    changes = {"binding:host_id": host, "binding:profile": waiting.profile, "binding:vnic_type": waiting.vnic_type}
    update_port(tx, request.cloud, None, unbound, changes)
    return {"binding": _all(tx, get_port(tx, port.id))[host]}


@routes.delete("/{host}", policy="delete_port_binding")
def delete_binding(request: Request, tx: Transaction) -> None:
    """Take a host from a port; from the one it is on, it is unplugged."""
    port, host = _port(request, tx, "delete_port_binding"), request.params["host"]
    if host == port.host:
        update_port(tx, request.cloud, None, port, {"binding:host_id": ""})
    else:
        BINDINGS.remove(tx, request, _waiting(tx, port, host))
