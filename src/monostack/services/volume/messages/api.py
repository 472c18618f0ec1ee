"""The operations on user messages."""

from typing import Any

from monostack.db import Transaction
from monostack.http import Request, Response, Routes
from monostack.resources import ListQuery
from monostack.services.volume.dialect import accepted
from monostack.services.volume.links import MAX_LIMIT, linked, linked_page, links
from monostack.services.volume.lists import Listing, read
from monostack.services.volume.messages.messages import MESSAGES

SINCE = (3, 3)
_KNOWN = (
    "id", "event_id", "message_level", "created_at", "request_id", "resource_type", "resource_uuid", "project_id", "action_id", "detail_id",
)  # fmt: skip
LISTING = Listing(
    columns={**{name: name for name in _KNOWN}, "expires_at": "guaranteed_until", "updated_at": None, "deleted_at": None},
    open=("resource_uuid", "resource_type", "event_id", "request_id", "message_level"),
)
routes = Routes("/v3/messages")


def _shown(request: Request, tx: Transaction, rows: Any) -> list[dict[str, Any]]:
    items = MESSAGES.views(request, tx, rows)
    for item in items:
        item["links"] = links(request, "messages", item["id"])
        for name in ("resource_type", "resource_uuid"):
            if not item[name]:
                del item[name]
    return items


@routes.get("", since=SINCE, policy="message:get_all", enforce=True, answer=linked("messages", MESSAGES.answer))
def list_messages(request: Request, tx: Transaction) -> dict[str, Any]:
    """List messages; from 3.5 on in pages."""
    if request.at_least(3, 5):
        query = read(request, MESSAGES, LISTING)
    else:
        query = ListQuery(limit=MAX_LIMIT, sorts=[("created_at", "desc"), ("id", "desc")])
    rows = MESSAGES.page(request, tx, query)
    return linked_page(request, "messages", rows, "messages", _shown(request, tx, rows))


@routes.get("/{id}", since=SINCE, policy="message:get", answer=MESSAGES.answer_one)
def show_message(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show a message."""
    row = MESSAGES.get(request, tx, request.params["id"])
    MESSAGES.authorize(request, "show", row)
    return {"message": _shown(request, tx, [row])[0]}


@routes.delete("/{id}", since=SINCE, policy="message:delete", status=204)
def delete_message(request: Request, tx: Transaction) -> Response:
    """Delete a message."""
    row = MESSAGES.get(request, tx, request.params["id"])
    MESSAGES.authorize(request, "delete", row)
    MESSAGES.remove(tx, request, row)
    return accepted(204)
