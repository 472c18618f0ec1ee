"""The action that says how a host opens a volume: its file, on the host that has it."""

from typing import Any

from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.http.answers import FLAG, OBJECT, TEXT, Record, envelope
from monostack.services.volume.hosts.table import same_storage
from monostack.services.volume.parameters import enveloped, fields
from monostack.services.volume.qos import table as qos
from monostack.services.volume.types import table as types
from monostack.services.volume.volumes.actions import RULES, actions
from monostack.services.volume.volumes.lookup import named
from monostack.services.volume.volumes.table import VOLUMES, disk_format
from monostack.services.volume.words import invalid_input, invalid_volume

_CONNECTION = Record("VolumeConnection", {"driver_volume_type": TEXT, "data": OBJECT, "enforce_multipath": FLAG})
_BODY = fields(("connector",), connector={"type": ["object", "string"]})


def _limits(tx: Transaction, row: Row) -> dict[str, Any] | None:
    """What the volume's type asks whoever uses the volume to hold to."""
    kind = tx.execute(types.BY_ID, {"the_id": row.volume_type_id}).one()
    specs = tx.row(qos.ONE, {"the_id": kind.qos_specs_id}) if kind.qos_specs_id is not None else None
    return specs.specs if specs is not None and specs.consumer in ("front-end", "both") else None


@actions.action(
    "os-initialize_connection",
    status=200,
    body=enveloped("os-initialize_connection", _BODY),
    policy=f"{RULES}:initialize_connection",
    answer=envelope("connection_info", _CONNECTION),
)
def initialize_connection(request: Request, tx: Transaction) -> dict[str, Any]:
    """Say how the host of the connector opens the volume. No other host than the one that has the file can."""
    row, connector = named(tx, request), request.body["os-initialize_connection"]["connector"]
    request.authorize(f"{RULES}:initialize_connection", VOLUMES.target(row))
    if row.status == "maintenance":
        raise invalid_volume("The volume connection cannot be initialized in maintenance mode.")
    host = connector.get("host") if isinstance(connector, dict) else None
    if not isinstance(host, str) or not host:
        raise invalid_input("Connector doesn't have required information: host")
    connected = request.cloud.hosts.hello(host) is not None
    if row.host is None or (host != row.host and not (connected and same_storage(request.cloud, host, row.host))):
        raise invalid_input(f"Volume {row.id} is a file of host {row.host}, which no other host can open.")
    multipath = connector.get("enforce_multipath", False) is True
    data = {
        "name": f"{row.id}.{disk_format(row)}", "format": disk_format(row), "host": row.host, "qos_specs": _limits(tx, row),
        "encrypted": row.encryption_key_id is not None,
        "access_mode": "ro" if row.admin_meta.get("readonly") == "True" else row.admin_meta.get("attached_mode", "rw"),
        "cacheable": False, "enforce_multipath": multipath,
    }  # fmt: skip
    return {"connection_info": {"driver_volume_type": "file", "data": data, "enforce_multipath": multipath}}
