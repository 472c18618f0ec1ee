"""/manageable_volumes, and the action that gives a volume up."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from monostack.core.errors import BadRequest, NotFound
from monostack.db import Row, Transaction
from monostack.http import Request, Response
from monostack.http.answers import envelope
from monostack.protocol.volumes import volume_name
from monostack.services.volume.dialect import accepted
from monostack.services.volume.hosts.serving import chosen, serving
from monostack.services.volume.managing import lists
from monostack.services.volume.parameters import (
    DESCRIPTION,
    FLAG,
    HOST,
    METADATA_OR_NULL,
    TEXT_OR_NULL,
    as_flag,
    enveloped,
    fields,
    trimmed,
)
from monostack.services.volume.quotas import claims
from monostack.services.volume.types import table as types
from monostack.services.volume.volumes import deletion
from monostack.services.volume.volumes.actions import actions
from monostack.services.volume.volumes.lookup import named
from monostack.services.volume.volumes.table import BRIEF, EXTENSIONS, VOLUMES, disk_format
from monostack.services.volume.words import ZONE, invalid_type

RULES = "volume_extension"
CLUSTERS = (3, 16)
# The answer is that of 3.0, whatever was asked for.
LATER = ("group_id", "provider_id", "service_uuid", "shared_targets", "cluster_name", "volume_type_id", "consumes_quota")
_FIELDS = {
    "description": DESCRIPTION,
    "availability_zone": TEXT_OR_NULL,
    "bootable": FLAG,
    "volume_type": TEXT_OR_NULL,
    "name": TEXT_OR_NULL,
    "host": HOST,
    "ref": {"type": ["object", "string"]},
    "metadata": METADATA_OR_NULL,
}
BODY = [
    ((0, 0), enveloped("volume", fields(("ref",), **_FIELDS))),
    (CLUSTERS, enveloped("volume", fields(("ref",), **_FIELDS, cluster=TEXT_OR_NULL))),
]
_v = VOLUMES.table.c
_HERE = sa.select(_v.id, _v.size).where(
    _v.host == sa.bindparam("the_host"), _v.pool == sa.bindparam("the_pool"), _v.status.not_in(("managing", "error_managing"))
)
_EXISTS = sa.select(_v.id).where(_v.id == sa.bindparam("the_id"))


def reference(given: Any) -> str | None:
    """The name of the file that a `ref` means; None where it does not say it."""
    found = given.get("source-name") if isinstance(given, dict) else None
    return found if isinstance(found, str) else None


def _managed(tx: Transaction, backend: Row) -> list[dict[str, Any]]:
    rows = tx.rows(_HERE, {"the_host": backend.host, "the_pool": backend.pool})
    return [lists.managed(volume_name(row.id), row.size, row.id) for row in rows]


def _kind(request: Request, tx: Transaction, wanted: str | None) -> Row:
    try:
        kind = types.find(tx, request, wanted) if wanted else types.default(tx, request.caller.project_id)
    except NotFound:
        raise invalid_type(f"Cannot find requested '{wanted}' volume type") from None
    return kind


def _backend(request: Request, tx: Transaction, host: str | None, body: Mapping[str, Any]) -> Row:
    try:
        return serving(request, tx, host)
    except NotFound:
        raise BadRequest(f"Host '{host}' not found" if host else f"Cluster '{body['cluster']}' not found") from None


def manage_volume(request: Request, tx: Transaction) -> dict[str, Any]:
    """Make a volume of a file that a back end has; how large it is turns out when the host has taken it."""
    body = trimmed(request.body["volume"])
    host = chosen(request, body, CLUSTERS)
    kind = _kind(request, tx, body.get("volume_type"))
    name = reference(body["ref"])
    if name is not None and tx.row(_EXISTS, {"the_id": name.removeprefix("volume-")}) is not None and name.startswith("volume-"):
        raise BadRequest("Unable to manage existing volume. The volume is already managed", kind="InvalidVolume")
    if kind.encryption is not None:
        raise BadRequest("Managing to an encrypted volume type is not supported.", kind="InvalidVolumeType")
    row = _backend(request, tx, host, body)
    claims.volume(tx, request, 0, kind.name)
    volume = VOLUMES.insert(tx, request, _values(request, body, kind, row))
    given = {"host": row.host, "pool": row.pool, "name": name, "kind": kind.name, "format": disk_format(volume)}
    request.cloud.start(tx, "manage_volume", volume.id, given, request)
    shown = VOLUMES.views(request, tx, [volume])[0]
    return {"volume": {key: value for key, value in shown.items() if key not in (*EXTENSIONS, *LATER)}}


def _values(request: Request, body: Mapping[str, Any], kind: Row, backend: Row) -> dict[str, Any]:
    zone = body.get("availability_zone")
    return {
        "name": body.get("name") or None,
        "description": body.get("description") or None,
        "size": 0,
        "status": "managing",
        "availability_zone": zone if zone is not None else ZONE,
        "metadata": dict(body.get("metadata") or {}),
        "user_id": request.caller.user_id,
        "bootable": as_flag(body.get("bootable", False)),
        "multiattach": kind.extra_specs.get("multiattach") == "<is> True",
        "volume_type_id": kind.id,
        "host": backend.host,
        "pool": backend.pool,
        "admin_meta": {},
        "consumes_quota": True,
        "attach_status": "detached",
        "updated_at": None,
    }


_SHOWN = envelope("volume", BRIEF.with_keys("ManagedVolume", {}, without=LATER))
routes = lists.routes("volume", _managed, manage_volume, body=BODY, answer=_SHOWN, enforce=True)


@actions.action("os-unmanage", body=enveloped("os-unmanage", {}), policy=f"{RULES}:volume_unmanage")
def unmanage(request: Request, tx: Transaction) -> Response:
    """Give up a volume, whose file stays on its host."""
    row = named(tx, request)
    request.authorize(f"{RULES}:volume_unmanage", VOLUMES.target(row))
    request.authorize("volume:delete", VOLUMES.target(row))
    deletion.delete(tx, request, row, unmanage=True)
    return accepted()
