"""Creating, changing and deleting groups; adding and removing addresses."""

from typing import Any

import sqlalchemy as sa
from netaddr import IPNetwork

from monostack.core.errors import NotFound
from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.services.network import documents, rbac, standard
from monostack.services.network.address_groups.table import ADDRESS_GROUPS
from monostack.services.network.attributes import Values
from monostack.services.network.changes import changed
from monostack.services.network.groups.table import RULES
from monostack.services.network.values.lists import given_networks
from monostack.services.network.verbs import Verbs, shown
from monostack.services.network.words import conflict, refused

_USED = sa.select(RULES.table.c.id).where(RULES.table.c.remote_address_group_id == sa.bindparam("group_id")).limit(1)


def _canonical(addresses: list[str]) -> list[str]:
    return list(dict.fromkeys(str(IPNetwork(address).cidr) for address in addresses))


def create_group(tx: Transaction, request: Request, values: Values) -> Row:
    addresses = _canonical(values["addresses"])
    return standard.insert(ADDRESS_GROUPS, tx, request, {**values, "addresses": addresses}, revision=len(addresses))


def update_group(tx: Transaction, request: Request, row: Row, changes: Values) -> Row:
    return ADDRESS_GROUPS.change(tx, request, row, changes)


def delete_group(tx: Transaction, request: Request, row: Row) -> None:
    if tx.scalar(_USED, {"group_id": row.id}) is not None:
        raise conflict(f"Address group {row.id} is in use on one or more security group rules.", "AddressGroupInUse")
    rbac.forget(tx, row.id)
    standard.remove(ADDRESS_GROUPS, tx, request, row)


_SHARED = ("address_group:shared",)
VERBS = Verbs(ADDRESS_GROUPS, create=create_group, update=update_group, delete=delete_group, counted=False, unread=_SHARED)
_routes = VERBS.routes()
_BODY = documents.one_of("addresses", documents.TEXTS)


def _given(request: Request) -> list[str]:
    return _canonical(given_networks(request.body, "addresses"))


def _set(request: Request, tx: Transaction, row: Row, addresses: list[str]) -> Any:
    """The rules that name the group follow it."""
    row = ADDRESS_GROUPS.change(tx, request, row, {"addresses": addresses})
    changed(tx, request.cloud, "members", [row.id])
    return {"address_group": shown(ADDRESS_GROUPS.views(request, tx, [row])[0])}


@_routes.put("/{id}/add_addresses", policy="add_addresses", body_document=_BODY, answer=ADDRESS_GROUPS.answer_one)
def add_addresses(request: Request, tx: Transaction) -> Any:
    """Let the group have more addresses."""
    row, item = VERBS.look_up(request, tx, request.params["id"])
    VERBS.authorize(request, "add_addresses", item)
    given = _given(request)
    present = [address for address in given if address in row.addresses]
    if present:
        raise refused(f"Addresses {present} already exist in the address group {row.id}.", "AddressesAlreadyExist")
    return _set(request, tx, row, [*row.addresses, *given])


@_routes.put("/{id}/remove_addresses", policy="remove_addresses", body_document=_BODY, answer=ADDRESS_GROUPS.answer_one)
def remove_addresses(request: Request, tx: Transaction) -> Any:
    """Take addresses away."""
    row, item = VERBS.look_up(request, tx, request.params["id"])
    VERBS.authorize(request, "remove_addresses", item)
    given = _given(request)
    absent = [address for address in given if address not in row.addresses]
    if absent:
        raise NotFound(f"Addresses {absent} not found in the address group {row.id}.", kind="AddressesNotFound")
    return _set(request, tx, row, [address for address in row.addresses if address not in given])


routes = [_routes]
