"""/flavors/{id}/os-extra_specs: what a flavor asks of its host beyond sizes."""

from typing import Any

import sqlalchemy as sa

from monostack.core.errors import BadRequest, NotFound
from monostack.db import Json, Row, Transaction
from monostack.http import Request, Routes
from monostack.http.answers import NOTHING, envelope, mapping
from monostack.services.compute.flavors.api import FLAVORS
from monostack.services.compute.flavors.extra_spec_rules import check
from monostack.services.compute.parameters import METADATA_KEY, one

_SPECS = {
    "type": "object",
    "patternProperties": {METADATA_KEY: {"type": ["string", "number"], "maxLength": 255}},
    "additionalProperties": False,
}
_SET = (
    sa.update(FLAVORS.table).where(FLAVORS.table.c.id == sa.bindparam("the_id")).values(extra_specs=sa.bindparam("the_specs", type_=Json))
)

routes = Routes("/v2.1/flavors/{id}/os-extra_specs")


def _authorize(request: Request, action: str) -> None:
    request.authorize(f"os_compute_api:os-flavor-extra-specs:{action}", {"project_id": request.caller.project_id})


def _flavor(request: Request, tx: Transaction) -> Row:
    return FLAVORS.get(request, tx, request.params["id"])


def _missing(request: Request) -> NotFound:
    return NotFound(f"Flavor {request.params['id']} has no extra specs with key {request.params['key']}.")


def _add(request: Request, tx: Transaction, given: dict[str, Any]) -> None:
    for name, value in given.items():
        if len(str(value)) > 255:
            raise BadRequest(f"Invalid input received: extra_specs value has {len(str(value))} characters, more than 255.")
        if request.at_least(2, 86):
            check(name, str(value))
    row = _flavor(request, tx)
    specs = {**(row.extra_specs or {}), **{name: str(value) for name, value in given.items()}}
    tx.execute(_SET, {"the_id": row.id, "the_specs": specs})


_VALUES = mapping({"type": ["string", "integer", "number"]})
_EXTRA_SPECS = envelope("extra_specs", _VALUES)


@routes.get("", policy="os_compute_api:os-flavor-extra-specs:index", answer=_EXTRA_SPECS)
def list_extra_specs(request: Request, tx: Transaction) -> Any:
    """List a flavor's extra specs."""
    _authorize(request, "index")
    return {"extra_specs": _flavor(request, tx).extra_specs or {}}


@routes.get("/{key}", policy="os_compute_api:os-flavor-extra-specs:show", answer=_VALUES)
def show_extra_spec(request: Request, tx: Transaction) -> Any:
    """Show one extra spec."""
    _authorize(request, "show")
    specs, key = _flavor(request, tx).extra_specs or {}, request.params["key"]
    if key not in specs:
        raise _missing(request)
    return {key: specs[key]}


@routes.post("", policy="os_compute_api:os-flavor-extra-specs:create", body=one("extra_specs", _SPECS), answer=_EXTRA_SPECS)
def create_extra_specs(request: Request, tx: Transaction) -> Any:
    """Set extra specs; others stay."""
    _authorize(request, "create")
    _add(request, tx, request.body["extra_specs"])
    return request.body


@routes.put(
    "/{key}", policy="os_compute_api:os-flavor-extra-specs:update", body={**_SPECS, "minProperties": 1, "maxProperties": 1}, answer=_VALUES
)
def update_extra_spec(request: Request, tx: Transaction) -> Any:
    """Set one extra spec."""
    _authorize(request, "update")
    if request.params["key"] not in request.body:
        raise BadRequest("Request body and URI mismatch")
    _add(request, tx, request.body)
    return request.body


@routes.delete("/{key}", policy="os_compute_api:os-flavor-extra-specs:delete", status=200, answer=NOTHING)
def delete_extra_spec(request: Request, tx: Transaction) -> None:
    """Delete one extra spec."""
    _authorize(request, "delete")
    row = _flavor(request, tx)
    specs = dict(row.extra_specs or {})
    if specs.pop(request.params["key"], None) is None:
        raise _missing(request)
    tx.execute(_SET, {"the_id": row.id, "the_specs": specs})
