"""What this image service can do: import methods, stores, usage."""

from typing import Any

from monostack.db import Transaction
from monostack.http import Request, Routes
from monostack.http.answers import FLAG, INTEGER, TEXT, TEXTS, Record, envelope, many, mapping
from monostack.services.image import limits
from monostack.services.image.images.image import STORE
from monostack.services.image.store import BLOCK

routes = Routes("/v2/info")

_USAGE = Record("LimitUsage", {"usage": INTEGER, "limit": INTEGER})
_STORE = {"id": TEXT, "default": TEXT}
_PROPERTIES = Record("StoreProperties", {"data_dir": TEXT, "chunk_size": INTEGER, "thin_provisioning": FLAG})
_DETAILS = {**_STORE, "type": TEXT, "properties": _PROPERTIES, "weight": INTEGER}


@routes.get("/import", answer=envelope("import-methods", Record("ImportMethods", {"description": TEXT, "type": TEXT, "value": TEXTS})))
def show_import(request: Request, tx: Transaction) -> dict[str, Any]:
    """List the import methods."""
    methods = request.cloud.config.image.import_methods
    return {"import-methods": {"description": "Import methods available.", "type": "array", "value": methods}}


@routes.get("/stores", answer=envelope("stores", many(Record("Store", _STORE))))
def list_stores(request: Request, tx: Transaction) -> dict[str, Any]:
    """List the stores."""
    return {"stores": [{"id": STORE, "default": "true"}]}


@routes.get("/stores/detail", policy="stores_info_detail", enforce=True, answer=envelope("stores", many(Record("StoreDetails", _DETAILS))))
def list_stores_detail(request: Request, tx: Transaction) -> dict[str, Any]:
    """List the stores with what administrators may know of them."""
    properties = {"data_dir": request.cloud.config.image.directory, "chunk_size": BLOCK, "thin_provisioning": False}
    return {"stores": [{"id": STORE, "default": "true", "type": "file", "properties": properties, "weight": 0}]}


@routes.get("/usage", answer=envelope("usage", mapping(_USAGE)))
def show_usage(request: Request, tx: Transaction) -> dict[str, Any]:
    """List what the project uses of its limits, where there are any."""
    return {"usage": limits.usage(tx, request.cloud, request.caller.project_id)}
