"""`/tags` below a resource."""

from collections.abc import Callable, Sequence
from typing import Any

from monostack.core.errors import NotFound
from monostack.db import Row, Transaction
from monostack.events import record
from monostack.http import Request, Response, Routes
from monostack.http.answers import NULL, TEXTS, envelope
from monostack.services.network import documents
from monostack.services.network.standard import bump
from monostack.services.network.tags.table import set_tags
from monostack.services.network.values.lists import check_tags
from monostack.services.network.values.plain import check_text
from monostack.services.network.verbs import Verbs
from monostack.services.network.words import bad_request, invalid

MAX_TAGS = 50
TAGS = envelope("tags", TEXTS)
BODY = documents.one_of("tags", documents.TEXTS)


def _checked(check: Callable[..., Any], *given: Any) -> Any:
    try:
        return check(*given)
    except ValueError as reason:
        raise invalid(str(reason)) from None


def _body(request: Request) -> list[str]:
    if not isinstance(request.body, dict) or "tags" not in request.body:
        raise invalid("Invalid tags body")
    return _checked(check_tags, request.body["tags"])


def tag_routes(verbs: Verbs, path: str = "") -> Routes:
    """`/tags` below a resource, or below another path of it."""
    resource = verbs.resource
    routes = Routes((path or resource.path) + "/{id}/tags")

    def find(request: Request, tx: Transaction, action: str) -> tuple[Row, list[str]]:
        row, item = verbs.look_up(request, tx, request.params["id"])
        verbs.authorize(request, f"{action}_{resource.singular}:tags", item)
        return row, item["tags"]

    def write(request: Request, tx: Transaction, row: Row, tags: Sequence[str]) -> list[str]:
        distinct = sorted(set(tags))
        if len(distinct) > MAX_TAGS:
            raise bad_request(resource.plural, f"The number of tags exceed the per-resource limit of {MAX_TAGS}")
        set_tags(tx, row.id, distinct)
        bump(resource, tx, [row.id])
        record(tx, request, f"{resource.singular}.update", row.id, row._mapping.get("project_id"), {"changed": ["tags"]})
        return distinct

    @routes.get("", policy=f"get_{resource.singular}:tags", answer=TAGS)
    def list_tags(request: Request, tx: Transaction) -> Any:
        """List the tags."""
        return {"tags": find(request, tx, "get")[1]}

    @routes.put("", policy=f"update_{resource.singular}:tags", body_document=BODY, answer=TAGS)
    def replace_tags(request: Request, tx: Transaction) -> Any:
        """Give it these tags and no others."""
        tags = _body(request)
        return {"tags": write(request, tx, find(request, tx, "update")[0], tags)}

    @routes.post("", policy=f"create_{resource.singular}:tags", body_document=BODY, answer=TAGS)
    def add_tags(request: Request, tx: Transaction) -> Any:
        """Add tags."""
        tags = _body(request)
        row, present = find(request, tx, "create")
        return {"tags": write(request, tx, row, [*present, *tags])}

    @routes.delete("", policy=f"delete_{resource.singular}:tags")
    def delete_tags(request: Request, tx: Transaction) -> None:
        """Take all tags away."""
        write(request, tx, find(request, tx, "delete")[0], ())

    @routes.get("/{tag}", policy=f"get_{resource.singular}:tags", status=204)
    def show_tag(request: Request, tx: Transaction) -> Any:
        """Does it have the tag? 204 or 404."""
        _has(request, find(request, tx, "get")[1])
        return Response(None, 204)

    @routes.put("/{tag}", policy=f"update_{resource.singular}:tags", status=201, answer=NULL)
    def add_tag(request: Request, tx: Transaction) -> Any:
        """Add a tag."""
        tag = _checked(check_text, request.params["tag"], 255)
        row, present = find(request, tx, "update")
        write(request, tx, row, [*present, tag])
        return Response(b"null", 201)

    @routes.delete("/{tag}", policy=f"delete_{resource.singular}:tags")
    def delete_tag(request: Request, tx: Transaction) -> None:
        """Take a tag away."""
        row, present = find(request, tx, "delete")
        tag = _has(request, present)
        write(request, tx, row, [one for one in present if one != tag])

    return routes


def _has(request: Request, present: Sequence[str]) -> str:
    tag = _checked(check_text, request.params["tag"], 255)
    if tag not in present:
        raise NotFound(f"Tag {tag} could not be found.", kind="TagNotFound")
    return tag
