"""/os-server-external-events: what other services, and operators in their place, have to say of servers."""

from typing import Any

from monostack.db import Transaction
from monostack.events import record
from monostack.http import Request, Response, Routes
from monostack.http.answers import INTEGER, TEXT, Answers, Record, envelope, many, optional
from monostack.services.compute.parameters import UUID, Json, fields
from monostack.services.compute.servers import history, table
from monostack.services.network import facade as network

_NETWORK = ("network-changed", "network-vif-plugged", "network-vif-unplugged", "network-vif-deleted")
_TAGGED = ("volume-extended", "power-update", "accelerator-request-bound")
_ACTIONS = {"volume-extended": "extend_volume"}
_GIVEN = ("name", "server_uuid", "tag", "status")


def _body(*names: str) -> Json:
    event = {
        "name": {"type": "string", "enum": list(names)}, "server_uuid": UUID, "tag": {"type": "string", "maxLength": 255},
        "status": {"type": "string", "enum": ["failed", "completed", "in-progress"]},
    }  # fmt: skip
    return fields({"events": {"type": "array", "minItems": 1, "items": fields(event, ("name", "server_uuid"))}}, ("events",))


_CREATE = [
    ((0, 0), _body(*_NETWORK)),
    ((2, 51), _body(*_NETWORK, "volume-extended")),
    ((2, 76), _body(*_NETWORK, "volume-extended", "power-update")),
    ((2, 82), _body(*_NETWORK, *_TAGGED)),
    ((2, 93), _body(*_NETWORK, *_TAGGED, "volume-reimaged")),
]

routes = Routes("/v2.1/os-server-external-events")


_EVENT = {"name": TEXT, "server_uuid": TEXT, "status": TEXT, "code": INTEGER, "tag": optional(TEXT)}
_EVENTS = envelope("events", many(Record("ExternalEvent", _EVENT)))


@routes.post("", policy="os_compute_api:os-server-external-events:create", body=_CREATE, answer=Answers({200: _EVENTS, 207: _EVENTS}))
def create_events(request: Request, tx: Transaction) -> Any:
    """Tell of events. Each has a code of its own in the answer."""
    request.authorize("os_compute_api:os-server-external-events:create", {})
    events = [{name: event[name] for name in _GIVEN if name in event} for event in request.body["events"]]  # 2.0 overlooks more
    found = {row.id: row for row in tx.rows(table.BY_IDS, {"the_ids": [event["server_uuid"] for event in events]})}
    for event in events:
        server = found.get(event["server_uuid"])
        if server is None:
            code = 404
        elif event["name"] in _TAGGED and event.get("tag") is None:
            code = 400
        else:
            code = 200 if server.host is not None else 422
        event.update(status="completed" if code == 200 else "failed", code=code)
        if code == 200:
            _take_in(request, tx, server, event)
    return Response({"events": events}, 200 if all(event["code"] == 200 for event in events) else 207)


def _take_in(request: Request, tx: Transaction, server: Any, event: dict[str, Any]) -> None:
    """Nova keeps copies of what other services know and makes them anew now. Here only what hosts were sent may be old."""
    if event["name"] in _NETWORK:
        network.items_changed(tx, request.cloud, "metadata", [server.id])
    elif event["name"] in _ACTIONS:
        history.start(tx, request, server.id, _ACTIONS[event["name"]])
    record(tx, request, f"server.{event['name']}", server.id, server.project_id, {"tag": event.get("tag")})
