"""Creating, changing and deleting routers, their interfaces and their extra routes."""

from collections.abc import Callable
from typing import Any

from monostack.core import ids
from monostack.db import Row, Transaction
from monostack.http import Request, Routes
from monostack.services.network import attributes, documents, standard
from monostack.services.network.attributes import Values
from monostack.services.network.changes import changed
from monostack.services.network.desired.hosting import pick
from monostack.services.network.desired.paths import has_choice
from monostack.services.network.flavors.api import choose
from monostack.services.network.flavors.table import FLAVORS
from monostack.services.network.ndp_proxies.gateways import check_new_router, check_router
from monostack.services.network.ports.delete import delete_port
from monostack.services.network.ports.table import get as get_port
from monostack.services.network.routers import gateways, interfaces
from monostack.services.network.routers.gateway import drop_gateway, set_gateway
from monostack.services.network.routers.subnets import check_routes, router_ports
from monostack.services.network.routers.table import INTERFACE, ROUTERS, check_gateway
from monostack.services.network.routers.table import get as get_router
from monostack.services.network.tags.api import tag_routes
from monostack.services.network.values.addresses import check_hostroutes
from monostack.services.network.verbs import Verbs
from monostack.services.network.words import bad, conflict, no_resource
from monostack.services.network.zones import check_hints

MAX_ROUTES = 30  # of one router; Neutron's default of max_routes


def create_router(tx: Transaction, request: Request, values: Values) -> Row:
    gateway = values.pop("external_gateway_info", None)
    check_hints(tx, "router", values["availability_zone_hints"])
    if "flavor_id" in values:
        choose(tx, FLAVORS.get(request, tx, str(values["flavor_id"])))
    id = ids.new_uuid()
    if values["enable_ndp_proxy"]:
        check_new_router(tx, id, gateway)
    values["enable_default_route_ecmp"] = bool(values.get("enable_default_route_ecmp"))
    defaults = {"id": id, "status": "ACTIVE", "routes": [], "has_choice": False, "enable_snat": True, "host_status": "DOWN"}
    row = standard.insert(ROUTERS, tx, request, {**values, **defaults, "host": pick(request.cloud, id)}, revision=1)
    if gateway:
        row = set_gateway(tx, request.cloud, request, row, gateway)
    changed(tx, request.cloud, "router", [row.id])
    return row


def update_router(tx: Transaction, request: Request, row: Row, changes: Values) -> Row:
    if "routes" in changes:
        check_routes(tx, row.id, changes["routes"])
        if len(changes["routes"]) > MAX_ROUTES:
            raise conflict("Quota exceeded for resources: ['router_route'].", "OverQuota")
        changes["has_choice"] = has_choice(changes["routes"])
    if "external_gateway_info" in changes:
        row = set_gateway(tx, request.cloud, request, row, changes.pop("external_gateway_info"))
        check_routes(tx, row.id, changes.get("routes", row.routes))
    if changes.get("enable_ndp_proxy"):
        check_router(tx, row)
    if changes.get("enable_default_route_ecmp", False) is None:
        del changes["enable_default_route_ecmp"]
    changed(tx, request.cloud, "router", [row.id])
    return ROUTERS.change(tx, request, row, changes)


def delete_router(tx: Transaction, request: Request, row: Row) -> None:
    attached = dict.fromkeys(port.id for port in router_ports(tx, row.id) if port.device_owner == INTERFACE)
    if attached:
        raise conflict(f"Router {row.id} has ports still attached: {', '.join(attached)}", "RouterInUse")
    drop_gateway(tx, request.cloud, row)
    for port_id in {port.id for port in router_ports(tx, row.id)}:
        delete_port(tx, request.cloud, None, get_port(tx, port_id))
    standard.remove(ROUTERS, tx, request, row)
    changed(tx, request.cloud, "router", [row.id])


VERBS = Verbs(ROUTERS, create=create_router, update=update_router, delete=delete_router)
actions = Routes("/v2.0/routers/{id}")
_GATEWAYS = documents.one_of("router", documents.one_of("external_gateways", {"type": "array", "items": {"type": "object"}}))
_ROUTES = documents.one_of("router", documents.one_of("routes", ROUTERS.by_name["routes"].schema()))


def _router(request: Request, tx: Transaction, rule: str) -> Row:
    row, item = VERBS.look_up(request, tx, request.params["id"])
    VERBS.authorize(request, rule, item)
    return row


