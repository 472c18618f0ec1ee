"""/consistencygroups: what groups were before there were group types. They are groups of a type of their own."""

from dataclasses import replace
from typing import Any

from monostack.core.errors import BadRequest
from monostack.db import Row, Transaction
from monostack.http import Request, Response, Routes
from monostack.http.answers import ID, NOTHING, TEXT, Record, envelope, many, maybe
from monostack.services.volume.dialect import accepted
from monostack.services.volume.groups import actions, api
from monostack.services.volume.groups import types as group_types
from monostack.services.volume.groups.copying import create_from_source
from monostack.services.volume.groups.table import GROUPS, SUMMARY, find_group
from monostack.services.volume.links import linked, linked_page
from monostack.services.volume.lists import read
from monostack.services.volume.parameters import DESCRIPTION, FLAG, TEXT_OR_NULL, as_flag, enveloped, fields, trimmed
from monostack.services.volume.words import malformed

BLANK = (3, 6)  # from here on a name may be taken away
_NAMES: dict[str, Any] = {"name": TEXT_OR_NULL, "description": DESCRIPTION}
_IDS = {"type": ["string", "null"]}
_CREATE = fields(("volume_types",), open=True, **_NAMES, volume_types={}, availability_zone={})
_FROM = fields(open=True, **_NAMES, cgsnapshot_id={"type": "string"}, source_cgid={"type": "string"})
_UPDATE = enveloped("consistencygroup", fields(open=True, **_NAMES, add_volumes=_IDS, remove_volumes=_IDS), open=True)
_DELETE: dict[str, Any] = {"oneOf": [enveloped("consistencygroup", fields(open=True, force=FLAG), open=True), fields(), {"type": "null"}]}
LINKS_KEY = "consistencygroup_links"
_LISTING = replace(api.LISTING, strict=(99, 0))  # any filter counts, whoever asks
_KEYS = {"id": ID, "status": TEXT, "availability_zone": maybe(TEXT), "created_at": TEXT, "name": maybe(TEXT), "description": maybe(TEXT)}
_GROUP = Record("ConsistencyGroup", {**_KEYS, "volume_types": many(ID)})
_MADE = envelope("consistencygroup", SUMMARY)
routes = Routes("/v3/consistencygroups")


def _view(request: Request, tx: Transaction, rows: list[Row]) -> list[dict[str, Any]]:
    return [{name: shown[name] for name in (*_KEYS, "volume_types")} for shown in GROUPS.views(request, tx, rows)]


def _list(request: Request, tx: Transaction, *, detail: bool) -> dict[str, Any]:
    """All groups, whatever type they are of."""
    request.authorize("group:get_all")
    rows = list(GROUPS.page(request, tx, read(request, GROUPS, _LISTING)))
    items = _view(request, tx, rows) if detail else [api.summary(row) for row in rows]
    return linked_page(request, "consistencygroups", rows, "consistencygroups", items, LINKS_KEY)


@routes.get("", policy="group:get_all", answer=linked("consistencygroups", SUMMARY, LINKS_KEY))
def list_brief(request: Request, tx: Transaction) -> dict[str, Any]:
    """List consistency groups: id and name."""
    return _list(request, tx, detail=False)


@routes.get("/detail", policy="group:get_all", answer=linked("consistencygroups", _GROUP, LINKS_KEY))
def list_detail(request: Request, tx: Transaction) -> dict[str, Any]:
    """List consistency groups with details."""
    return _list(request, tx, detail=True)


@routes.post("", policy="group:create", body=enveloped("consistencygroup", _CREATE, open=True), status=202, answer=_MADE)
def create(request: Request, tx: Transaction) -> dict[str, Any]:
    """Create an empty consistency group for volumes of some types, whose names or ids have commas between."""
    request.authorize("group:create")
    body = trimmed(request.body["consistencygroup"])
    if not body["volume_types"]:
        raise BadRequest(f"volume_types must be provided to create consistency group {body.get('name')}.")
    if not isinstance(body["volume_types"], str) or not isinstance(body.get("availability_zone"), str | None):
        raise malformed()
    named = {**body, "volume_types": body["volume_types"].rstrip(",").split(",")}
    return {"consistencygroup": api.summary(api.make(request, tx, named, group_types.former(tx)))}


@routes.post(
    "/create_from_src", policy="group:create", body=enveloped("consistencygroup-from-src", _FROM, open=True), status=202, answer=_MADE
)
def create_from(request: Request, tx: Transaction) -> dict[str, Any]:
    """Make a consistency group with copies of the volumes of another one, or of a snapshot of one."""
    request.authorize("group:create")
    body = trimmed(request.body["consistencygroup-from-src"])
    snapshot, source, name = body.get("cgsnapshot_id"), body.get("source_cgid"), body.get("name")
    if not snapshot and not source:
        raise BadRequest(f"Either 'cgsnapshot_id' or 'source_cgid' must be provided to create consistency group {name} from source.")
    if snapshot and source:
        raise BadRequest(f"Cannot provide both 'cgsnapshot_id' and 'source_cgid' to create consistency group {name} from source.")
    wanted = {"name": name, "description": body.get("description"), "group_snapshot_id": snapshot, "source_group_id": source}
    return {"consistencygroup": api.summary(create_from_source(request, tx, wanted))}


@routes.get("/{id}", policy="group:get", answer=envelope("consistencygroup", _GROUP))
def show(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show a consistency group."""
    return {"consistencygroup": _view(request, tx, [find_group(tx, request, request.params["id"])])[0]}


def update(request: Request, tx: Transaction) -> Response:
    """Rename or describe a consistency group, put volumes into it and take some out."""
    row, body = find_group(tx, request, request.params["id"]), trimmed(request.body["consistencygroup"])
    request.authorize("group:update", GROUPS.target(row))
    moved = body.get("add_volumes") or body.get("remove_volumes")
    if request.at_least(*BLANK):
        if body.get("name") is None and body.get("description") is None and not moved:
            raise BadRequest("Must specify one or more of the following keys to update: name, description, add_volumes, remove_volumes.")
    elif not (body.get("name") or body.get("description") or moved):
        raise BadRequest("Name, description, add_volumes, and remove_volumes can not be all empty in the request body.")
    api.change(request, tx, row, body)
    return accepted()


for path in ("/{id}", "/{id}/update"):
    routes.add("PUT", path, update, "write", policy="group:update", body=_UPDATE, status=202, answer=NOTHING)


@routes.post("/{id}/delete", policy="group:delete", body=_DELETE, status=202, answer=NOTHING)
def delete(request: Request, tx: Transaction) -> Response:
    """Delete a consistency group without snapshots; with `force` also its volumes."""
    row = find_group(tx, request, request.params["id"])
    force = (request.body or {}).get("consistencygroup", {}).get("force", False)
    actions.delete(request, tx, row, as_flag(force))
    return accepted()
