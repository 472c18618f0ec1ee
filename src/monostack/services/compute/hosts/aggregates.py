"""/os-aggregates: groups of hosts. The metadata availability_zone makes one a zone; the scheduler reads the rest."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from monostack.core import clock, ids
from monostack.core.errors import BadRequest, Conflict, Fault, NotFound
from monostack.db import Json, Row, Transaction
from monostack.events import record
from monostack.http import Request, Routes
from monostack.http.actions import Actions
from monostack.http.answers import NOTHING, envelope, many
from monostack.services.compute.hosts import answers
from monostack.services.compute.hosts.known import known_hosts
from monostack.services.compute.hosts.table import AGGREGATES, MEMBERS, aggregate_hosts, aggregates, changed
from monostack.services.compute.parameters import FQDN, METADATA_KEY, NAME, SPACED_NAME, ZONE_NAME, fields, one
from monostack.services.compute.parameters import Json as Schema
from monostack.services.compute.servers.table import servers
from monostack.services.placement import facade as placement

_a, _m = aggregates.c, aggregate_hosts.c
_BY_ID = sa.select(aggregates).where(_a.id == sa.bindparam("the_id"))
_BY_NAME = sa.select(_a.id).where(_a.name == sa.bindparam("the_name"))
_HOSTS = sa.select(_m.host).where(_m.aggregate_id == sa.bindparam("the_id")).order_by(_m.host)
_OF_HOST = sa.select(aggregates).join(aggregate_hosts, _m.aggregate_id == _a.id).where(_m.host == sa.bindparam("the_host")).order_by(_a.id)
_INSERT = sa.insert(aggregates).returning(aggregates)
_UPDATE = (
    sa.update(aggregates)
    .where(_a.id == sa.bindparam("the_id"))
    .values(name=sa.bindparam("v_name"), metadata=sa.bindparam("v_metadata", type_=Json), updated_at=sa.bindparam("v_time"))
)
_DELETE = sa.delete(aggregates).where(_a.id == sa.bindparam("the_id"))
_ADD = sa.insert(aggregate_hosts)
_REMOVE = sa.delete(aggregate_hosts).where(_m.aggregate_id == sa.bindparam("the_id"), _m.host == sa.bindparam("the_host"))
_SERVERS_ON = (
    sa.select(servers.c.id).where(servers.c.host.in_(sa.bindparam("the_hosts", expanding=True)), servers.c.deleted_at.is_(None)).limit(1)
)

_ZONE: Schema = {"oneOf": [ZONE_NAME, {"type": "null"}]}
_METADATA = {
    "type": "object",
    "patternProperties": {METADATA_KEY: {"type": ["string", "null"], "maxLength": 255}},
    "additionalProperties": False,
}
ACTIONS = Actions()
routes = Routes("/v2.1/os-aggregates")


def _view(request: Request, row: Row, hosts: list[str]) -> dict[str, Any]:
    metadata = row._mapping["metadata"]
    shown = {
        "id": row.id, "name": row.name, "hosts": hosts, "metadata": metadata, "availability_zone": metadata.get("availability_zone"),
        "created_at": row.created_at, "updated_at": row.updated_at, "deleted_at": None, "deleted": False,
    }  # fmt: skip
    if request.at_least(2, 41):
        shown["uuid"] = row.uuid
    return shown


def hosts_of(tx: Transaction, aggregate_id: int) -> list[str]:
    return [row.host for row in tx.rows(_HOSTS, {"the_id": aggregate_id})]


def _find(request: Request, tx: Transaction, action: str) -> Row:
    request.authorize(f"os_compute_api:os-aggregates:{action}", {})
    return find_aggregate(request, tx)


def find_aggregate(request: Request, tx: Transaction) -> Row:
    """The aggregate of the path. Raises BadRequest and NotFound."""
    given = request.params["id"]
    if not given.removeprefix("-").isdigit() or len(given) > 9:
        raise BadRequest("Invalid input received: id must be an integer")
    row = tx.row(_BY_ID, {"the_id": int(given)})
    if row is None:
        raise NotFound(f"Aggregate {given} could not be found.")
    return row


def _shown(request: Request, tx: Transaction, aggregate_id: int) -> dict[str, Any]:
    row = tx.row(_BY_ID, {"the_id": aggregate_id})
    assert row is not None, "it was found in this transaction"
    return {"aggregate": _view(request, row, hosts_of(tx, row.id))}


@routes.get("", policy="os_compute_api:os-aggregates:index", answer=envelope("aggregates", many(answers.AGGREGATE)))
def list_aggregates(request: Request, tx: Transaction) -> Any:
    """List aggregates."""
    request.authorize("os_compute_api:os-aggregates:index", {})
    members: dict[int, list[str]] = {}
    for row in tx.rows(MEMBERS):
        members.setdefault(row.aggregate_id, []).append(row.host)
    return {"aggregates": [_view(request, row, members.get(row.id, [])) for row in tx.rows(AGGREGATES)]}


@routes.get("/{id}", policy="os_compute_api:os-aggregates:show", answer=envelope("aggregate", answers.AGGREGATE))
def show_aggregate(request: Request, tx: Transaction) -> Any:
    """Show an aggregate."""
    return _shown(request, tx, _find(request, tx, "show").id)


@routes.post("", policy="os_compute_api:os-aggregates:create",
             body=one("aggregate", fields({"name": NAME, "availability_zone": _ZONE}, ("name",))),
             answer=envelope("aggregate", answers.NEW_AGGREGATE))  # fmt: skip
def create_aggregate(request: Request, tx: Transaction) -> Any:
    """Create an aggregate."""
    request.authorize("os_compute_api:os-aggregates:create", {})
    given = request.body["aggregate"]
    name, zone = given["name"].strip(), given.get("availability_zone")
    _free_name(tx, name)
    metadata = {"availability_zone": zone.strip()} if zone else {}
    values = {"uuid": ids.new_uuid(), "name": name, "metadata": metadata, "created_at": clock.now(), "updated_at": None}
    row = tx.execute(_INSERT, values).one()
    changed(tx)
    record(tx, request, "aggregate.create", row.uuid)
    shown = _view(request, row, [])
    del shown["hosts"], shown["metadata"]
    return {"aggregate": shown}


def _free_name(tx: Transaction, name: str, but: int | None = None) -> None:
    taken = tx.row(_BY_NAME, {"the_name": name})
    if taken is not None and taken.id != but:
        raise Conflict(f"Aggregate {name} already exists.")


def _write(request: Request, tx: Transaction, row: Row, name: str, metadata: Mapping[str, str]) -> Any:
    tx.execute(_UPDATE, {"the_id": row.id, "v_name": name, "v_metadata": dict(metadata), "v_time": clock.now()})
    changed(tx)
    record(tx, request, "aggregate.update", row.uuid)
    return _shown(request, tx, row.id)


_CHANGES = {
    **fields({"name": SPACED_NAME, "availability_zone": _ZONE}), "anyOf": [{"required": ["name"]}, {"required": ["availability_zone"]}],
}  # fmt: skip


@routes.put(
    "/{id}", policy="os_compute_api:os-aggregates:update", body=one("aggregate", _CHANGES), answer=envelope("aggregate", answers.AGGREGATE)
)
def update_aggregate(request: Request, tx: Transaction) -> Any:
    """Rename an aggregate, or make it another zone."""
    row = _find(request, tx, "update")
    given = request.body["aggregate"]
    name = given["name"].strip() if "name" in given else row.name
    _free_name(tx, name, but=row.id)
    metadata = dict(row._mapping["metadata"])
    if "availability_zone" in given:
        _set_zone(tx, row, metadata, given["availability_zone"], "Cannot update aggregate {id}. Reason: {reason}.")
    return _write(request, tx, row, name, metadata)


def _set_zone(tx: Transaction, row: Row, metadata: dict[str, str], zone: str | None, wording: str) -> None:
    """Raises BadRequest where hosts would be in two zones, or servers would change theirs."""

    def refuse(reason: str) -> Fault:
        return BadRequest(wording.format(id=row.id, reason=reason))

    if not zone:
        raise refuse(f"Aggregate {row.name} does not support empty named availability zone")
    hosts = hosts_of(tx, row.id)
    others = {other for host in hosts for other in _zones_of(tx, host, row.id)}
    if others - {zone}:
        raise refuse(f"One or more hosts already in availability zone(s) {sorted(others - {zone})}")
    if zone != metadata.get("availability_zone") and hosts and tx.row(_SERVERS_ON, {"the_hosts": hosts}) is not None:
        raise refuse("One or more hosts contain instances in this zone")
    metadata["availability_zone"] = zone


def _zones_of(tx: Transaction, host: str, but: int) -> set[str]:
    others = [row._mapping["metadata"] for row in tx.rows(_OF_HOST, {"the_host": host}) if row.id != but]
    return {metadata["availability_zone"] for metadata in others if "availability_zone" in metadata}


@routes.delete("/{id}", policy="os_compute_api:os-aggregates:delete", status=200, answer=NOTHING)
def delete_aggregate(request: Request, tx: Transaction) -> None:
    """Delete an aggregate without hosts."""
    row = _find(request, tx, "delete")
    if hosts_of(tx, row.id):
        raise BadRequest(f"Cannot remove host from aggregate {row.id}. Reason: Host aggregate is not empty.")
    tx.execute(_DELETE, {"the_id": row.id})
    changed(tx)
    record(tx, request, "aggregate.delete", row.uuid)


_HOST = fields({"host": FQDN}, ("host",))


def _tell_placement(tx: Transaction, host: str) -> None:
    known = known_hosts(tx).by_name.get(host)
    if known is not None:
        placement.set_aggregates(tx, known.id, [row.uuid for row in tx.rows(_OF_HOST, {"the_host": host})])


@ACTIONS.action(
    "add_host",
    status=200,
    body=one("add_host", _HOST),
    policy="os_compute_api:os-aggregates:add_host",
    answer=envelope("aggregate", answers.AGGREGATE),
)
def add_host(request: Request, tx: Transaction) -> Any:
    """Put a host into an aggregate."""
    row, host = _find(request, tx, "add_host"), request.body["add_host"]["host"]
    if host not in known_hosts(tx).by_name:
        raise NotFound(f"Compute host {host} could not be found.")
    if host in hosts_of(tx, row.id):
        raise Conflict(f"Aggregate {row.id} already has host {host}.")
    zone = row._mapping["metadata"].get("availability_zone")
    others = sorted(_zones_of(tx, host, row.id) - {zone}) if zone else []
    if others:
        raise Conflict(f"Cannot add host to aggregate {row.id}. Reason: One or more hosts already in availability zone(s) {others}.")
    if zone and zone != known_hosts(tx).zone_of(host) and tx.row(_SERVERS_ON, {"the_hosts": [host]}) is not None:
        raise Conflict(f"Cannot add host to aggregate {row.id}. Reason: One or more hosts contain instances in this zone.")
    tx.execute(_ADD, {"aggregate_id": row.id, "host": host})
    _tell_placement(tx, host)
    return _write(request, tx, row, row.name, row._mapping["metadata"])


@ACTIONS.action(
    "remove_host",
    status=200,
    body=one("remove_host", _HOST),
    policy="os_compute_api:os-aggregates:remove_host",
    answer=envelope("aggregate", answers.AGGREGATE),
)
def remove_host(request: Request, tx: Transaction) -> Any:
    """Take a host out of an aggregate."""
    row, host = _find(request, tx, "remove_host"), request.body["remove_host"]["host"]
    if tx.execute(_REMOVE, {"the_id": row.id, "the_host": host}).rowcount == 0:
        raise NotFound(f"Cannot remove host {host} in aggregate {row.id}")
    zone = row._mapping["metadata"].get("availability_zone")
    if zone and tx.row(_SERVERS_ON, {"the_hosts": [host]}) is not None:
        raise Conflict(f"Cannot remove host from aggregate {row.id}. Reason: One or more hosts contain instances in this zone.")
    _tell_placement(tx, host)
    return _write(request, tx, row, row.name, row._mapping["metadata"])


_SET_METADATA = one("set_metadata", one("metadata", _METADATA))


@ACTIONS.action(
    "set_metadata",
    status=200,
    body=_SET_METADATA,
    policy="os_compute_api:os-aggregates:set_metadata",
    answer=envelope("aggregate", answers.AGGREGATE),
)
def set_metadata(request: Request, tx: Transaction) -> Any:
    """Set metadata items; null removes one."""
    row = _find(request, tx, "set_metadata")
    given = dict(request.body["set_metadata"]["metadata"])
    metadata = dict(row._mapping["metadata"])
    if "availability_zone" in given:
        zone = given.pop("availability_zone")
        _set_zone(tx, row, metadata, zone, "Cannot update metadata of aggregate {id}. Reason: {reason}.")
    for name, value in given.items():
        if value is None:
            metadata.pop(name, None)
        else:
            metadata[name] = value
    return _write(request, tx, row, row.name, metadata)


ACTIONS.mount(routes, "/{id}/action", policy="os_compute_api:os-aggregates:add_host")
