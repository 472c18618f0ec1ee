"""/allocation_candidates: where a request for resources could be met, as bodies ready for PUT /allocations."""

from typing import Any

from monostack.core.errors import BadRequest, NotFound
from monostack.db import Transaction
from monostack.http import Request, Response, Routes
from monostack.http.answers import ID, INTEGER, TEXTS, Record, changing, envelope, many, mapping, maybe, since
from monostack.services.placement import resource_classes, traits
from monostack.services.placement.candidates.answers import Answer, Found, find
from monostack.services.placement.candidates.groups import Wanted, parse
from monostack.services.placement.exchange import by_version, dated, query

routes = Routes("/allocation_candidates")
_TEXT, _ONE_TEXT = {"type": "string"}, {"type": ["string"]}
_LIMIT = {"type": ["integer", "string"], "pattern": "^[1-9][0-9]*$", "minimum": 1, "minLength": 1}
_POLICY = {"type": "string", "enum": ["none", "isolate"]}
_NUMBER, _WORD = "[1-9][0-9]*", "[a-zA-Z0-9_-]{1,64}"


def _single(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"resources": _TEXT, **properties}, "required": ["resources"], "additionalProperties": False}


def _grouped(suffix: str, prefixes: tuple[str, ...], **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"limit": _LIMIT, "group_policy": _POLICY, **properties},
        "additionalProperties": False,
        "patternProperties": {f"^{prefix}({suffix})?$": _TEXT for prefix in prefixes},
    }


_THREE = ("resources", "required", "member_of")
_FOUR = (*_THREE, "in_tree")
_LIST = by_version(
    ((1, 10), _single()),
    ((1, 16), _single(limit=_LIMIT)),
    ((1, 17), _single(limit=_LIMIT, required=_ONE_TEXT)),
    ((1, 21), _single(limit=_LIMIT, required=_ONE_TEXT, member_of=_ONE_TEXT)),
    ((1, 25), _grouped(_NUMBER, _THREE)),
    ((1, 31), _grouped(_NUMBER, _FOUR)),
    ((1, 33), _grouped(_WORD, _FOUR)),
    ((1, 35), _grouped(_WORD, _FOUR, root_required=_ONE_TEXT)),
    ((1, 36), _grouped(_WORD, _FOUR, root_required=_ONE_TEXT, same_subtree=_ONE_TEXT)),
)


def _request(request: Request, answer: Answer) -> dict[str, Any]:
    if not request.at_least(1, 12):
        listed = [{"resource_provider": {"uuid": uuid}, "resources": amounts} for uuid, amounts in answer.amounts.items()]
        return {"allocations": listed}
    shown: dict[str, Any] = {"allocations": {uuid: {"resources": amounts} for uuid, amounts in answer.amounts.items()}}
    if request.at_least(1, 34):
        shown["mappings"] = {suffix: sorted(uuids) for suffix, uuids in answer.mappings.items()}
    return shown


def _summaries(request: Request, wanted: Wanted, found: Found) -> dict[str, dict[str, Any]]:
    asked = {name for group in wanted.groups.values() for name in group.resources}
    shown: dict[str, dict[str, Any]] = {}
    for uuid, provider in found.providers.items():
        resources = {
            name: {"capacity": int(room.inventory.capacity), "used": room.used}
            for name, room in provider.room.items()
            if name in asked or request.at_least(1, 27)
        }
        shown[uuid] = {"resources": resources}
        if request.at_least(1, 17):
            shown[uuid]["traits"] = traits.in_order(provider.traits)
        if request.at_least(1, 29):
            shown[uuid].update(parent_provider_uuid=provider.parent, root_provider_uuid=provider.root)
    return shown


_AMOUNTS = envelope("resources", mapping(INTEGER))
_AS_LIST = many(Record("", {"resource_provider": envelope("uuid", ID), "resources": mapping(INTEGER)}))
_REQUEST = {"allocations": changing(((1, 10), _AS_LIST), ((1, 12), mapping(_AMOUNTS))), "mappings": since((1, 34), mapping(many(ID)))}
_SUMMARY = {
    "resources": mapping(Record("Capacity", {"capacity": INTEGER, "used": INTEGER})), "traits": since((1, 17), TEXTS),
    "parent_provider_uuid": since((1, 29), maybe(ID)), "root_provider_uuid": since((1, 29), ID),
}  # fmt: skip
_CANDIDATES = Record(
    "AllocationCandidates",
    {
        "allocation_requests": many(Record("AllocationRequest", _REQUEST)),
        "provider_summaries": mapping(Record("ProviderSummary", _SUMMARY)),
    },
)


@routes.get("", since=(1, 10), policy="placement:allocation_candidates:list", answer=_CANDIDATES)
def list_candidates(request: Request, tx: Transaction) -> Response:
    """List allocation candidates."""
    request.authorize("placement:allocation_candidates:list")
    query(request, _LIST)
    wanted = parse(request)
    try:
        resource_classes.check_known(tx, [name for group in wanted.groups.values() for name in group.resources])
    except NotFound as missing:
        raise BadRequest(f"Invalid resource class in resources parameter: {missing.message}") from None
    try:
        traits.check_known(tx, wanted.traits())
    except NotFound as missing:
        raise BadRequest(missing.message) from None
    found = find(tx, wanted, nested_aware=request.at_least(1, 29))
    document = {
        "allocation_requests": [_request(request, answer) for answer in found.answers],
        "provider_summaries": _summaries(request, wanted, found),
    }
    return dated(request, document)
