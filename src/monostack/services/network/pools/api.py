"""Creating, changing and deleting pools; adding and removing prefixes."""

from collections.abc import Mapping, Sequence
from typing import Any

from netaddr import IPNetwork, IPSet

from monostack.core import ids
from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.http.answers import TEXTS, envelope
from monostack.services.network import documents, rbac, standard
from monostack.services.network.attributes import Values
from monostack.services.network.pools import affinity
from monostack.services.network.pools.table import POOLS, default_of
from monostack.services.network.subnets.table import of_pool
from monostack.services.network.tags.api import tag_routes
from monostack.services.network.values.lists import given_networks
from monostack.services.network.verbs import Verbs
from monostack.services.network.words import invalid, refused

SMALLEST_PREFIX = {4: 8, 6: 64}
LARGEST_PREFIX = {4: 32, 6: 128}


def compact(prefixes: Sequence[str]) -> list[str]:
    """The same addresses in as few prefixes as possible."""
    return [str(prefix) for prefix in IPSet(prefixes).iter_cidrs()]


def _version(prefixes: Sequence[str]) -> int:
    if not prefixes:
        raise refused("Empty subnet pool prefix list.", "EmptySubnetPoolPrefixList")
    versions = {IPNetwork(prefix).version for prefix in prefixes}
    if len(versions) > 1:
        raise refused("Cannot mix IPv4 and IPv6 prefixes in a subnet pool.", "PrefixVersionMismatch")
    return versions.pop()


def _bounds(version: int, given: Mapping[str, Any]) -> dict[str, int]:
    """The three prefix lengths, completed and in order. Raises IllegalSubnetPoolPrefixBounds."""
    smallest = _chosen(given, "min_prefixlen", SMALLEST_PREFIX[version])
    largest = _chosen(given, "max_prefixlen", LARGEST_PREFIX[version])
    default = _chosen(given, "default_prefixlen", smallest)
    for name, value, other, bound, wrong in (
        ("min_prefixlen", smallest, "max_prefixlen", largest, smallest > largest),
        ("max_prefixlen", largest, "ip_version_max", LARGEST_PREFIX[version], largest > LARGEST_PREFIX[version]),
        ("default_prefixlen", default, "min_prefixlen", smallest, default < smallest),
        ("default_prefixlen", default, "max_prefixlen", largest, default > largest),
    ):
        if wrong:
            raise refused(f"Illegal prefix bounds: {name}={value}, {other}={bound}.", "IllegalSubnetPoolPrefixBounds")
    return {"min_prefixlen": smallest, "max_prefixlen": largest, "default_prefixlen": default}


def _chosen(given: Mapping[str, Any], name: str, otherwise: int) -> int:
    value = given.get(name)
    return otherwise if value is None else value


def _check_only_default(tx: Transaction, version: int) -> None:
    if default_of(tx, version) is not None:
        raise invalid(
            "A default subnetpool for this IP family has already been set. Only one default may exist per IP family"
        )


def create_pool(tx: Transaction, request: Request, values: Values) -> Row:
    version = _version(values["prefixes"])
    bounds = _bounds(version, values)
    if values["is_default"]:
        _check_only_default(tx, version)
    id = ids.new_uuid()
    affinity.check_pool(tx, request, id, version, values["prefixes"], values.get("address_scope_id"))
    given = {**values, **bounds, "id": id, "ip_version": version, "prefixes": compact(values["prefixes"])}
    row = standard.insert(POOLS, tx, request, given)
    if values["shared"]:
        rbac.grant(tx, row.project_id, "subnetpool", id, rbac.SHARED)
    return row


def update_pool(tx: Transaction, request: Request, row: Row, changes: Values) -> Row:
    if "prefixes" in changes:
        _version([*changes["prefixes"], *row.prefixes])
        if not IPSet(row.prefixes).issubset(IPSet(changes["prefixes"])):
            text = "Illegal update to prefixes: Existing prefixes must be a subset of the new prefixes."
            raise refused(text, "IllegalSubnetPoolPrefixUpdate")
        changes["prefixes"] = compact(changes["prefixes"])
    _bounds(row.ip_version, {**row._mapping, **changes})
    if changes.get("is_default") and not row.is_default:
        _check_only_default(tx, row.ip_version)
    affinity.check_change(tx, request, row)
    scope = changes.get("address_scope_id", row.address_scope_id)
    affinity.check_pool(tx, request, row.id, row.ip_version, changes.get("prefixes", row.prefixes), scope)
    if scope != row.address_scope_id:
        affinity.rescoped(tx, request.cloud, row.id)
    return POOLS.change(tx, request, row, changes)


def delete_pool(tx: Transaction, request: Request, row: Row) -> None:
    if of_pool(tx, row.id):
        raise refused("Unable to delete subnet pool: Subnet pool has existing allocations.", "SubnetPoolDeleteError")
    rbac.forget(tx, row.id)
    standard.remove(POOLS, tx, request, row)


VERBS = Verbs(POOLS, create=create_pool, update=update_pool, delete=delete_pool)
_routes = VERBS.routes()
_PREFIXES = documents.one_of("prefixes", documents.TEXTS)


def _given_prefixes(request: Request) -> list[str]:
    return given_networks(request.body, "prefixes")


@_routes.put("/{id}/add_prefixes", policy="add_prefixes", body_document=_PREFIXES, answer=envelope("prefixes", TEXTS))
def add_prefixes(request: Request, tx: Transaction) -> Any:
    """Let the pool have more prefixes."""
    row, item = VERBS.look_up(request, tx, request.params["id"])
    VERBS.authorize(request, "add_prefixes", item)
    given = _given_prefixes(request)
    if given:
        row = update_pool(tx, request, row, {"prefixes": [*row.prefixes, *given]})
    return {"prefixes": row.prefixes}


@_routes.put("/{id}/remove_prefixes", policy="remove_prefixes", body_document=_PREFIXES, answer=envelope("prefixes", TEXTS))
def remove_prefixes(request: Request, tx: Transaction) -> Any:
    """Take prefixes away that no subnet uses."""
    row, item = VERBS.look_up(request, tx, request.params["id"])
    VERBS.authorize(request, "remove_prefixes", item)
    removed = IPSet(_given_prefixes(request))
    if IPSet(row.prefixes).isdisjoint(removed):
        return {"prefixes": row.prefixes}
    if not IPSet([subnet.cidr for subnet in of_pool(tx, row.id)]).isdisjoint(removed):
        text = "Illegal update to prefixes: One or more the prefixes to be removed is in use by a subnet.."
        raise refused(text, "IllegalSubnetPoolPrefixUpdate")
    left = IPSet(row.prefixes) - removed
    row = POOLS.change(tx, request, row, {"prefixes": [str(prefix) for prefix in left.iter_cidrs()]})
    return {"prefixes": row.prefixes}


routes = [_routes, tag_routes(VERBS)]
