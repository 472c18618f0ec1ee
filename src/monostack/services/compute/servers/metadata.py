"""/servers/{id}/metadata."""

from typing import Any

from monostack.core.errors import BadRequest, NotFound
from monostack.db import Row, Transaction
from monostack.events import record
from monostack.http import Request, Routes
from monostack.http.answers import TEXT, envelope, mapping
from monostack.services.compute import quotas
from monostack.services.compute.parameters import METADATA, one
from monostack.services.compute.servers import table
from monostack.services.compute.servers.lookup import authorize, check_state, visible
from monostack.services.network import facade as network

_MANY = one("metadata", METADATA)
_ONE = one("meta", {**METADATA, "minProperties": 1, "maxProperties": 1})

routes = Routes("/v2.1/servers/{id}/metadata")


def _server(request: Request, tx: Transaction, action: str) -> Row:
    server = visible(request, tx)
    authorize(request, f"os_compute_api:server-metadata:{action}", server)
    return server


def _write(request: Request, tx: Transaction, server: Row, metadata: dict[str, str]) -> None:
    check_state(request, server, "update_server_metadata", "update metadata")
    budget = quotas.Budget(tx, request.cloud, server.project_id)
    budget.require("metadata_items", len(metadata), "Maximum number of metadata items exceeds {limit}")
    _store(request, tx, server, metadata)


def _store(request: Request, tx: Transaction, server: Row, metadata: dict[str, str]) -> None:
    table.update(tx, server.id, metadata=metadata)
    record(tx, request, "server.update", server.id, server.project_id, {"changed": ["metadata"]})
    network.items_changed(tx, request.cloud, "metadata", [server.id])


@routes.get("", policy="os_compute_api:server-metadata:index", answer=envelope("metadata", mapping(TEXT)))
def list_metadata(request: Request, tx: Transaction) -> Any:
    """List a server's metadata."""
    return {"metadata": _server(request, tx, "index")._mapping["metadata"]}


@routes.post("", policy="os_compute_api:server-metadata:create", body=_MANY, answer=envelope("metadata", mapping(TEXT)))
def create_metadata(request: Request, tx: Transaction) -> Any:
    """Set metadata items; others stay."""
    server = _server(request, tx, "create")
    metadata = {**server._mapping["metadata"], **request.body["metadata"]}
    _write(request, tx, server, metadata)
    return {"metadata": metadata}


@routes.put("", policy="os_compute_api:server-metadata:update_all", body=_MANY, answer=envelope("metadata", mapping(TEXT)))
def replace_metadata(request: Request, tx: Transaction) -> Any:
    """Replace all metadata."""
    server = _server(request, tx, "update_all")
    _write(request, tx, server, request.body["metadata"])
    return {"metadata": request.body["metadata"]}


@routes.get("/{key}", policy="os_compute_api:server-metadata:show", answer=envelope("meta", mapping(TEXT)))
def show_metadata_item(request: Request, tx: Transaction) -> Any:
    """Show one metadata item."""
    metadata, key = _server(request, tx, "show")._mapping["metadata"], request.params["key"]
    if key not in metadata:
        raise NotFound("Metadata item was not found")
    return {"meta": {key: metadata[key]}}


@routes.put("/{key}", policy="os_compute_api:server-metadata:update", body=_ONE, answer=envelope("meta", mapping(TEXT)))
def update_metadata_item(request: Request, tx: Transaction) -> Any:
    """Set one metadata item."""
    server = _server(request, tx, "update")
    if request.params["key"] not in request.body["meta"]:
        raise BadRequest("Request body and URI mismatch")
    _write(request, tx, server, {**server._mapping["metadata"], **request.body["meta"]})
    return request.body


@routes.delete("/{key}", policy="os_compute_api:server-metadata:delete")
def delete_metadata_item(request: Request, tx: Transaction) -> None:
    """Delete one metadata item."""
    server = _server(request, tx, "delete")
    metadata = dict(server._mapping["metadata"])
    if metadata.pop(request.params["key"], None) is None:
        raise NotFound("Metadata item was not found")
    check_state(request, server, "delete_server_metadata", "delete metadata")
    _store(request, tx, server, metadata)
