"""Namespaces of metadata definitions."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import sqlalchemy as sa

from monostack.core import clock, ids
from monostack.core.errors import BadRequest, Conflict
from monostack.db import Row, Transaction
from monostack.events import record
from monostack.http import Request, Response, Routes
from monostack.http.answers import TEXT, Record, many, optional
from monostack.resources import query as list_queries
from monostack.services.image.metadefs import listing, resource_types, schemas
from monostack.services.image.metadefs.lookup import LISTED, authorize, check_unprotected, deleted, find, sees
from monostack.services.image.metadefs.objects import OBJECTS
from monostack.services.image.metadefs.parts import times
from monostack.services.image.metadefs.properties import PROPERTIES
from monostack.services.image.metadefs.table import associations, namespaces
from monostack.services.image.metadefs.tags import TAGS
from monostack.services.image.policy import is_admin
from monostack.services.image.schemas import body_of

routes = Routes("/v2/metadefs/namespaces")
_BODY = schemas.Body(schemas.NAMESPACE, "self", "schema")
_NOT_FOUND = "Metadata definition namespace={name} was not found."
_n = namespaces.c
_FOR_TYPES = _n.id.in_(sa.select(associations.c.namespace_id).where(associations.c.name.in_(sa.bindparam("types", expanding=True))))
_LISTED_FOR_TYPES = sa.and_(LISTED, _FOR_TYPES)
_TAKEN = sa.select(_n.id).where(_n.namespace == sa.bindparam("the_name"))
_ADD = sa.insert(namespaces).returning(namespaces)
_CHANGED = ("namespace", "display_name", "description", "visibility", "protected", "owner")
_CHANGE = (
    sa.update(namespaces)
    .where(_n.id == sa.bindparam("the_id"))
    .values({name: sa.bindparam(f"new_{name}") for name in (*_CHANGED, "updated_at")})
    .returning(namespaces)
)
_REMOVE = sa.delete(namespaces).where(_n.id == sa.bindparam("the_id"))


def _view(row: Row) -> dict[str, Any]:
    shown = {name: row._mapping[name] for name in _CHANGED if row._mapping[name] is not None}
    links = {"self": f"/v2/metadefs/namespaces/{row.namespace}", "schema": "/v2/schemas/metadefs/namespace"}
    return {**shown, **times(row), **links}


_IN_LIST = schemas.NAMESPACE_ANSWER.with_keys("NamespaceInList", {"resource_type_associations": optional(many(schemas.ASSOCIATION_ANSWER))})
_LIST = Record("", {"namespaces": many(_IN_LIST), "schema": TEXT, "first": TEXT, "next": optional(TEXT)})


@routes.get("", policy="get_metadef_namespaces", answer=_LIST)
def list_namespaces(request: Request, tx: Transaction) -> Any:
    """List the namespaces a caller may know of, with the resource types they are for."""
    wanted = listing.read(request, least=0, visibilities=("public", "private"))
    authorize(request, "get_metadef_namespaces")
    authorize(request, "list_metadef_resource_types")
    if wanted.sort_key not in _n:
        raise BadRequest(f"Sort key supplied is invalid: {wanted.sort_key}")
    limit = listing.DEFAULT_LIMIT if wanted.limit is None else wanted.limit
    rows = [row for row in _page(request, tx, wanted, limit) if sees(request, "get_metadef_namespace", row)]
    typed = resource_types.of_namespaces(tx, [row.id for row in rows])
    shown = []
    for row in rows:
        types = [resource_types.view(one) for one in typed.get(row.id, [])]
        shown.append({**_view(row), "resource_type_associations": types} if types else _view(row))
    params = {name: value for name, value in request.query_map.items() if name != "marker"}
    path = "/v2/metadefs/namespaces"
    answer = {"namespaces": shown, "schema": "/v2/schemas/metadefs/namespaces", "first": f"{path}?{urlencode(params)}" if params else path}
    if rows and len(rows) == limit:
        answer["next"] = f"{path}?{urlencode({**params, 'marker': rows[-1].namespace})}"
    return answer


def _page(request: Request, tx: Transaction, wanted: listing.Wanted, limit: int) -> list[Row]:
    direction = "desc" if wanted.descending else "asc"
    sorts = tuple((name, direction) for name in dict.fromkeys((wanted.sort_key, "created_at", "id")))
    types = request.query_map.get("resource_types")
    admin = is_admin(request)
    scope = {(True, False): None, (True, True): _FOR_TYPES, (False, False): LISTED, (False, True): _LISTED_FOR_TYPES}[admin, bool(types)]
    params: dict[str, Any] = {"caller_project": request.caller.project_id, "types": (types or "").split(","), "limit": limit}
    filters: tuple[tuple[str, str], ...] = (("visibility", "eq"),) if wanted.visibility else ()
    if wanted.visibility:
        params["f0"] = wanted.visibility
    if wanted.marker:
        at = find(tx, request, _NOT_FOUND, wanted.marker)
        params.update({f"m{index}": at._mapping[name] or "" for index, (name, _) in enumerate(sorts)})
    shape = (filters, sorts, True, bool(wanted.marker), False, False)
    return list(tx.rows(list_queries.statement(namespaces, scope, shape), params))


@routes.post("", policy="add_metadef_namespace", status=201, answer=schemas.NAMESPACE_AS_GIVEN)
def create_namespace(request: Request, tx: Transaction) -> Response:
    """Create a namespace, with all it consists of."""
    given = _BODY.check(body_of(request))
    authorize(request, "add_metadef_namespace")
    for name, rule in (
        ("resource_type_associations", "add_metadef_resource_type_association"),
        ("objects", "add_metadef_object"),
        ("properties", "add_metadef_property"),
        ("tags", "add_metadef_tag"),
    ):
        if given.get(name):
            authorize(request, rule)
    row = _insert(tx, request, given)
    _furnish(tx, row, given)
    record(tx, request, "metadef_namespace.create", row.id, row.owner)
    furniture = {name: given[name] for name in ("resource_type_associations", "objects", "properties", "tags") if given.get(name)}
    headers = {"location": f"{request.service_url}/v2/metadefs/namespaces/{row.namespace}"}
    return Response({**_view(row), **furniture}, 201, headers)


def _insert(tx: Transaction, request: Request, given: Mapping[str, Any]) -> Row:
    if tx.row(_TAKEN, {"the_name": given["namespace"]}) is not None:
        raise Conflict(f"The metadata definition namespace={given['namespace']} already exists.")
    now = clock.now()
    values = {name: given.get(name) for name in _CHANGED}
    values["visibility"] = given.get("visibility") or "private"
    values["protected"] = bool(given.get("protected"))
    values["owner"] = given.get("owner", request.caller.project_id)
    return tx.execute(_ADD, {"id": ids.new_uuid(), **values, "created_at": now, "updated_at": now}).one()


def _furnish(tx: Transaction, namespace: Row, given: Mapping[str, Any]) -> None:
    for one in given.get("resource_type_associations", []):
        resource_types.associate(tx, namespace, one)
    for one in given.get("objects", []):
        OBJECTS.add(tx, namespace, one["name"], {name: value for name, value in one.items() if name != "name"})
    for one in given.get("tags", []):
        TAGS.add(tx, namespace, one["name"], {})
    for name, one in given.get("properties", {}).items():
        PROPERTIES.add(tx, namespace, name, one)


@routes.get("/{namespace}", policy="get_metadef_namespace", answer=schemas.NAMESPACE_IN_FULL)
def show_namespace(request: Request, tx: Transaction) -> Any:
    """Show a namespace with all it consists of; with `resource_type` its properties have the names they have there."""
    namespace = find(tx, request, _NOT_FOUND)
    for rule in (
        "get_metadef_namespace", "list_metadef_resource_types", "get_metadef_objects", "get_metadef_properties", "get_metadef_tags",
    ):  # fmt: skip
        authorize(request, rule, namespace)
    types = resource_types.of_namespaces(tx, [namespace.id]).get(namespace.id, [])
    wanted = request.query_map.get("resource_type")
    prefix = next((one.prefix for one in types if one.name == wanted), None) or ""
    parts = {
        "objects": [_prefixed(OBJECTS.view(namespace, row), prefix) for row in OBJECTS.all(tx, namespace)],
        "resource_type_associations": [resource_types.view(row) for row in types],
        "properties": {prefix + row.name: row.document for row in PROPERTIES.all(tx, namespace)},
        "tags": [{"name": row.name} for row in TAGS.all(tx, namespace)],
    }
    return {**_view(namespace), **{name: value for name, value in parts.items() if value}}


def _prefixed(one: dict[str, Any], prefix: str) -> dict[str, Any]:
    properties = {prefix + name: value for name, value in one["properties"].items()}
    return {**one, "properties": properties, "required": [prefix + name for name in one["required"]]}


@routes.put("/{namespace}", policy="modify_metadef_namespace", answer=schemas.NAMESPACE_ANSWER)
def update_namespace(request: Request, tx: Transaction) -> Any:
    """Replace the attributes of a namespace; what is not given is as when it is created."""
    given = _BODY.check(body_of(request))
    namespace = find(tx, request)
    authorize(request, "modify_metadef_namespace", namespace)
    name = given["namespace"]
    if name != namespace.namespace and tx.row(_TAKEN, {"the_name": name}) is not None:
        text = "Invalid update. It would result in a duplicate metadata definition namespace with the same name of {}"
        raise Conflict(text.format(name))
    values = {f"new_{key}": given.get(key) for key in _CHANGED}
    values["new_visibility"] = given.get("visibility") or "private"
    values["new_protected"] = bool(given.get("protected"))
    values["new_owner"] = given.get("owner") or request.caller.project_id
    row = tx.execute(_CHANGE, {"the_id": namespace.id, **values, "new_updated_at": clock.now()}).one()
    record(tx, request, "metadef_namespace.update", row.id, row.owner)
    return _view(row)


@routes.delete("/{namespace}", policy="delete_metadef_namespace")
def delete_namespace(request: Request, tx: Transaction) -> Response:
    """Delete a namespace with all it consists of."""
    namespace = find(tx, request)
    authorize(request, "delete_metadef_namespace", namespace)
    check_unprotected(namespace, "namespace", namespace.namespace)
    tx.execute(_REMOVE, {"the_id": namespace.id})
    record(tx, request, "metadef_namespace.delete", namespace.id, namespace.owner)
    return deleted()
