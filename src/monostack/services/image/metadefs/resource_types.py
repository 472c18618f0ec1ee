"""Resource types, and which of them a namespace is for."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from monostack.core import clock
from monostack.core.errors import Conflict, NotFound
from monostack.db import Row, Transaction
from monostack.events import record
from monostack.http import Request, Response, Routes
from monostack.http.answers import envelope, many
from monostack.resources.style import seconds_z
from monostack.services.image.metadefs import schemas
from monostack.services.image.metadefs.lookup import authorize, check_unprotected, deleted, find, named, sees
from monostack.services.image.metadefs.table import associations, resource_types
from monostack.services.image.schemas import body_of

routes = Routes("/v2/metadefs")
# What every cloud knows of.
STANDARD = (
    "OS::Glance::Image", "OS::Cinder::Volume", "OS::Nova::Server", "OS::Nova::Aggregate", "OS::Nova::Flavor", "OS::Trove::Instance",
)  # fmt: skip
_BODY = schemas.Body(schemas.RESOURCE_TYPE)
_a = associations.c
_ALL = sa.select(resource_types).order_by(resource_types.c.created_at, resource_types.c.name)
_KNOWN = sa.select(resource_types.c.name).where(resource_types.c.name == sa.bindparam("the_name"))
_ADD_TYPE = sa.insert(resource_types)
_OF = sa.select(associations).where(_a.namespace_id.in_(sa.bindparam("ids", expanding=True))).order_by(_a.created_at, _a.name)
_ONE = sa.select(associations).where(_a.namespace_id == sa.bindparam("the_id"), _a.name == sa.bindparam("the_name"))
_ADD = sa.insert(associations).returning(associations)
_REMOVE = sa.delete(associations).where(_a.namespace_id == sa.bindparam("the_id"), _a.name == sa.bindparam("the_name"))


def bootstrap(tx: Transaction) -> None:
    """Make the standard resource types known."""
    for name in STANDARD:
        if tx.row(_KNOWN, {"the_name": name}) is None:
            tx.execute(_ADD_TYPE, {"name": name, "created_at": clock.now()})


def view(row: Row) -> dict[str, Any]:
    shown = {name: row._mapping[name] for name in ("name", "prefix", "properties_target") if row._mapping[name] is not None}
    return {**shown, "created_at": seconds_z(row.created_at), "updated_at": seconds_z(row.updated_at)}


def of_namespaces(tx: Transaction, ids: Sequence[str]) -> dict[str, list[Row]]:
    """The associations of namespaces, by the namespace's id."""
    found: dict[str, list[Row]] = {}
    for row in tx.rows(_OF, {"ids": list(ids)}) if ids else ():
        found.setdefault(row.namespace_id, []).append(row)
    return found


def prefix_of(tx: Transaction, namespace: Row, resource_type: str) -> str | None:
    """What the namespace's properties begin with on this resource type. Raises NotFound when it is not for it."""
    if tx.row(_KNOWN, {"the_name": resource_type}) is None:
        raise NotFound(f"The metadata definition resource-type with name={resource_type}, was not found.")
    row = tx.row(_ONE, {"the_id": namespace.id, "the_name": resource_type})
    if row is None:
        raise NotFound(
            f"The metadata definition resource-type association of resource-type={resource_type} to namespace={namespace.namespace}, "
            "was not found."
        )
    return row.prefix


def associate(tx: Transaction, namespace: Row, given: Mapping[str, Any]) -> Row:
    """The namespace is for this resource type, which becomes known if it was not. Raises Conflict if it is already."""
    name, now = given["name"], clock.now()
    if tx.row(_KNOWN, {"the_name": name}) is None:
        tx.execute(_ADD_TYPE, {"name": name, "created_at": now, "updated_at": now})
    elif tx.row(_ONE, {"the_id": namespace.id, "the_name": name}) is not None:
        raise Conflict(
            f"The metadata definition resource-type association of resource-type={name} to namespace={namespace.namespace} already exists."
        )
    values = {"prefix": given.get("prefix"), "properties_target": given.get("properties_target")}
    return tx.execute(_ADD, {"namespace_id": namespace.id, "name": name, **values, "created_at": now, "updated_at": now}).one()


@routes.get("/resource_types", policy="list_metadef_resource_types", answer=envelope("resource_types", many(schemas.RESOURCE_TYPE_ANSWER)))
def list_resource_types(request: Request, tx: Transaction) -> Any:
    """List all resource types."""
    authorize(request, "list_metadef_resource_types")
    shown = []
    for row in tx.rows(_ALL):
        times = {"created_at": seconds_z(row.created_at), "updated_at": seconds_z(row.updated_at)}
        shown.append({"name": row.name, **{name: value for name, value in times.items() if value is not None}})
    return {"resource_types": shown}


@routes.get(
    "/namespaces/{namespace}/resource_types",
    policy="list_metadef_resource_types",
    answer=envelope("resource_type_associations", many(schemas.ASSOCIATION_ANSWER)),
)
def list_associations(request: Request, tx: Transaction) -> Any:
    """List the resource types a namespace is for."""
    namespace = find(tx, request)
    authorize(request, "list_metadef_resource_types", namespace)
    rows = of_namespaces(tx, [namespace.id]).get(namespace.id, []) if sees(request, "get_metadef_resource_type", namespace) else []
    return {"resource_type_associations": [view(row) for row in rows]}


@routes.post(
    "/namespaces/{namespace}/resource_types", policy="add_metadef_resource_type_association", status=201, answer=schemas.ASSOCIATION_ANSWER
)
def add_association(request: Request, tx: Transaction) -> Any:
    """Say that a namespace is for a resource type."""
    given = _BODY.check(body_of(request))
    namespace = find(tx, request)
    authorize(request, "add_metadef_resource_type_association", namespace)
    row = associate(tx, namespace, given)
    record(tx, request, "metadef_resource_type.create", namespace.id, namespace.owner, {"name": row.name})
    return view(row)


@routes.delete("/namespaces/{namespace}/resource_types/{name}", policy="remove_metadef_resource_type_association")
def remove_association(request: Request, tx: Transaction) -> Response:
    """Say that a namespace is not for a resource type."""
    namespace = find(tx, request)
    authorize(request, "remove_metadef_resource_type_association", namespace)
    name = named(request, "name")
    if tx.row(_ONE, {"the_id": namespace.id, "the_name": name}) is None:
        raise NotFound(f"Failed to find resource type {name} to delete")
    check_unprotected(namespace, "resource-type-association", name)
    tx.execute(_REMOVE, {"the_id": namespace.id, "the_name": name})
    record(tx, request, "metadef_resource_type.delete", namespace.id, namespace.owner, {"name": name})
    return deleted()
