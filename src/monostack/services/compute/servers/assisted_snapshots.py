"""/os-assisted-volume-snapshots: for volume services whose volumes only a hypervisor can snapshot. Ours snapshots its volumes itself."""

from typing import Any

import msgspec

from monostack.core.errors import BadRequest, NotBuilt
from monostack.db import Transaction
from monostack.http import Request, Routes
from monostack.services.compute.parameters import TEXT, Json, fields, one, queries
from monostack.services.compute.servers import volumes as server_volumes

_WORD: Json = {"type": "string", "minLength": 1}
_INFO = fields(
    {"snapshot_id": _WORD, "type": {"type": "string", "enum": ["qcow2"]}, "new_file": _WORD, "id": _WORD},
    ("snapshot_id", "type", "new_file"),
)
_CREATE = one("snapshot", fields({"volume_id": _WORD, "create_info": _INFO}, ("volume_id", "create_info")))

routes = Routes("/v2.1/os-assisted-volume-snapshots")


def _refuse(tx: Transaction, volume_id: str) -> None:
    """Raises BadRequest for a volume that no server has, as Nova does, and else says what is not built."""
    if not server_volumes.of_volume(tx, volume_id):
        raise BadRequest(f"No volume Block Device Mapping with id {volume_id}.")
    raise NotBuilt("Volumes are snapshotted by the volume service: ask it for a snapshot.")


@routes.post("", policy="os_compute_api:os-assisted-volume-snapshots:create", enforce=True, body=_CREATE)
def create_assisted_snapshot(request: Request, tx: Transaction) -> None:
    """Have the hypervisor snapshot a volume."""
    _refuse(tx, request.body["snapshot"]["volume_id"])


@routes.delete("/{id}", policy="os_compute_api:os-assisted-volume-snapshots:delete", enforce=True, query=queries({"delete_info": TEXT}))
def delete_assisted_snapshot(request: Request, tx: Transaction) -> None:
    """Have the hypervisor delete a snapshot of a volume."""
    try:
        volume_id = msgspec.json.decode(request.query_map["delete_info"], type=dict[str, Any])["volume_id"]
    except (KeyError, ValueError, msgspec.DecodeError) as error:
        raise BadRequest(str(error)) from None
    _refuse(tx, volume_id)
