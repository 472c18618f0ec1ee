"""The image service: Glance's API v2 over a directory of files."""

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any

from monostack.authz.defaults.image import POLICIES
from monostack.cloud import Cloud
from monostack.core.errors import BadRequest
from monostack.db import Transaction
from monostack.http import Request, Routes, Service
from monostack.services.image import (
    actions,
    bits,
    data,
    importing,
    info,
    legacy_import,
    limits,
    locations,
    members,
    schemas,
    tags,
    tasks,
    versions,
    writing,
)
from monostack.services.image.dialect import DIALECT
from monostack.services.image.images import creation, deletion, listing, patch
from monostack.services.image.metadefs import namespaces, objects, properties, resource_types
from monostack.services.image.metadefs import tags as metadef_tags
from monostack.services.image.reconcilers import files
from monostack.services.image.store import Store
from monostack.services.image.workflows.import_image import IMPORT_IMAGE

_METADEFS = (namespaces, objects, properties, metadef_tags, resource_types)
_BODILESS = (listing, deletion, actions, tags, info, schemas)


def _refusing_bodies(group: Routes) -> Routes:
    """Glance refuses a body where it expects none."""

    def guarded(handler: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(handler)
        def call(request: Request, *transaction: Transaction) -> Any:
            if request.headers.get("content-length", "0") != "0":
                raise BadRequest("A body is not expected with this request.")
            return handler(request, *transaction)

        return call

    return Routes(group.prefix, [replace(route, handler=guarded(route.handler)) for route in group.entries])


def bootstrap(tx: Transaction, cloud: Cloud) -> None:
    """Make the store. Where there can be no other controller, whoever held an image before has died."""
    store = Store.of(cloud)
    store.make()
    bits.make_key(store)
    resource_types.bootstrap(tx)
    limits.bootstrap(tx, cloud)
    if cloud.db.is_sqlite:
        tx.execute(writing.EXPIRE_ALL)


SERVICE = Service(
    type="image",
    name="glance",
    prefix="/image",
    description="OpenStack Image",
    dialect=DIALECT,
    routes=(
        *[_refusing_bodies(module.routes) for module in _BODILESS],
        *[module.routes for module in (creation, patch, data, importing, legacy_import, locations, members, tasks, bits)],
        *[module.routes for module in (*_METADEFS, versions)],
    ),
    policies=POLICIES,
    workflows=(IMPORT_IMAGE,),
    reconcilers=(files.RECONCILER,),
    bootstrap=bootstrap,
    strict_paths=True,
    max_body=1 << 20,
)
