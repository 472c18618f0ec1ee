"""/allocations, and the allocations of a resource provider."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from monostack.core.errors import BadRequest, Conflict, NotFound
from monostack.db import Row, Transaction
from monostack.events import record
from monostack.http import Request, Response, Routes
from monostack.http.answers import INTEGER, TEXT, Record, mapping, maybe, since
from monostack.services.placement import dialect
from monostack.services.placement.allocations import consumers, rules, schemas
from monostack.services.placement.allocations.rules import Claim, allocations
from monostack.services.placement.exchange import body, dated
from monostack.services.placement.providers.table import BY_UUIDS, get, resource_providers
from monostack.services.placement.resource_classes import check_known

routes = Routes("/allocations")
provider_routes = Routes("/resource_providers/{uuid}/allocations")
UNKNOWN_OWNER = "00000000-0000-0000-0000-000000000000"  # before 1.8 nobody says for whom
UNKNOWN_TYPE = "unknown"
_a, _c, _p = allocations.c, consumers.consumers.c, resource_providers.c
_OF_CONSUMER = (
    sa.select(allocations, _p.generation, _c.project_id, _c.user_id, _c.consumer_type, _c.generation.label("consumer_generation"))
    .join(resource_providers, _p.uuid == _a.provider_uuid)
    .join(consumers.consumers, _c.uuid == _a.consumer_uuid)
    .where(_a.consumer_uuid == sa.bindparam("the_consumer"))
    .order_by(_p.created_at, _a.provider_uuid, _a.resource_class)
)
_OF_PROVIDER = (
    sa.select(allocations, _c.generation.label("consumer_generation"))
    .join(consumers.consumers, _c.uuid == _a.consumer_uuid)
    .where(_a.provider_uuid == sa.bindparam("the_provider"))
    .order_by(_a.consumer_uuid, _a.resource_class)
)


# --- showing ---------------------------------------------------------------------------------------------------------


def _newest(rows: Any) -> str:
    return max((row.created_at for row in rows), default="now")


_AT_PROVIDER = Record("Allocation", {"resources": mapping(INTEGER), "generation": INTEGER})
# What a consumer without allocations answers says nothing of who it is of.
_CONSUMER_ALLOCATIONS = Record(
    "ConsumerAllocations",
    {
        "allocations": mapping(_AT_PROVIDER), "project_id": since((1, 12), TEXT, optional=True),
        "user_id": since((1, 12), TEXT, optional=True), "consumer_generation": since((1, 28), maybe(INTEGER), optional=True),
        "consumer_type": since((1, 38), TEXT, optional=True),
    },
)  # fmt: skip
_BY_CONSUMER = Record("AllocationOfConsumer", {"resources": mapping(INTEGER), "consumer_generation": since((1, 28), INTEGER)})
_PROVIDER_ALLOCATIONS = Record("ProviderAllocations", {"allocations": mapping(_BY_CONSUMER), "resource_provider_generation": INTEGER})


@routes.get("/{consumer_uuid}", policy="placement:allocations:list", answer=_CONSUMER_ALLOCATIONS)
def list_of_consumer(request: Request, tx: Transaction) -> Response:
    """List what a consumer holds."""
    request.authorize("placement:allocations:list")
    rows = tx.rows(_OF_CONSUMER, {"the_consumer": request.params["consumer_uuid"]})
    held: dict[str, dict[str, Any]] = {}
    for row in rows:
        one = held.setdefault(row.provider_uuid, {"resources": {}, "generation": row.generation})
        one["resources"][row.resource_class] = row.used
    document: dict[str, Any] = {"allocations": held}
    if rows and request.at_least(1, 12):
        document.update(project_id=rows[0].project_id, user_id=rows[0].user_id)
        if request.at_least(1, 28):
            document["consumer_generation"] = rows[0].consumer_generation
        if request.at_least(1, 38):
            document["consumer_type"] = rows[0].consumer_type or UNKNOWN_TYPE
    return dated(request, document, _newest(rows))


@provider_routes.get("", policy="placement:resource_providers:allocations:list", answer=_PROVIDER_ALLOCATIONS)
def list_of_provider(request: Request, tx: Transaction) -> Response:
    """List what is held of a resource provider."""
    request.authorize("placement:resource_providers:allocations:list")
    try:
        provider = get(tx, request.params["uuid"])
    except NotFound as missing:
        raise NotFound(f"Resource provider '{request.params['uuid']}' not found: {missing.message}") from None
    rows = tx.rows(_OF_PROVIDER, {"the_provider": provider.uuid})
    held: dict[str, dict[str, Any]] = {}
    for row in rows:
        one = held.setdefault(row.consumer_uuid, {"resources": {}})
        one["resources"][row.resource_class] = row.used
        if request.at_least(1, 28):
            one["consumer_generation"] = row.consumer_generation
    return dated(request, {"allocations": held, "resource_provider_generation": provider.generation}, _newest(rows))


# --- writing ---------------------------------------------------------------------------------------------------------


def _check_consumer(request: Request, known: Mapping[str, Row], uuid: str, data: Mapping[str, Any]) -> None:
    """From 1.28 on a writer says which generation of the consumer it has seen; null: none. Raises Conflict."""
    if not request.at_least(1, 28):
        return
    given, row = data["consumer_generation"], known.get(uuid)
    text = None
    if row is None and given is not None:
        text = f"expected null but got {given}"
    elif row is not None and row.generation != given:
        text = f"expected {row.generation} but got {given}"
    if text is not None:
        raise Conflict(f"consumer generation conflict - {text}", kind=dialect.CONCURRENT_UPDATE)


def claims(tx: Transaction, request: Request, data: Mapping[str, Mapping[str, Any]]) -> list[Claim]:
    """What bodies by consumer ask for. Raises BadRequest for providers that do not exist, Conflict for old generations."""
    known = {row.uuid: row for row in tx.rows(consumers.BY_UUIDS, {"the_consumers": list(data)})}
    made = []
    for uuid, one in data.items():
        _check_consumer(request, known, uuid, one)
        amounts = {provider: dict(wanted["resources"]) for provider, wanted in one["allocations"].items()}
        owner = one.get("project_id", UNKNOWN_OWNER), one.get("user_id", UNKNOWN_OWNER)
        made.append(Claim(uuid, amounts, *owner, one.get("consumer_type")))
    wanted = sorted({provider for claim in made for provider in claim.amounts})
    found = {row.uuid for row in tx.rows(BY_UUIDS, {"the_uuids": wanted})} if wanted else set()
    for provider in wanted:
        if provider not in found:
            raise BadRequest(f"Allocation for resource provider '{provider}' that does not exist.")
    return made


def apply(tx: Transaction, request: Request, wanted: list[Claim]) -> None:
    """Write claims. Raises NotFound for an unknown resource class and Conflict for what does not fit."""
    check_known(tx, [name for claim in wanted for amounts in claim.amounts.values() for name in amounts])
    try:
        rules.replace(tx, wanted)
    except Conflict as refused:
        raise Conflict(f"Unable to allocate inventory: {refused.message}") from None
    for claim in wanted:
        record(tx, request, "allocation.update", claim.consumer_uuid, claim.project_id[:64])


@routes.put("/{consumer_uuid}", status=204, policy="placement:allocations:update")
def set_of_consumer(request: Request, tx: Transaction) -> None:
    """Let a consumer hold exactly this."""
    request.authorize("placement:allocations:update")
    text = request.params["consumer_uuid"]
    try:
        uuid = str(UUID(text))
    except ValueError:
        raise BadRequest(f"Malformed consumer_uuid: {text}") from None
    data = body(request, schemas.PUT)
    if not request.at_least(1, 12):
        listed = {one["resource_provider"]["uuid"]: {"resources": one["resources"]} for one in data["allocations"]}
        data = {**data, "allocations": listed}
    wanted = claims(tx, request, {uuid: data})
    try:
        apply(tx, request, wanted)
    except NotFound as missing:
        raise BadRequest(f"Unable to allocate inventory for consumer {uuid}: {missing.message}") from None


@routes.post("", since=(1, 13), status=204, policy="placement:allocations:manage")
def set_of_consumers(request: Request, tx: Transaction) -> None:
    """Let several consumers hold exactly this, all or none."""
    request.authorize("placement:allocations:manage")
    wanted = claims(tx, request, body(request, schemas.POST))
    try:
        apply(tx, request, wanted)
    except NotFound as missing:
        raise BadRequest(f"Unable to allocate inventory {missing.message}") from None


@routes.delete("/{consumer_uuid}", policy="placement:allocations:delete")
def delete_of_consumer(request: Request, tx: Transaction) -> None:
    """Take back all a consumer holds."""
    request.authorize("placement:allocations:delete")
    uuid = request.params["consumer_uuid"]
    if not rules.release(tx, [uuid]):
        raise NotFound(f"No allocations for consumer '{uuid}'")
    record(tx, request, "allocation.delete", uuid[:64])
