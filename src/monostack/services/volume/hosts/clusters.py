"""Clusters of volume services (3.7), and work that a service which died left behind (3.24).

Neither is here: each host serves its own volumes, and every operation is resumed by itself. Both are answered as by a Cinder without them.
"""

from typing import Any

from monostack.core.errors import NotFound
from monostack.db import Transaction
from monostack.http import Request, Routes
from monostack.http.answers import REFUSED, Record, envelope
from monostack.services.volume.hosts.services import VOLUME
from monostack.services.volume.parameters import FLAG, NAME, TEXT_OR_NULL, UUID, fields, query_flag
from monostack.services.volume.words import invalid_input

SINCE = (3, 7)
FILTERS = ("name", "binary", "is_up", "disabled", "num_hosts", "num_down_hosts")
REPLICATION = ("replication_status", "frozen", "active_backend_id")  # filters from 3.26 on
RESOURCES = ("Volume", "Snapshot")
ENABLE = fields(("name",), name=NAME, binary=TEXT_OR_NULL)
DISABLE = fields(("name",), name=NAME, binary=TEXT_OR_NULL, disabled_reason=TEXT_OR_NULL)
_HOST = {"type": ["string", "null"], "minLength": 1, "maxLength": 255, "pattern": "^[a-zA-Z0-9-._#@:/+]*$"}
CLEANUP = fields(
    cluster_name=_HOST,
    disabled=FLAG,
    host=_HOST,
    is_up=FLAG,
    binary={"enum": [VOLUME, "cinder-scheduler"]},
    resource_id={"oneOf": [{"type": "null"}, UUID]},
    resource_type={"type": ["string", "null"], "minLength": 0, "maxLength": 40},
    service_id={"type": ["string", "integer", "null"], "pattern": "^[0-9]*$", "maxLength": 11},
)
routes = Routes("/v3")


def _missing(name: str, binary: str) -> NotFound:
    return NotFound(f"Cluster {{'binary': '{binary}', 'name': '{name}'}} could not be found.", kind="ClusterNotFound")


def _list(request: Request) -> dict[str, Any]:
    known = (*FILTERS, *REPLICATION) if request.at_least(3, 26) else FILTERS
    unknown = [name for name in request.query_map if name not in known]
    if unknown:
        raise invalid_input(f"Invalid filter keys: {', '.join(unknown)}")
    for name in ("disabled", "is_up"):
        query_flag(request.query_map, name)
    return {"clusters": []}


_EMPTY = {"type": "array", "maxItems": 0}
_NONE = envelope("clusters", _EMPTY)


@routes.get("/clusters", since=SINCE, policy="clusters:get_all", enforce=True, answer=_NONE)
def list_clusters(request: Request, tx: Transaction) -> dict[str, Any]:
    """List clusters: there are none."""
    return _list(request)


@routes.get("/clusters/detail", since=SINCE, policy="clusters:get_all", enforce=True, answer=_NONE)
def list_detail(request: Request, tx: Transaction) -> dict[str, Any]:
    """List clusters with details: there are none."""
    return _list(request)


@routes.get("/clusters/{id}", since=SINCE, policy="clusters:get", enforce=True, answer=REFUSED)
def show_cluster(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show a cluster."""
    raise _missing(request.params["id"], request.query_map.get("binary", VOLUME))


@routes.put("/clusters/enable", since=SINCE, policy="clusters:update", body=ENABLE, enforce=True, answer=REFUSED)
def enable_cluster(request: Request, tx: Transaction) -> dict[str, Any]:
    """Let a cluster take new volumes."""
    raise _missing(request.body["name"], request.body.get("binary", VOLUME))


@routes.put("/clusters/disable", since=SINCE, policy="clusters:update", body=DISABLE, enforce=True, answer=REFUSED)
def disable_cluster(request: Request, tx: Transaction) -> dict[str, Any]:
    """Give a cluster no new volumes."""
    raise _missing(request.body["name"], request.body.get("binary", VOLUME))


@routes.post(
    "/workers/cleanup",
    since=(3, 24),
    policy="workers:cleanup",
    body=CLEANUP,
    enforce=True,
    status=202,
    answer=Record("", {"cleaning": _EMPTY, "unavailable": _EMPTY}),
)
def clean_up(request: Request, tx: Transaction) -> dict[str, Any]:
    """Clean up what services that died left undone: nothing, since operations are resumed or undone without being told to."""
    kind = (request.body.get("resource_type") or "").title()
    if kind and kind not in RESOURCES:
        raise invalid_input(f"Resource type {kind} not valid, must be {' or '.join(RESOURCES)}")
    resource_id = request.body.get("resource_id")
    if resource_id and not {"service_id", "cluster_name", "host"}.intersection(request.body):
        raise invalid_input(f"('There is no resource with UUID %s pending cleanup.', '{resource_id}')")
    return {"cleaning": [], "unavailable": []}
