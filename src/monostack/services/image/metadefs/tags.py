"""Tags of a namespace."""

from typing import Any

from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.resources.fields import TRUE
from monostack.services.image.metadefs import listing, schemas
from monostack.services.image.metadefs.lookup import authorize, find, named
from monostack.services.image.metadefs.parts import Kind, times
from monostack.services.image.schemas import body_of


def _view(namespace: Row, row: Row) -> dict[str, Any]:
    return {"name": row.name, **times(row)}


TAGS = Kind(
    "tag",
    "tags",
    schemas.Body(schemas.TAG),
    _view,
    {
        "add": "add_metadef_tag",
        "get": "get_metadef_tag",
        "modify": "modify_metadef_tag",
        "remove": "delete_metadef_tag",
        "remove_all": "delete_metadef_tags",
    },
    answer=schemas.TAG_ANSWER,
    missing="Could not find metadata tag {name}",
    duplicate=(
        "A metadata tag with name={name} already exists in namespace={namespace}. "
        "(Please note that metadata tag names are case insensitive)."
    ),
    folds=True,
)
_LIST = schemas.Body(schemas.TAG_LIST)
routes = TAGS.routes()


@routes.get("", policy="get_metadef_tags", answer=schemas.TAG_NAMES)
def list_tags(request: Request, tx: Transaction) -> Any:
    """List the names of a namespace's tags."""
    wanted = listing.read(request, least=0, visibilities=("public", "private", "shared"))
    namespace = find(tx, request)
    authorize(request, "get_metadef_tags", namespace)
    rows = list(TAGS.all(tx, namespace))
    rows.sort(key=lambda row: str(row._mapping.get(wanted.sort_key) or ""), reverse=wanted.descending)
    if wanted.marker:
        rows = rows[[row.key for row in rows].index(TAGS.get(tx, namespace, wanted.marker).key) + 1 :]
    return {"tags": [{"name": row.name} for row in rows[: wanted.limit]]}


@routes.post("", policy="add_metadef_tags", status=201, answer=schemas.TAG_NAMES)
def create_tags(request: Request, tx: Transaction) -> Any:
    """Give a namespace these tags in place of its own, or with `X-Openstack-Append: true` beside them."""
    names = [tag["name"] for tag in _LIST.check(body_of(request)).get("tags", [])]
    namespace = find(tx, request)
    authorize(request, "add_metadef_tags", namespace)
    if request.headers.get("x-openstack-append", "").strip().lower() not in TRUE:
        TAGS.remove_all(tx, namespace)
    for name in names:
        schemas.Body(schemas.TAG).match({"name": name})
        TAGS.make(request, tx, namespace, name, {})
    return {"tags": [{"name": name} for name in names]}


@routes.post("/{name}", policy="add_metadef_tag", status=201, answer=schemas.TAG_ANSWER)
def create_tag(request: Request, tx: Transaction) -> Any:
    """Create a tag."""
    namespace = find(tx, request)
    name = named(request, "name")
    TAGS.body.match({"name": name})
    authorize(request, "add_metadef_tag", namespace)
    return _view(namespace, TAGS.make(request, tx, namespace, name, {}))
