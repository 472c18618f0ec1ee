"""How the volumes of a type are to be encrypted. See keys for what comes of it."""

from typing import Any

from monostack.core import clock, ids
from monostack.core.errors import BadRequest, NotFound
from monostack.db import Row, Transaction
from monostack.http import Request, Response, Routes
from monostack.http.answers import ANYTHING, FLAG, ID, INTEGER, NOTHING, NULL, OBJECT, TEXT, Record, either, envelope, mapping, maybe
from monostack.http.schema import add_format
from monostack.services.volume.dialect import accepted
from monostack.services.volume.parameters import MAX_INT, TEXT_OR_NULL, Refusal, enveloped, fields
from monostack.services.volume.types.table import BY_ID, TYPES, by_id
from monostack.services.volume.volumes.table import OF_TYPE

RULES = "volume_extension:volume_type_encryption"
SETTABLE = ("cipher", "key_size", "provider", "control_location")
routes = Routes("/v3/types/{id}/encryption")


def _key_size(value: Any) -> bool:
    if value is not None and not str(value).removeprefix("-").isdigit():
        raise Refusal("Invalid input received: key_size must be an integer.")
    return True


add_format("volume-key-size", _key_size, Refusal)


def _body(*required: str) -> dict[str, Any]:
    return enveloped(
        "encryption",
        fields(
            required,
            open=True,
            key_size={"type": ["string", "integer", "null"], "format": "volume-key-size", "minimum": 0, "maximum": MAX_INT},
            provider={"type": "string", "minLength": 0, "maxLength": 255},
            control_location={"enum": ["front-end", "back-end"]},
            cipher=TEXT_OR_NULL,
        ),
    )


def encryption_differs(one: Row, other: Row) -> bool:
    """Are volumes of the two types encrypted in different ways?"""
    return _way(one) != _way(other)


def _way(kind: Row) -> dict[str, Any] | None:
    return {name: kind.encryption[name] for name in SETTABLE} if kind.encryption is not None else None


def _missing(type_id: str) -> NotFound:
    return NotFound(f"Volume type encryption for type {type_id} does not exist.", kind="VolumeTypeEncryptionNotFound")


def _require_unused(tx: Transaction, request: Request, verb: str) -> None:
    if tx.row(OF_TYPE, {"the_type": request.params["id"]}) is not None:
        raise BadRequest(f"Cannot {verb} encryption specs. Volume type in use.")


def _given(request: Request) -> dict[str, Any]:
    """What a body sets; what else is in it is answered, but not kept."""
    body: dict[str, Any] = request.body["encryption"]
    if body.get("key_size") is not None:
        body["key_size"] = int(body["key_size"])
    return body


_VALUE = {"type": ["string", "integer", "boolean", "null"]}
_CHOICES = {"cipher": maybe(TEXT), "key_size": maybe(INTEGER), "provider": TEXT, "control_location": TEXT}
_KEPT = {"volume_type_id": ID, "encryption_id": ID}
_TIMES = {"deleted_at": NULL, "deleted": FLAG, "created_at": maybe(TEXT), "updated_at": maybe(TEXT)}
_STORED = Record("TypeEncryption", {**_CHOICES, **_KEPT, **_TIMES})
_GIVEN = Record("NewTypeEncryption", _KEPT, ANYTHING)  # what was given, whatever it is


@routes.get("", policy=f"{RULES}:get", enforce=True, answer=either(_STORED, Record("", {})))
def show_encryption(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show how a type's volumes are to be encrypted: nothing if they are not."""
    return by_id(tx, request, request.params["id"]).encryption or {}


@routes.post("", policy=f"{RULES}:create", enforce=True, body=_body("provider", "control_location"), answer=envelope("encryption", _GIVEN))
def create_encryption(request: Request, tx: Transaction) -> dict[str, Any]:
    """Have the volumes of a type encrypted from now on. It must not have any yet."""
    given = _given(request)
    _require_unused(tx, request, "create")
    row = by_id(tx, request, request.params["id"])
    if row.encryption is not None:
        raise BadRequest(f"Volume type encryption for type {row.id} already exists.", kind="VolumeTypeEncryptionExists")
    own = {"volume_type_id": row.id, "encryption_id": ids.new_uuid()}
    times = {"deleted_at": None, "deleted": False, "created_at": clock.now().isoformat(timespec="microseconds"), "updated_at": None}
    TYPES.change(tx, request, row, {"encryption": {**{name: given.get(name) for name in SETTABLE}, **own, **times}})
    return {"encryption": {**given, **own}}


@routes.get("/{key}", policy=f"{RULES}:get", enforce=True, answer=mapping(_VALUE))
def show_item(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show one item of it."""
    row, key = by_id(tx, request, request.params["id"]), request.params["key"]
    if key not in (row.encryption or {}):
        raise _missing(row.id)
    return {key: row.encryption[key]}


@routes.put("/{key}", policy=f"{RULES}:update", enforce=True, body=_body(), answer=envelope("encryption", OBJECT))
def update_encryption(request: Request, tx: Transaction) -> dict[str, Any]:
    """Change some of it, while the type has no volumes."""
    given, row = _given(request), by_id(tx, request, request.params["id"])
    _require_unused(tx, request, "update")
    if row.encryption is None:
        raise _missing(row.id)
    changes = {name: given[name] for name in SETTABLE if name in given}
    now = clock.now().isoformat(timespec="microseconds")
    TYPES.change(tx, request, row, {"encryption": {**row.encryption, **changes, "updated_at": now}})
    return request.body


@routes.delete("/{key}", policy=f"{RULES}:delete", enforce=True, status=202, answer=NOTHING)
def delete_encryption(request: Request, tx: Transaction) -> Response:
    """Have the volumes of a type plain again, while it has none."""
    _require_unused(tx, request, "delete")
    row = tx.row(BY_ID, {"the_id": request.params["id"]})
    if row is None or row.encryption is None:
        raise _missing(request.params["id"])
    TYPES.change(tx, request, row, {"encryption": None})
    return accepted()
