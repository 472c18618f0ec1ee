"""/servers/{id}/migrations: live migrations of a server that are under way, and what may still be done about one."""

from typing import Any

import sqlalchemy as sa

from monostack.core.errors import BadRequest, NotFound
from monostack.db import Row, Transaction
from monostack.http import Request, Routes
from monostack.http.answers import NOTHING, envelope, many
from monostack.services.compute import answers
from monostack.services.compute.migrations import table
from monostack.services.compute.migrations.listing import places
from monostack.services.compute.migrations.table import LIVE, LIVE_UNDER_WAY, PREPARING, RUNNING, migrations
from monostack.services.compute.parameters import fields
from monostack.services.compute.servers import history
from monostack.services.compute.servers.lookup import authorize, check_state, visible

_m = migrations.c
_OF_SERVER = (
    sa.select(migrations)
    .where(_m.server_id == sa.bindparam("the_server"), _m.kind == LIVE, _m.status.in_(LIVE_UNDER_WAY))
    .order_by(_m.id)
)  # fmt: skip
_COUNTERS = dict.fromkeys(f"{what}_{how}_bytes" for what in ("disk", "memory") for how in ("processed", "remaining", "total"))

routes = Routes("/v2.1/servers/{id}/migrations")


def _view(request: Request, row: Row, *, hosts: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": row.id, "server_uuid": row.server_id, "status": row.status, "created_at": row.created_at, "updated_at": row.updated_at,
        **_COUNTERS, **places(row, hosts=hosts),
    }  # fmt: skip
    if request.at_least(2, 59):
        shown["uuid"] = row.uuid
    if request.at_least(2, 80):
        shown.update(user_id=row.user_id, project_id=row.project_id)
    return shown


def _find(tx: Transaction, server_id: str, key: str) -> Row | None:
    return table.find(tx, server_id, int(key)) if key.isdecimal() and len(key) < 10 else None


@routes.get("", policy="os_compute_api:servers:migrations:index", since=(2, 23), answer=envelope("migrations", many(answers.UNDER_WAY)))
def list_under_way(request: Request, tx: Transaction) -> Any:
    """List the live migrations of a server that are under way."""
    server = visible(request, tx)
    authorize(request, "os_compute_api:servers:migrations:index", server)
    hosts = request.allows("os_compute_api:servers:migrations:index:host", {"project_id": server.project_id})
    return {"migrations": [_view(request, row, hosts=hosts) for row in tx.rows(_OF_SERVER, {"the_server": server.id})]}


@routes.get("/{key}", policy="os_compute_api:servers:migrations:show", since=(2, 23), answer=envelope("migration", answers.UNDER_WAY))
def show_under_way(request: Request, tx: Transaction) -> Any:
    """Show a live migration that is under way."""
    server = visible(request, tx)
    authorize(request, "os_compute_api:servers:migrations:show", server)
    key = request.params["key"]
    row = _find(tx, server.id, key)
    if row is None:
        raise NotFound(f"In-progress live migration {key} is not found for server {server.id}.")
    if row.kind != LIVE:
        raise NotFound(f"Migration {key} for server {server.id} is not live-migration.")
    if row.status not in LIVE_UNDER_WAY:
        raise NotFound(f"Live migration {key} for server {server.id} is not in progress.")
    return {"migration": _view(request, row, hosts=True)}


def _require(tx: Transaction, server: Row, key: str, states: tuple[str, ...], verb: str, missing: type[Exception]) -> Row:
    row = _find(tx, server.id, key)
    if row is None:
        raise missing(f"Migration {key} not found for instance {server.id}")
    if row.status not in states:
        raise BadRequest(
            f"Migration {key} state of instance {server.id} is {row.status}. Cannot {verb} while the migration is in this state."
        )
    return row


@routes.delete("/{key}", policy="os_compute_api:servers:migrations:delete", since=(2, 24), status=202, answer=NOTHING)
def abort(request: Request, tx: Transaction) -> None:
    """Break off a live migration: the server stays where it is."""
    server = visible(request, tx)
    authorize(request, "os_compute_api:servers:migrations:delete", server)
    check_state(request, server, "abort live migration")
    states = (RUNNING, "queued", PREPARING) if request.at_least(2, 65) else (RUNNING,)
    _require(tx, server, request.params["key"], states, "abort live migration", NotFound)
    history.start(tx, request, server.id, "live_migration_cancel")
    request.cloud.cancel(tx, server.id)


_FORCE = fields({"force_complete": {"type": "null"}}, ("force_complete",))


@routes.post(
    "/{key}/action", policy="os_compute_api:servers:migrations:force_complete", since=(2, 22), status=202, body=_FORCE, answer=NOTHING
)
def force_complete(request: Request, tx: Transaction) -> None:
    """Have a live migration end soon. One that runs here moves the guest in one go, so there is nothing to hurry."""
    server = visible(request, tx)
    authorize(request, "os_compute_api:servers:migrations:force_complete", server)
    check_state(request, server, "force_complete")
    _require(tx, server, request.params["key"], (RUNNING,), "force complete", BadRequest)
    history.start(tx, request, server.id, "live_migration_force_complete")
