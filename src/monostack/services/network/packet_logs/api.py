"""Creating, changing and deleting logs: `/log/logs`; what can be logged: `/log/loggable-resources`."""

from typing import Any

from monostack.core.errors import NotFound
from monostack.db import Row, Transaction
from monostack.http import Request, Routes
from monostack.http.answers import TEXT, envelope, many
from monostack.services.network import standard
from monostack.services.network.attributes import Values
from monostack.services.network.changes import changed
from monostack.services.network.groups.bindings import groups_of
from monostack.services.network.groups.table import GROUPS
from monostack.services.network.packet_logs.table import LOGS, SECURITY_GROUP, ports_under
from monostack.services.network.ports.table import BOUND, PORTS
from monostack.services.network.verbs import Verbs
from monostack.services.network.words import conflict, refused

NORMAL = "normal"  # the only vnic type whose packets pass the host


def _check(tx: Transaction, request: Request, values: Values) -> None:
    """In Neutron's order: the type, the group, the port, and that one is in the other."""
    if values["resource_type"] != SECURITY_GROUP:
        raise refused(f"Invalid log resource_type: {values['resource_type']}.", "InvalidLogResourceType")
    group_id, port_id = values.get("resource_id"), values.get("target_id")
    if group_id:
        try:
            GROUPS.get(request, tx, group_id)
        except NotFound:
            raise NotFound(f"Resource {group_id} could not be found.", kind="ResourceNotFound") from None
    if port_id:
        try:
            port = PORTS.get(request, tx, port_id)
        except NotFound:
            raise NotFound(f"Target resource {port_id} could not be found.", kind="TargetResourceNotFound") from None
        if port.vif_type != BOUND and port.vnic_type != NORMAL:
            raise conflict(f"Logging type {SECURITY_GROUP} is not supported on port {port_id}.", "LoggingTypeNotSupported")
        if group_id and group_id not in groups_of(tx, [port_id])(port_id):
            text = f"Invalid resource constraint between resource ({SECURITY_GROUP} {group_id}) and target resource (port {port_id})."
            raise refused(text, "InvalidResourceConstraint")


def _tell(tx: Transaction, request: Request, log: Row) -> None:
    changed(tx, request.cloud, "port", ports_under(tx, log))


def create_log(tx: Transaction, request: Request, values: Values) -> Row:
    _check(tx, request, values)
    row = standard.insert(LOGS, tx, request, values)
    if row.enabled:
        _tell(tx, request, row)
    return row


def update_log(tx: Transaction, request: Request, row: Row, changes: Values) -> Row:
    if changes.get("enabled", row.enabled) != row.enabled:
        _tell(tx, request, row)
    return LOGS.change(tx, request, row, changes)


def delete_log(tx: Transaction, request: Request, row: Row) -> None:
    if row.enabled:
        _tell(tx, request, row)
    standard.remove(LOGS, tx, request, row)


types = Routes("/v2.0/log/loggable-resources")


@types.get("", policy="get_loggable_resource", answer=envelope("loggable_resources", many(envelope("type", TEXT))))
def list_types(request: Request, tx: Transaction) -> Any:
    """List the types of resources whose packets can be logged."""
    return {"loggable_resources": [{"type": SECURITY_GROUP}] if request.allows("get_loggable_resource") else []}


VERBS = Verbs(LOGS, create=create_log, update=update_log, delete=delete_log, counted=False)
routes = [VERBS.routes(), types]
