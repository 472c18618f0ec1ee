"""/servers/{id}/tags, from 2.26 on."""

from typing import Any

from monostack.core.errors import BadRequest, NotFound
from monostack.db import Row, Transaction
from monostack.events import record
from monostack.http import Request, Response, Routes
from monostack.http.answers import NOTHING, Answers, envelope
from monostack.http.schema import Schema
from monostack.services.compute.links import linker
from monostack.services.compute.parameters import TAG, one
from monostack.services.compute.servers import answers, table
from monostack.services.compute.servers.lookup import authorize, check_state, visible

SINCE = (2, 26)
MAX_TAGS = 50
_TAG = Schema(TAG)

routes = Routes("/v2.1/servers/{id}/tags")


def _server(request: Request, tx: Transaction, action: str) -> Row:
    server = visible(request, tx)
    authorize(request, f"os_compute_api:os-server-tags:{action}", server)
    return server


def _write(request: Request, tx: Transaction, server: Row, tags: list[str]) -> None:
    check_state(request, server, "tags", "update_tags" if request.method == "PUT" else "delete_tags")
    table.update(tx, server.id, tags=tags)
    record(tx, request, "server.update", server.id, server.project_id, {"changed": ["tags"]})


@routes.get("", policy="os_compute_api:os-server-tags:index", since=SINCE, answer=envelope("tags", answers.TEXTS))
def list_tags(request: Request, tx: Transaction) -> Any:
    """List a server's tags."""
    return {"tags": _server(request, tx, "index").tags}


@routes.put(
    "",
    policy="os_compute_api:os-server-tags:update_all",
    since=SINCE,
    body=one("tags", {"type": "array", "items": TAG, "maxItems": MAX_TAGS}),
    answer=envelope("tags", answers.TEXTS),
)
def replace_tags(request: Request, tx: Transaction) -> Any:
    """Replace all tags."""
    server = _server(request, tx, "update_all")
    tags = list(dict.fromkeys(request.body["tags"]))
    _write(request, tx, server, tags)
    return {"tags": tags}


@routes.delete("", policy="os_compute_api:os-server-tags:delete_all", since=SINCE)
def delete_tags(request: Request, tx: Transaction) -> None:
    """Delete all tags."""
    _write(request, tx, _server(request, tx, "delete_all"), [])


@routes.get("/{key}", policy="os_compute_api:os-server-tags:show", since=SINCE, status=204)
def check_tag(request: Request, tx: Transaction) -> None:
    """Does the server have the tag?"""
    server = _server(request, tx, "show")
    if request.params["key"] not in server.tags:
        raise NotFound(f"Server {server.id} has no tag '{request.params['key']}'")


@routes.put("/{key}", policy="os_compute_api:os-server-tags:update", since=SINCE, answer=Answers({201: NOTHING, 204: NOTHING}))
def add_tag(request: Request, tx: Transaction) -> Response:
    """Add a tag."""
    server, tag = _server(request, tx, "update"), request.params["key"]
    error = _TAG.error(tag)
    if error is not None:
        raise BadRequest(f"Tag '{tag}' is invalid. It must be a non empty string without characters '/' and ','. Validation error message: "
                         f"{error.message}")  # fmt: skip
    if len(server.tags) >= MAX_TAGS:
        raise BadRequest(f"The number of tags exceeded the per-server limit {MAX_TAGS}")
    if tag in server.tags:
        return Response(None, 204)
    _write(request, tx, server, [*server.tags, tag])
    return Response(None, 201, {"location": f"{linker(request).own}/servers/{server.id}/tags/{tag}"})


@routes.delete("/{key}", policy="os_compute_api:os-server-tags:delete", since=SINCE)
def remove_tag(request: Request, tx: Transaction) -> None:
    """Remove a tag."""
    server, tag = _server(request, tx, "delete"), request.params["key"]
    if tag not in server.tags:
        raise NotFound(f"Instance {server.id} has no tag '{tag}'")
    _write(request, tx, server, [each for each in server.tags if each != tag])
