"""The operations on QoS specs, all for administrators."""

from typing import Any

from monostack.core.errors import BadRequest, Conflict, NotFound
from monostack.db import Row, Transaction
from monostack.http import Request, Response, Routes
from monostack.http.answers import ID, NOTHING, TEXT, Record, envelope, many, mapping
from monostack.services.volume.dialect import accepted
from monostack.services.volume.links import LINKS, linked, linked_page, links
from monostack.services.volume.lists import Listing, read
from monostack.services.volume.parameters import EXTRA_SPECS, enveloped, fields, query_flag
from monostack.services.volume.qos.table import BY_NAME, DISASSOCIATE_ALL, QOS, TYPES_OF, find
from monostack.services.volume.types.table import TYPES, by_id

RULE = "volume_extension:qos_specs_manage"
CONSUMERS = ("front-end", "back-end", "both")
_COLUMNS = {name: name for name in ("id", "name", "consumer", "created_at", "updated_at")}
_FILTERS = ("id", "name", "consumer")
LISTING = Listing(columns=_COLUMNS, open=_FILTERS, legacy=_FILTERS, strict=(99, 0), unsorted=("name", "consumer"))
CREATE = enveloped("qos_specs", fields(("name",), open=True, name={"type": "string", "format": "volume-short-name"}))
KEYS = {"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 255}, "uniqueItems": True}
routes = Routes("/v3/qos-specs")


def _shown(request: Request, row: Row) -> dict[str, Any]:
    specs = {"id": row.id, "name": row.name, "consumer": row.consumer, "specs": row.specs}
    return {"qos_specs": specs, "links": links(request, "qos-specs", row.id)}


def _split(given: dict[str, Any]) -> tuple[str | None, dict[str, str]]:
    """The consumer, and the specs. Raises BadRequest."""
    specs = {name: value for name, value in given.items() if name not in ("name", "consumer")}
    for name, value in specs.items():
        if not isinstance(value, str) or not name or len(name) > 255 or len(value) > 255:
            raise BadRequest(f"Invalid qos specs: {name} and its value must be texts of at most 255 characters.")
    consumer = given.get("consumer")
    if consumer is not None and consumer not in CONSUMERS:
        raise BadRequest(f"Invalid qos specs: the consumer must be one of {', '.join(CONSUMERS)}, not {consumer}.")
    return consumer, specs


_ONE = Record("", {"qos_specs": QOS.answer, "links": LINKS})
_ASSOCIATION = Record("QosAssociation", {"association_type": TEXT, "name": TEXT, "id": ID})


@routes.get("", policy=f"{RULE}:get_all", enforce=True, answer=linked("qos_specs", QOS.answer))
def list_specs(request: Request, tx: Transaction) -> dict[str, Any]:
    """List QoS specs."""
    rows = QOS.page(request, tx, read(request, QOS, LISTING))
    return linked_page(request, "qos-specs", rows, "qos_specs", [_shown(request, row)["qos_specs"] for row in rows])


@routes.post("", policy=f"{RULE}:create", body=CREATE, enforce=True, answer=_ONE)
def create_specs(request: Request, tx: Transaction) -> dict[str, Any]:
    """Create QoS specs."""
    body = request.body["qos_specs"]
    name, (consumer, specs) = body["name"].strip(), _split(body)
    if tx.row(BY_NAME, {"the_name": name}) is not None:
        raise Conflict(f"QoS Specs {name} already exists.", kind="QoSSpecsExists")
    row = QOS.insert(tx, request, {"name": name, "consumer": consumer or "back-end", "specs": specs, "updated_at": None})
    return _shown(request, row)


@routes.get("/{id}", policy=f"{RULE}:get", enforce=True, answer=_ONE)
def show_specs(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show QoS specs."""
    return _shown(request, find(tx, request))


@routes.put(
    "/{id}", policy=f"{RULE}:update", body=enveloped("qos_specs", EXTRA_SPECS), enforce=True, answer=envelope("qos_specs", mapping(TEXT))
)
def update_specs(request: Request, tx: Transaction) -> dict[str, Any]:
    """Set some of the specs, or who is to hold to them."""
    row, (consumer, specs) = find(tx, request), _split(request.body["qos_specs"])
    QOS.change(tx, request, row, {"consumer": consumer or row.consumer, "specs": {**row.specs, **specs}})
    return request.body


@routes.put("/{id}/delete_keys", policy=f"{RULE}:delete", body=enveloped("keys", KEYS), enforce=True, status=202, answer=NOTHING)
def delete_keys(request: Request, tx: Transaction) -> Response:
    """Remove some of the specs; if one is not there, none."""
    row = find(tx, request)
    for key in request.body["keys"]:
        if key not in row.specs:
            raise NotFound(f"QoS spec {row.id} has no spec with key {key}.", kind="QoSSpecsKeyNotFound")
    QOS.change(tx, request, row, {"specs": {name: value for name, value in row.specs.items() if name not in request.body["keys"]}})
    return accepted()


@routes.delete("/{id}", policy=f"{RULE}:delete", status=202, enforce=True, answer=NOTHING)
def delete_specs(request: Request, tx: Transaction) -> Response:
    """Delete QoS specs that no type has, or with `force` take them from the types that have them."""
    force = query_flag(request.query_map, "force")
    row = find(tx, request)
    if tx.row(TYPES_OF, {"the_specs": row.id}) is not None:
        if not force:
            raise BadRequest("Qos specs still in use.")
        tx.execute(DISASSOCIATE_ALL, {"the_specs": row.id})
    QOS.remove(tx, request, row)
    return accepted()


@routes.get("/{id}/associations", policy=f"{RULE}:get_all", enforce=True, answer=envelope("qos_associations", many(_ASSOCIATION)))
def list_associations(request: Request, tx: Transaction) -> dict[str, Any]:
    """List the volume types that have the specs."""
    types = tx.rows(TYPES_OF, {"the_specs": find(tx, request).id})
    return {"qos_associations": [{"association_type": "volume_type", "name": kind.name, "id": kind.id} for kind in types]}


def _type(request: Request, tx: Transaction) -> Row:
    type_id = request.query_map.get("vol_type_id")
    if not type_id:
        raise BadRequest("Volume Type id must not be None.")
    return by_id(tx, request, type_id)


# What these change is in the path of a GET, in Cinder as well.
@routes.get("/{id}/associate", policy=f"{RULE}:update", mode="write", status=202, enforce=True, answer=NOTHING)
def associate(request: Request, tx: Transaction) -> Response:
    """Give the specs to a volume type."""
    row, kind = find(tx, request), _type(request, tx)
    if kind.qos_specs_id not in (None, row.id):
        reason = f"Type {kind.id} is already associated with another qos specs: {kind.qos_specs_id}"
        raise BadRequest(f"Invalid volume type: {reason}", kind="InvalidVolumeType")
    TYPES.change(tx, request, kind, {"qos_specs_id": row.id})
    return accepted()


@routes.get("/{id}/disassociate", policy=f"{RULE}:update", mode="write", status=202, enforce=True, answer=NOTHING)
def disassociate(request: Request, tx: Transaction) -> Response:
    """Take the specs from a volume type."""
    find(tx, request)
    TYPES.change(tx, request, _type(request, tx), {"qos_specs_id": None})
    return accepted()


@routes.get("/{id}/disassociate_all", policy=f"{RULE}:update", mode="write", status=202, enforce=True, answer=NOTHING)
def disassociate_all(request: Request, tx: Transaction) -> Response:
    """Take the specs from every volume type."""
    tx.execute(DISASSOCIATE_ALL, {"the_specs": find(tx, request).id})
    return accepted()