@actions.put("/add_router_interface", policy="add_router_interface", body_document=interfaces.BODY, answer=interfaces.ANSWER)
def add_router_interface(request: Request, tx: Transaction) -> Any:
    """Plug a subnet or a port into a router."""
    row = _router(request, tx, "add_router_interface")
    return interfaces.add(tx, request, row, *interfaces.read_body(request.body, removing=False))


@actions.put("/remove_router_interface", policy="remove_router_interface", body_document=interfaces.BODY, answer=interfaces.ANSWER)
def remove_router_interface(request: Request, tx: Transaction) -> Any:
    """Unplug a subnet or a port."""
    row = _router(request, tx, "remove_router_interface")
    return interfaces.remove(tx, request, row, *interfaces.read_body(request.body, removing=True))


def _given_routes(request: Request) -> list[dict[str, str]]:
    router = request.body.get("router") if isinstance(request.body, dict) else None
    if not isinstance(router, dict) or "routes" not in router:
        raise bad("Invalid input for routes. Reason: a router with its routes is required.")
    try:
        return check_hostroutes(router["routes"])
    except ValueError as reason:
        raise bad(f"Invalid input for routes. Reason: {reason}.") from None


def _change_gateways(
    request: Request, tx: Transaction, action: str, change: Callable[[Transaction, Request, Row, list[Values]], Row]
) -> Any:
    row, item = VERBS.look_up(request, tx, request.params["id"])
    wanted = _given_gateways(request)
    fault = attributes.action_fault(request, action, "external_gateways", wanted, item)
    if fault is not None:
        raise fault if VERBS.sees(request, item) else no_resource()
    row = change(tx, request, row, wanted)
    check_routes(tx, row.id, row.routes)
    standard.bump(ROUTERS, tx, [row.id])
    changed(tx, request.cloud, "router", [row.id])
    return {"router": VERBS.render(request, tx, [get_router(tx, row.id)])[0]}


def _given_gateways(request: Request) -> list[Values]:
    router = request.body.get("router") if isinstance(request.body, dict) else None
    if not isinstance(router, dict):
        raise bad("Unable to find 'router' in request body")
    given = router.get("external_gateways") or []
    try:
        if not isinstance(given, list):
            raise ValueError(f"'{given}' is not a list")
        checked = [check_gateway(one) for one in given]
        if not all(checked):
            raise ValueError("a gateway has a network_id")
    except ValueError as reason:
        raise bad(f"Invalid input for external_gateways. Reason: {reason}.") from None
    return [one for one in checked if one]


@actions.put("/add_external_gateways", policy="add_external_gateways", body_document=_GATEWAYS, answer=ROUTERS.answer_one)
def add_external_gateways(request: Request, tx: Transaction) -> Any:
    """Give a router further external gateways."""
    return _change_gateways(request, tx, "add_external_gateways", gateways.add)


@actions.put("/update_external_gateways", policy="update_external_gateways", body_document=_GATEWAYS, answer=ROUTERS.answer_one)
def update_external_gateways(request: Request, tx: Transaction) -> Any:
    """Give a router these external gateways and no others."""
    return _change_gateways(request, tx, "update_external_gateways", gateways.replace)


@actions.put("/remove_external_gateways", policy="remove_external_gateways", body_document=_GATEWAYS, answer=ROUTERS.answer_one)
def remove_external_gateways(request: Request, tx: Transaction) -> Any:
    """Take external gateways from a router."""
    return _change_gateways(request, tx, "remove_external_gateways", gateways.remove)


@actions.put("/add_extraroutes", policy="add_extraroutes", body_document=_ROUTES, answer=ROUTERS.answer_one)
def add_extraroutes(request: Request, tx: Transaction) -> Any:
    """Add routes; those that are there already stay."""
    row = _router(request, tx, "add_extraroutes")
    added = [route for route in _given_routes(request) if route not in row.routes]
    row = update_router(tx, request, row, {"routes": [*row.routes, *added]})
    return {"router": VERBS.render(request, tx, [row])[0]}


@actions.put("/remove_extraroutes", policy="remove_extraroutes", body_document=_ROUTES, answer=ROUTERS.answer_one)
def remove_extraroutes(request: Request, tx: Transaction) -> Any:
    """Take routes away; those that are not there do not matter."""
    row = _router(request, tx, "remove_extraroutes")
    removed = _given_routes(request)
    row = update_router(tx, request, row, {"routes": [route for route in row.routes if route not in removed]})
    return {"router": VERBS.render(request, tx, [row])[0]}


routes = [VERBS.routes(), tag_routes(VERBS), actions]
