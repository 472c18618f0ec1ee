"""Whose files are asked for: the back end, which must be there and enabled."""

from collections.abc import Mapping
from typing import Any

from monostack.core.errors import BadRequest, NotFound
from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.http.routing import Version
from monostack.services.volume.hosts.services import VOLUME, seen
from monostack.services.volume.hosts.table import find
from monostack.services.volume.words import invalid_input


def unavailable() -> BadRequest:
    return BadRequest("Service is unavailable at this time.", kind="ServiceUnavailable")


def chosen(request: Request, given: Mapping[str, Any], clusters_since: Version) -> str | None:
    """The service that a body or a query names; None when it names a cluster. Raises BadRequest."""
    host, cluster = given.get("host"), given.get("cluster") if request.at_least(*clusters_since) else None
    if bool(host) == bool(cluster):
        several = request.at_least(*clusters_since)
        raise invalid_input("One and only one of cluster and host must be set." if several else "Host field is missing.")
    return host or None


def serving(request: Request, tx: Transaction, name: str | None) -> Row:
    """The row of the back end that a service's name (with or without its pool) is of. There are no clusters.

    Raises NotFound when there is none, BadRequest when it is away or disabled.
    """
    row = find(tx, name) if name is not None else None
    if row is None:
        on = f" on host {name.partition('#')[0]}" if name is not None else ""
        raise NotFound(f"Service {VOLUME} could not be found{on}.", kind="ServiceNotFound")
    if row.disabled or not seen(request, row)[0]:
        raise unavailable()
    return row
