"""Objects of a namespace: groups of properties."""

from typing import Any

from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.http.answers import TEXT, Record, many
from monostack.services.image.metadefs import listing, schemas
from monostack.services.image.metadefs.lookup import authorize, find, sees
from monostack.services.image.metadefs.parts import Kind, href, times


def _view(namespace: Row, row: Row) -> dict[str, Any]:
    own = {"required": [], "properties": {}, **row.document}
    return {"name": row.name, **own, **times(row), "self": href(namespace, "objects", row), "schema": "/v2/schemas/metadefs/object"}


OBJECTS = Kind(
    "object",
    "objects",
    schemas.Body(schemas.OBJECT, "self", "schema"),
    _view,
    {
        "add": "add_metadef_object",
        "get": "get_metadef_object",
        "modify": "modify_metadef_object",
        "remove": "delete_metadef_object",
    },
    answer=schemas.OBJECT_ANSWER,
    missing="Could not find metadata object {name}",
    duplicate="A metadata definition object with name={name} already exists in namespace={namespace}.",
    no_namespace="Metadata definition namespace={name} was not found.",
)
_ONE_PROPERTY = schemas.Body({**schemas.PROPERTY, "required": ["type", "title"]})
routes = OBJECTS.routes()


@routes.get("", policy="get_metadef_objects", answer=Record("", {"objects": many(schemas.OBJECT_ANSWER), "schema": TEXT}))
def list_objects(request: Request, tx: Transaction) -> Any:
    """List the objects of a namespace. Paging is checked and not done, as with Glance."""
    listing.read(request, least=1, visibilities=("public", "private", "shared"))
    namespace = find(tx, request, OBJECTS.no_namespace)
    authorize(request, "get_metadef_objects", namespace)
    rows = OBJECTS.all(tx, namespace) if sees(request, "get_metadef_object", namespace) else []
    return {"objects": [_view(namespace, row) for row in rows], "schema": "v2/schemas/metadefs/objects"}


@routes.post("", policy="add_metadef_object", status=201, answer=schemas.OBJECT_ANSWER)
def create_object(request: Request, tx: Transaction) -> Any:
    """Create an object."""
    given = OBJECTS.given(request)
    for one in given.get("properties", {}).values():
        _ONE_PROPERTY.match(one)
    namespace = find(tx, request, OBJECTS.no_namespace)
    authorize(request, "add_metadef_object", namespace)
    row = OBJECTS.make(request, tx, namespace, given["name"], given)
    # What was not given is not shown until it is read again.
    return {name: value for name, value in _view(namespace, row).items() if name not in ("required", "properties") or name in given}
