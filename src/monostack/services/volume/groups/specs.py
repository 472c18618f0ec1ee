"""Group specs: what a group type asks of the back end."""

from typing import Any

from monostack.core.errors import BadRequest, NotFound
from monostack.db import Transaction
from monostack.http import Request, Response, Routes
from monostack.http.answers import NOTHING, TEXT, envelope, mapping
from monostack.services.volume.dialect import accepted
from monostack.services.volume.groups.types import GROUP_TYPES, SINCE, by_id
from monostack.services.volume.parameters import EXTRA_SPECS_NO_SPACES, enveloped

RULES = "group:group_types_specs"
routes = Routes("/v3/group_types/{id}/group_specs")


_SPECS = envelope("group_specs", mapping(TEXT))


@routes.get("", since=SINCE, policy=f"{RULES}:get_all", enforce=True, answer=_SPECS)
def list_specs(request: Request, tx: Transaction) -> dict[str, Any]:
    """List a group type's specs."""
    return {"group_specs": by_id(tx, request, request.params["id"]).specs}


@routes.post(
    "", since=SINCE, policy=f"{RULES}:create", enforce=True, body=enveloped("group_specs", EXTRA_SPECS_NO_SPACES), status=202,
    answer=_SPECS,
)
def set_specs(request: Request, tx: Transaction) -> dict[str, Any]:
    """Add specs, or change them."""
    row = by_id(tx, request, request.params["id"])
    GROUP_TYPES.change(tx, request, row, {"specs": {**row.specs, **request.body["group_specs"]}})
    return request.body


@routes.get("/{key}", since=SINCE, policy=f"{RULES}:get", enforce=True, answer=mapping(TEXT))
def show_spec(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show one spec."""
    row, key = by_id(tx, request, request.params["id"]), request.params["key"]
    if key not in row.specs:
        raise NotFound(f"Group Type {row.id} has no extra spec with key {key}.")
    return {key: row.specs[key]}


_ONE = {**EXTRA_SPECS_NO_SPACES, "minProperties": 1, "maxProperties": 1}


@routes.put("/{key}", since=SINCE, policy=f"{RULES}:update", enforce=True, body=_ONE, answer=mapping(TEXT))
def update_spec(request: Request, tx: Transaction) -> dict[str, Any]:
    """Change one spec."""
    row = by_id(tx, request, request.params["id"])
    if request.params["key"] not in request.body:
        raise BadRequest("Request body and URI mismatch")
    GROUP_TYPES.change(tx, request, row, {"specs": {**row.specs, **request.body}})
    return request.body


@routes.delete("/{key}", since=SINCE, policy=f"{RULES}:delete", enforce=True, status=202, answer=NOTHING)
def delete_spec(request: Request, tx: Transaction) -> Response:
    """Remove one spec."""
    row, key = by_id(tx, request, request.params["id"]), request.params["key"]
    if key not in row.specs:
        raise NotFound(f"Group Type {row.id} has no specs with key {key}.", kind="GroupTypeSpecsNotFound")
    GROUP_TYPES.change(tx, request, row, {"specs": {name: value for name, value in row.specs.items() if name != key}})
    return accepted()
