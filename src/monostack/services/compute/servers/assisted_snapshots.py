"""/os-assisted-volume-snapshots: for volume services whose volumes only a hypervisor can snapshot. Ours snapshots its volumes itself."""

from typing import Any

import msgspec

from monostack.core.errors import BadRequest, Conflict
from monostack.db import Transaction
from monostack.http import Request, Routes, answers
from monostack.services.compute.parameters import TEXT, Json, fields, one, queries
from monostack.services.compute.servers import table
from monostack.services.compute.servers import volumes as server_volumes
from monostack.services.compute.servers.lookup import check_state
from monostack.services.volume import facade as volume

_WORD: Json = {"type": "string", "minLength": 1}
_INFO = fields(
    {"snapshot_id": _WORD, "type": {"type": "string", "enum": ["qcow2"]}, "new_file": _WORD, "id": _WORD},
    ("snapshot_id", "type", "new_file"),
)
_CREATE = one("snapshot", fields({"volume_id": _WORD, "create_info": _INFO}, ("volume_id", "create_info")))

routes = Routes("/v2.1/os-assisted-volume-snapshots")


def _check(request: Request, tx: Transaction, volume_id: str, action: str) -> None:
    """Is the volume that of one server, which is on a host and at rest? Raises BadRequest in Nova's words."""
    holders = server_volumes.of_volume(tx, volume_id)
    if not holders:
        raise BadRequest(f"No volume Block Device Mapping with id {volume_id}.")
    if len(holders) > 1:
        raise BadRequest(f"Block Device Mapping {volume_id} is a multi-attach volume and is not valid for this operation.")
    server = table.get(tx, holders[0].server_id)
    if server is None:
        raise BadRequest(f"No volume Block Device Mapping with id {volume_id}.")
    try:
        check_state(request, server, action)
    except Conflict as fault:
        raise BadRequest(fault.message) from None


_SNAPSHOT = answers.Record("AssistedSnapshot", {"id": answers.maybe(answers.TEXT), "volumeId": answers.TEXT})
_ANSWER = answers.envelope("snapshot", _SNAPSHOT)


@routes.post("", policy="os_compute_api:os-assisted-volume-snapshots:create", enforce=True, body=_CREATE, answer=_ANSWER)
def create_assisted_snapshot(request: Request, tx: Transaction) -> Any:
    """Have the hypervisor snapshot a volume. Ours snapshots none: the volume service's snapshot comes to be in error, as Nova leaves it."""
    asked = request.body["snapshot"]
    volume_id, info = asked["volume_id"], asked["create_info"]
    _check(request, tx, volume_id, "volume_snapshot_create")
    volume.fail_snapshot(tx, volume_id, info["snapshot_id"])
    return {"snapshot": {"id": info.get("id"), "volumeId": volume_id}}


@routes.delete(
    "/{id}", policy="os_compute_api:os-assisted-volume-snapshots:delete", enforce=True, status=204, query=queries({"delete_info": TEXT})
)
def delete_assisted_snapshot(request: Request, tx: Transaction) -> None:
    """Have the hypervisor delete a snapshot of a volume. It made none: the volume service's snapshot could not be deleted."""
    try:
        volume_id = msgspec.json.decode(request.query_map["delete_info"], type=dict[str, Any])["volume_id"]
    except (KeyError, ValueError, msgspec.DecodeError) as error:
        raise BadRequest(str(error)) from None
    _check(request, tx, volume_id, "volume_snapshot_delete")
    volume.fail_snapshot(tx, volume_id, request.params["id"])
