"""This service's own calls, for the old volume API of the compute service, which passes its callers' wishes on.

Checks, policies, documents and faults are those of the same call over HTTP.
"""

from collections.abc import Mapping
from typing import Any

from monostack.db import Transaction
from monostack.http import Request
from monostack.http.schema import Schema
from monostack.services.volume.snapshots import api as snapshots
from monostack.services.volume.volumes import api as volumes
from monostack.services.volume.volumes import listing

Document = dict[str, Any]
_LISTS = {"volume": listing.list_detail, "snapshot": snapshots.list_detail}
_SHOWS = {"volume": volumes.show_volume, "snapshot": snapshots.show_snapshot}
_CREATES = {"volume": volumes.create_volume, "snapshot": snapshots.create_snapshot}
_BODIES = {"volume": Schema(volumes.CREATE[0][1]), "snapshot": Schema(snapshots.CREATE)}  # of the oldest version
_DELETES = {"volume": volumes.delete_volume, "snapshot": snapshots.delete_snapshot}


def list_some(tx: Transaction, request: Request, kind: str, offset: int, limit: int) -> list[Document]:
    """Those the caller sees, from `offset` on. `kind`: volume, snapshot."""
    asked = request.to("block-storage", query=[("offset", str(offset)), ("limit", str(limit))])
    return _LISTS[kind](asked, tx)[f"{kind}s"]


def show(tx: Transaction, request: Request, kind: str, id: str) -> Document:
    """Raises NotFound."""
    return _SHOWS[kind](request.to("block-storage", params={"id": id}), tx)[kind]


def create(tx: Transaction, request: Request, kind: str, values: Mapping[str, Any]) -> Document:
    """Raises what the call would be answered."""
    asked = request.to("block-storage", {kind: dict(values)})
    error = _BODIES[kind].error(asked.body, first=True)
    if error is not None:
        raise asked.service.dialect.invalid(error, asked)
    return _CREATES[kind](asked, tx)[kind]


def delete(tx: Transaction, request: Request, kind: str, id: str) -> None:
    """Raises what the call would be answered."""
    _DELETES[kind](request.to("block-storage", params={"id": id}), tx)
