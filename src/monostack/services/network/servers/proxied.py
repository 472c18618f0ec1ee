"""This service's own calls, for the old network API of the compute service, which passes its callers' wishes on.

Checks, policies, documents and faults are those of the same call over HTTP. `kind` is what the resource is called in its documents.
"""

from collections.abc import Mapping
from typing import Any

from monostack.db import Transaction
from monostack.http import Request
from monostack.services.network.floatingips import api as floatingips
from monostack.services.network.groups import api as groups
from monostack.services.network.groups import default
from monostack.services.network.networks import api as networks
from monostack.services.network.ports import api as ports
from monostack.services.network.topologies.api import show_topology
from monostack.services.network.verbs import Verbs

Document = dict[str, Any]

_VERBS: dict[str, Verbs] = {
    verbs.resource.singular: verbs for verbs in (groups.GROUP_VERBS, groups.RULE_VERBS, floatingips.VERBS, networks.VERBS, ports.VERBS)
}


async def before_security_groups(request: Request) -> None:
    """To be awaited before a project's security groups are listed: it has its default one from the first list on."""
    await default.before_listing(request.to("network"))


def list_all(tx: Transaction, request: Request, kind: str, **filters: str | list[str]) -> list[Document]:
    """Those the caller sees that have the attributes given; of a list, one of its values."""
    query = [(name, one) for name, value in filters.items() for one in ([value] if isinstance(value, str) else value)]
    verbs = _VERBS[kind]
    return verbs.list_all(request.to("network", query=query), tx)[verbs.resource.plural]


def show(tx: Transaction, request: Request, kind: str, id: str) -> Document:
    """Raises NotFound."""
    return _VERBS[kind].show(request.to("network", params={"id": id}), tx)[kind]


def create(tx: Transaction, request: Request, kind: str, values: Mapping[str, Any]) -> Document:
    """Raises what the call would be answered."""
    return _VERBS[kind].create_all(request.to("network", {kind: dict(values)}), tx)[kind]


def update(tx: Transaction, request: Request, kind: str, id: str, changes: Mapping[str, Any]) -> Document:
    """Raises what the call would be answered."""
    return _VERBS[kind].update_one(request.to("network", {kind: dict(changes)}, {"id": id}), tx)[kind]


def delete(tx: Transaction, request: Request, kind: str, id: str) -> None:
    """Raises what the call would be answered."""
    _VERBS[kind].delete_one(request.to("network", params={"id": id}), tx)


def auto_allocated_network(tx: Transaction, request: Request) -> str:
    """The network that is made for a project which has none and wants one. Raises what the call would be answered."""
    shown = show_topology(request.to("network", params={"id": "None"}), tx)
    return shown["auto_allocated_topology"]["id"]
