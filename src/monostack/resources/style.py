"""What differs between services in how plain resources look: envelopes, links, paging parameters, statuses, times, texts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from monostack.core.errors import Fault
from monostack.db import Row
from monostack.http.request import Request
from monostack.resources.query import ListQuery

if TYPE_CHECKING:
    from monostack.resources.resource import Resource


def seconds_z(value: str | None) -> str | None:
    """2026-11-22T04:53:38Z"""
    return value if value is None else value[:19] + "Z"


def micros(value: str | None) -> str | None:
    """2026-11-22T04:53:38.000000"""
    return value


def micros_z(value: str | None) -> str | None:
    """2026-11-22T04:53:38.000000Z"""
    return value if value is None else value + "Z"


@dataclass(frozen=True, slots=True)
class Style:
    """One per service.

    parse_list(request, resource) reads the query string; it raises the service's fault for a bad one.
    list_envelope(request, resource, items, query) is the whole answer of a list call.
    list_keys(resource) are the keys of such an answer beside the items', link_keys(resource) those that self_link adds to an item.
    not_found(resource, id) words a missing one. new_id makes ids. self_link adds to a shown item (Keystone's links).
    """

    parse_list: Callable[[Request, "Resource"], ListQuery]
    list_envelope: Callable[[Request, "Resource", Sequence[dict[str, Any]], ListQuery], Any]
    not_found: Callable[["Resource", str], Fault]
    new_id: Callable[[], str]
    bad_marker: Callable[["Resource", str], Fault | None] | None = None
    time: Callable[[str | None], str | None] = seconds_z
    self_link: Callable[[Request, "Resource", dict[str, Any]], None] | None = None
    link_keys: Callable[["Resource"], Mapping[str, Any]] = lambda resource: {}
    list_keys: Callable[["Resource"], Mapping[str, Any]] = lambda resource: {}
    update_method: str = "PUT"
    create_status: int = 200
    update_status: int = 200
    delete_status: int = 204
    additional_properties: bool = False  # Keystone keeps unknown attributes
    unknown_attribute: Callable[["Resource", Sequence[str], str], Fault] | None = None  # (resource, names, method)
    target: Callable[["Resource", Row], dict[str, Any]] | None = None  # a row as policy rules read it; None: its columns
    rule_before_existence: bool = False  # who may not see it learns nothing of whether it exists: 403 for what is not there, too
    read_only: Callable[["Resource", str], Fault] | None = None  # an attribute that may not be updated
