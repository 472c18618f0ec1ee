"""Properties of a namespace."""

from typing import Any

from monostack.core.errors import NotFound
from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.http.answers import envelope, mapping
from monostack.services.image.metadefs import schemas
from monostack.services.image.metadefs.lookup import authorize, find, named
from monostack.services.image.metadefs.parts import Kind
from monostack.services.image.metadefs.resource_types import prefix_of


def _view(namespace: Row, row: Row) -> dict[str, Any]:
    return {"name": row.name, **row.document}


PROPERTIES = Kind(
    "property",
    "properties",
    schemas.Body(schemas.PROPERTY),
    _view,
    {
        "add": "add_metadef_property",
        "get": "get_metadef_property",
        "modify": "modify_metadef_property",
        "remove": "remove_metadef_property",
    },
    answer=schemas.PROPERTY_ANSWER,
    missing="Could not find property {name}",
    duplicate="A metadata definition property with name={name} already exists in namespace={namespace}.",
)
routes = PROPERTIES.routes()
routes.entries = [route for route in routes.entries if route.method != "GET"]
routes.add("POST", "", PROPERTIES.create, "write", policy="add_metadef_property", status=201, answer=schemas.PROPERTY_ANSWER)


@routes.get("", policy="get_metadef_properties", answer=envelope("properties", mapping(schemas.PROPERTY_ANSWER)))
def list_properties(request: Request, tx: Transaction) -> Any:
    """List the properties of a namespace, by their names."""
    namespace = find(tx, request)
    authorize(request, "get_metadef_properties", namespace)
    return {"properties": {row.name: _view(namespace, row) for row in PROPERTIES.all(tx, namespace)}}


@routes.get("/{name}", policy="get_metadef_property", answer=schemas.PROPERTY_ANSWER)
def show_property(request: Request, tx: Transaction) -> Any:
    """Show a property; with `resource_type` by the name it has there, which begins with the association's prefix."""
    namespace = find(tx, request)
    authorize(request, "get_metadef_property", namespace)
    name = named(request, "name")
    resource_type = request.query_map.get("resource_type")
    if resource_type:
        authorize(request, "get_metadef_resource_type", namespace)
        prefix = prefix_of(tx, namespace, resource_type)
        if not prefix or not name.startswith(prefix):
            raise NotFound(f"Property {name} does not start with the expected resource type association prefix of '{prefix}'.")
        name = name.removeprefix(prefix)
    return _view(namespace, PROPERTIES.get(tx, namespace, name))
