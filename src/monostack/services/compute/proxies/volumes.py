"""/os-volumes and /os-snapshots, until 2.36: the volume service's volumes and snapshots, in Nova's words."""

from typing import Any

from monostack.core.errors import BadRequest, Fault, Forbidden, NotFound
from monostack.db import Transaction
from monostack.http import Request, Response, Routes
from monostack.http.answers import NOTHING, envelope, many
from monostack.services.compute.paging import slice_of
from monostack.services.compute.parameters import BOOLEAN, NON_NEGATIVE, TEXT, Json, fields, is_true, one, query
from monostack.services.compute.proxies import LAST, answers
from monostack.services.volume import facade as volume

Document = dict[str, Any]
_SIZE: Json = {"type": ["integer", "string"], "pattern": "^[0-9]+$", "minimum": 1}
_TEXTS: Json = {name: TEXT for name in ("volume_type", "snapshot_id", "availability_zone", "display_name", "display_description")}
_VOLUME = one("volume", fields({"metadata": {"type": "object"}, "size": _SIZE, **_TEXTS}, ("size",)))
_SNAPSHOT = one(
    "snapshot",
    fields({"volume_id": TEXT, "force": BOOLEAN, "display_name": TEXT, "display_description": TEXT}, ("volume_id",)),
)  # fmt: skip
_PAGE = query({"limit": NON_NEGATIVE, "offset": NON_NEGATIVE})

routes = Routes("/v2.1")


def _volume_view(document: Document) -> Document:
    held = document["attachments"]
    attachment: Document = {}
    if held:
        attachment = {"id": document["id"], "volumeId": document["id"], "serverId": held[0]["server_id"]}
        if held[0]["device"]:
            attachment["device"] = held[0]["device"]
    return {
        "id": document["id"], "status": document["status"], "size": document["size"], "availabilityZone": document["availability_zone"],
        "createdAt": document["created_at"], "attachments": [attachment], "displayName": document["name"],
        "displayDescription": document["description"], "volumeType": document["volume_type"], "snapshotId": document["snapshot_id"],
        "metadata": document["metadata"],
    }  # fmt: skip


def _snapshot_view(document: Document) -> Document:
    return {
        "id": document["id"], "volumeId": document["volume_id"], "status": document["status"], "size": document["size"],
        "createdAt": document["created_at"], "displayName": document["name"], "displayDescription": document["description"],
    }  # fmt: skip


_VIEWS = {"volume": _volume_view, "snapshot": _snapshot_view}


def _list(request: Request, tx: Transaction, kind: str) -> Any:
    offset, limit = slice_of(request)
    return {f"{kind}s": [_VIEWS[kind](each) for each in volume.proxied.list_some(tx, request, kind, offset, limit)]}


def _show(request: Request, tx: Transaction, kind: str) -> Any:
    return {kind: _VIEWS[kind](volume.proxied.show(tx, request, kind, request.params["id"]))}


def _create(request: Request, tx: Transaction, kind: str, values: Document) -> Document:
    """What is over quota is forbidden here."""
    try:
        return _VIEWS[kind](volume.proxied.create(tx, request, kind, values))
    except BadRequest as fault:
        raise _passed_on(request, fault) from None
    except Fault as fault:
        if fault.status == 413:
            raise Forbidden(fault.message) from None
        raise


def _delete(request: Request, tx: Transaction, kind: str) -> None:
    try:
        volume.proxied.delete(tx, request, kind, request.params["id"])
    except BadRequest as fault:
        raise _passed_on(request, fault) from None


def _passed_on(request: Request, fault: BadRequest) -> BadRequest:
    """What the volume service finds wrong, as its client words it for Nova."""
    return BadRequest(f"Invalid input received: {fault.message} (HTTP 400) (Request-ID: {request.request_id})")


@routes.get(
    "/os-volumes",
    policy="os_compute_api:os-volumes:list",
    enforce=True,
    until=LAST,
    query=_PAGE,
    answer=envelope("volumes", many(answers.VOLUME)),
)
def list_volumes(request: Request, tx: Transaction) -> Any:
    """List volumes."""
    return _list(request, tx, "volume")


