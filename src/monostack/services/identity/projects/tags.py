"""/v3/projects/{id}/tags. Tags are kept with their project; changing them is changing it."""

from typing import Any

from monostack.core.errors import BadRequest, Forbidden, NotFound
from monostack.db import Row, Transaction
from monostack.http import Request, Response, Routes
from monostack.http.answers import TEXTS, Media, Record
from monostack.http.schema import Schema
from monostack.services.identity import access
from monostack.services.identity.dialect import invalid_in_full
from monostack.services.identity.kinds import TAG, TAGS
from monostack.services.identity.projects.table import PROJECTS
from monostack.services.identity.style import LINKS, STYLE

_TAG, _TAGS = Schema(TAG), Schema(TAGS)

routes = Routes("/v3/projects/{id}/tags")


def _find(request: Request, tx: Transaction, rule: str) -> Row:
    project_id = request.params["id"]
    row = access.find(PROJECTS, tx, project_id)
    request.authorize(rule, PROJECTS.target(row) if row is not None else {})
    if row is None:
        raise STYLE.not_found(PROJECTS, project_id)
    return row


def _check(schema: Schema, value: Any) -> None:
    error = schema.error(value)
    if error is not None:
        raise invalid_in_full(error)


def _write(request: Request, tx: Transaction, row: Row, tags: list[str]) -> None:
    PROJECTS.change(tx, request, row, {"tags": tags})


def _check_mutable(row: Row, doing: str) -> None:
    if (row.options or {}).get("immutable"):
        raise Forbidden(
            f'Cannot {doing} project tags for {row.id}, project is immutable. Set "immutable" option to false before creating project tags.'
        )


def _shown(request: Request, tags: list[str]) -> dict[str, Any]:
    return {"links": {"self": f"{request.service_url}/v3"}, "tags": tags}


_ANSWER = Record("", {"links": LINKS, "tags": TEXTS})


@routes.get("", policy="identity:list_project_tags", answer=_ANSWER)
def list_tags(request: Request, tx: Transaction) -> dict[str, Any]:
    """List the tags of a project."""
    return _shown(request, _find(request, tx, "identity:list_project_tags").tags)


_BODY = {"type": "object", "properties": {"tags": {"type": "array", "items": TAG}}, "additionalProperties": False}


@routes.put("", policy="identity:update_project_tags", body=_BODY, answer=_ANSWER)
def replace_tags(request: Request, tx: Transaction) -> dict[str, Any]:
    """Replace the tags of a project."""
    row = _find(request, tx, "identity:update_project_tags")
    tags = request.body.get("tags", {})
    _check(_TAGS, tags)
    _check_mutable(row, "update")
    tags = [tag.strip() for tag in tags]
    _write(request, tx, row, tags)
    return _shown(request, tags)


@routes.delete("", policy="identity:delete_project_tags")
def delete_tags(request: Request, tx: Transaction) -> None:
    """Take all tags from a project."""
    row = _find(request, tx, "identity:delete_project_tags")
    _check_mutable(row, "update")
    _write(request, tx, row, [])


@routes.get("/{tag}", policy="identity:get_project_tag", status=204)
def check_tag(request: Request, tx: Transaction) -> Response:
    """Say whether a project has a tag."""
    row = _find(request, tx, "identity:get_project_tag")
    if request.params["tag"] not in row.tags:
        raise NotFound(f"Could not find project tag: {request.params['tag']}.")
    return Response(None, 204)


@routes.put("/{tag}", policy="identity:create_project_tag", status=201, answer=Media("text/html"))
def add_tag(request: Request, tx: Transaction) -> Response:
    """Give a project a tag."""
    row = _find(request, tx, "identity:create_project_tag")
    tag = request.params["tag"]
    _check(_TAG, tag)
    _check(_TAGS, [*row.tags, tag])
    _check_mutable(row, "create")
    if tag.strip() in row.tags:
        raise BadRequest(f"{[*row.tags, tag]} has non-unique elements")
    _write(request, tx, row, [*row.tags, tag.strip()])
    location = {"location": f"{request.service_url}/v3/{row.id}/tags/{tag}"}
    return Response(b"", 201, location, content_type="text/html; charset=utf-8")


@routes.delete("/{tag}", policy="identity:delete_project_tag")
def delete_tag(request: Request, tx: Transaction) -> None:
    """Take a tag from a project."""
    row = _find(request, tx, "identity:delete_project_tag")
    tag = request.params["tag"]
    if tag not in row.tags:
        raise NotFound(f"Could not find project tag: {tag}.")
    _check_mutable(row, "delete")
    _write(request, tx, row, [one for one in row.tags if one != tag])
