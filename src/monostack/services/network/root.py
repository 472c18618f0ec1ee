"""Versions, the list of core resources, and who provides the services."""

from typing import Any

from monostack.db import Transaction
from monostack.http import Request, Routes
from monostack.http.answers import FLAG, TEXT, Record, envelope, many
from monostack.services.network.style import LINK, only_fields, other_parameters

CORE = (("network", "networks"), ("subnet", "subnets"), ("subnetpool", "subnetpools"), ("port", "ports"))

PROVIDERS = ({"service_type": "L3_ROUTER_NAT", "name": "monostack", "default": True, "driver": "monostack"},)
"""Who makes services. `driver` is how a service profile names it."""

routes = Routes()


_VERSION = Record("Version", {"id": TEXT, "status": TEXT, "links": many(LINK)})
_RESOURCE = Record("ApiResource", {"name": TEXT, "collection": TEXT, "links": many(LINK)})
_PROVIDER = Record("ServiceProvider", {"service_type": TEXT, "name": TEXT, "default": FLAG})


@routes.get("/", public=True, answer=envelope("versions", many(_VERSION)))
def versions(request: Request, tx: Transaction) -> Any:
    """The versions of the API."""
    link = {"rel": "self", "href": f"{request.service_url}/v2.0/"}
    return {"versions": [{"id": "v2.0", "status": "CURRENT", "links": [link]}]}


@routes.get("/v2.0", answer=envelope("resources", many(_RESOURCE)))
def resources(request: Request, tx: Transaction) -> Any:
    """The core resources."""
    base = f"{request.service_url}/v2.0"
    links = {name: [{"rel": "self", "href": f"{base}/{collection}"}] for name, collection in CORE}
    return {"resources": [{"name": name, "collection": collection, "links": links[name]} for name, collection in CORE]}


@routes.get("/v2.0/service-providers", policy="get_service_provider", answer=envelope("service_providers", many(_PROVIDER)))
def service_providers(request: Request, tx: Transaction) -> Any:
    """Which implementation serves routers."""
    if not request.allows("get_service_provider"):
        return {"service_providers": []}
    wanted = {name: values for name, values in other_parameters(request).items() if name in _PROVIDER.keys}
    shown = [{name: provider[name] for name in _PROVIDER.keys} for provider in PROVIDERS]
    # A flag is compared with a text, and never the same.
    found = [one for one in shown if all(one[name] in values for name, values in wanted.items())]
    return {"service_providers": only_fields(request, found)}