@routes.get(
    "/os-volumes/detail",
    policy="os_compute_api:os-volumes:detail",
    enforce=True,
    until=LAST,
    query=_PAGE,
    answer=envelope("volumes", many(answers.VOLUME)),
)
def list_volumes_detail(request: Request, tx: Transaction) -> Any:
    """List volumes with details, which are the same."""
    return _list(request, tx, "volume")


@routes.get(
    "/os-volumes/{id}", policy="os_compute_api:os-volumes:show", enforce=True, until=LAST, answer=envelope("volume", answers.VOLUME)
)
def show_volume(request: Request, tx: Transaction) -> Any:
    """Show a volume."""
    return _show(request, tx, "volume")


@routes.post(
    "/os-volumes",
    policy="os_compute_api:os-volumes:create",
    enforce=True,
    until=LAST,
    body=_VOLUME,
    answer=envelope("volume", answers.VOLUME),
)
def create_volume(request: Request, tx: Transaction) -> Response:
    """Create a volume."""
    given = request.body["volume"]
    values = {
        "name": given.get("display_name"), "description": given.get("display_description"), "size": given["size"],
        "snapshot_id": given.get("snapshot_id"), "metadata": given.get("metadata") or {},
        **{name: given[name] for name in ("volume_type", "availability_zone") if name in given},
    }  # fmt: skip
    made = _create(request, tx, "volume", values)
    return Response({"volume": made}, 200, {"location": f"{request.app_url}{request.path}/{made['id']}"})


@routes.delete("/os-volumes/{id}", policy="os_compute_api:os-volumes:delete", enforce=True, until=LAST, status=202, answer=NOTHING)
def delete_volume(request: Request, tx: Transaction) -> None:
    """Delete a volume."""
    _delete(request, tx, "volume")


@routes.get(
    "/os-snapshots",
    policy="os_compute_api:os-volumes:snapshots:list",
    enforce=True,
    until=LAST,
    query=_PAGE,
    answer=envelope("snapshots", many(answers.SNAPSHOT)),
)
def list_snapshots(request: Request, tx: Transaction) -> Any:
    """List snapshots of volumes."""
    return _list(request, tx, "snapshot")


@routes.get(
    "/os-snapshots/detail",
    policy="os_compute_api:os-volumes:snapshots:detail",
    enforce=True,
    until=LAST,
    query=_PAGE,
    answer=envelope("snapshots", many(answers.SNAPSHOT)),
)
def list_snapshots_detail(request: Request, tx: Transaction) -> Any:
    """List snapshots of volumes with details, which are the same."""
    return _list(request, tx, "snapshot")


@routes.get(
    "/os-snapshots/{id}",
    policy="os_compute_api:os-volumes:snapshots:show",
    enforce=True,
    until=LAST,
    answer=envelope("snapshot", answers.SNAPSHOT),
)
def show_snapshot(request: Request, tx: Transaction) -> Any:
    """Show a snapshot of a volume."""
    return _show(request, tx, "snapshot")


@routes.post(
    "/os-snapshots",
    policy="os_compute_api:os-volumes:snapshots:create",
    enforce=True,
    until=LAST,
    body=_SNAPSHOT,
    answer=envelope("snapshot", answers.SNAPSHOT),
)
def create_snapshot(request: Request, tx: Transaction) -> Any:
    """Create a snapshot of a volume."""
    given = request.body["snapshot"]
    values = {
        "volume_id": given["volume_id"], "name": given.get("display_name"), "description": given.get("display_description"),
        "force": is_true(given.get("force", False)), "metadata": {},
    }  # fmt: skip
    try:
        return {"snapshot": _create(request, tx, "snapshot", values)}
    except NotFound as fault:
        raise BadRequest(fault.message) from None


@routes.delete(
    "/os-snapshots/{id}", policy="os_compute_api:os-volumes:snapshots:delete", enforce=True, until=LAST, status=202, answer=NOTHING
)
def delete_snapshot(request: Request, tx: Transaction) -> None:
    """Delete a snapshot of a volume."""
    _delete(request, tx, "snapshot")
