"""Extra specs: what a volume type asks of the back end."""

from typing import Any

from monostack.core.errors import BadRequest, NotFound
from monostack.db import Row, Transaction
from monostack.http import Request, Routes
from monostack.http.answers import NOTHING, TEXT, envelope, mapping, maybe
from monostack.services.volume.parameters import EXTRA_SPECS_NO_SPACES, enveloped
from monostack.services.volume.types.table import TYPES, by_id, may_read_all, visible
from monostack.services.volume.volumes.table import OF_TYPE

YES = "<is> True"
routes = Routes("/v3/types/{id}/extra_specs")


def _readable(request: Request, row: Row) -> dict[str, Any]:
    return row.extra_specs if may_read_all(request) else visible(row.extra_specs)


def _changeable(tx: Transaction, request: Request) -> Row:
    """The type, if no volume has it. Raises BadRequest, NotFound."""
    if tx.row(OF_TYPE, {"the_type": request.params["id"]}) is not None:
        raise BadRequest("Volume Type is currently in use.")
    return by_id(tx, request, request.params["id"])


def _missing(request: Request) -> NotFound:
    return NotFound(
        f"Volume Type {request.params['id']} has no extra specs with key {request.params['key']}.", kind="VolumeTypeExtraSpecsNotFound"
    )


_SPECS = envelope("extra_specs", mapping(maybe(TEXT)))


@routes.get("", policy="volume_extension:types_extra_specs:index", enforce=True, answer=_SPECS)
def list_specs(request: Request, tx: Transaction) -> dict[str, Any]:
    """List a type's extra specs."""
    return {"extra_specs": _readable(request, by_id(tx, request, request.params["id"]))}


@routes.post(
    "",
    policy="volume_extension:types_extra_specs:create",
    enforce=True,
    body=enveloped("extra_specs", EXTRA_SPECS_NO_SPACES),
    answer=_SPECS,
)
def set_specs(request: Request, tx: Transaction) -> dict[str, Any]:
    """Add extra specs, or change them."""
    row = _changeable(tx, request)
    specs = {**row.extra_specs, **request.body["extra_specs"]}
    if specs.get("multiattach") == YES and specs.get("cacheable") == YES:
        raise BadRequest("cacheable cannot be set with multiattach.")
    TYPES.change(tx, request, row, {"extra_specs": specs})
    return request.body


@routes.get("/{key}", policy="volume_extension:types_extra_specs:show", enforce=True, answer=mapping(maybe(TEXT)))
def show_spec(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show one extra spec."""
    specs = _readable(request, by_id(tx, request, request.params["id"]))
    if request.params["key"] not in specs:
        raise _missing(request)
    return {request.params["key"]: specs[request.params["key"]]}


@routes.put(
    "/{key}",
    policy="volume_extension:types_extra_specs:update",
    enforce=True,
    body={**EXTRA_SPECS_NO_SPACES, "minProperties": 1, "maxProperties": 1},
    answer=mapping(maybe(TEXT)),
)
def update_spec(request: Request, tx: Transaction) -> dict[str, Any]:
    """Change one extra spec."""
    row = _changeable(tx, request)
    if request.params["key"] not in request.body:
        raise BadRequest("Request body and URI mismatch")
    TYPES.change(tx, request, row, {"extra_specs": {**row.extra_specs, **request.body}})
    return request.body


@routes.delete("/{key}", policy="volume_extension:types_extra_specs:delete", status=202, answer=NOTHING)
def delete_spec(request: Request, tx: Transaction) -> None:
    """Remove one extra spec."""
    by_id(tx, request, request.params["id"])
    request.authorize("volume_extension:types_extra_specs:delete")
    row = _changeable(tx, request)
    if request.params["key"] not in row.extra_specs:
        raise _missing(request)
    left = {key: value for key, value in row.extra_specs.items() if key != request.params["key"]}
    TYPES.change(tx, request, row, {"extra_specs": left})
