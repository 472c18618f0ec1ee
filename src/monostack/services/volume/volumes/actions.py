"""POST /volumes/{id}/action: what is done with a volume. More actions are in the modules that say `@actions.action`."""


from monostack.core.errors import BadRequest
from monostack.db import Row, Transaction
from monostack.http import Request, Routes
from monostack.http.actions import Actions
from monostack.services.volume.attachments import rules
from monostack.services.volume.attachments.table import ONE, of_volume
from monostack.services.volume.parameters import NULL_OR_UUID, UUID, enveloped, fields
from monostack.services.volume.volumes.deletion import NOT_MIGRATING
from monostack.services.volume.volumes.lookup import named
from monostack.services.volume.volumes.table import VOLUMES
from monostack.services.volume.words import NO_SUCH_ACTION, either, invalid_input, invalid_volume

actions = Actions(unknown=NO_SUCH_ACTION)
routes = Routes("/v3/volumes")
actions.mount(routes, "/{id}/action")
RULES = "volume_extension:volume_actions"
SETTLED = ("available", "reserved", "attaching", "in-use", "detaching")  # statuses that follow from attachments


@actions.action("os-reserve", body=enveloped("os-reserve", {}), policy=f"{RULES}:reserve")
def reserve(request: Request, tx: Transaction) -> None:
    """Mark the volume as about to be attached."""
    row = named(tx, request)
    request.authorize(f"{RULES}:reserve", VOLUMES.target(row))
    expected = ("available", "in-use") if row.multiattach else ("available",)
    if row.status not in expected:
        raise invalid_volume(f"Volume status must be {either(expected)} to reserve, but the status is {row.status}.")
    VOLUMES.change(tx, request, row, {"status": "attaching"})


@actions.action("os-unreserve", body=enveloped("os-unreserve", {}), policy=f"{RULES}:unreserve")
def unreserve(request: Request, tx: Transaction) -> None:
    """Take back a reservation."""
    row = named(tx, request)
    request.authorize(f"{RULES}:unreserve", VOLUMES.target(row))
    _end_reservation(request, tx, row)


def _end_reservation(request: Request, tx: Transaction, row: Row) -> None:
    if row.status == "attaching":
        VOLUMES.change(tx, request, row, {"status": "in-use" if of_volume(tx, row.id) else "available"})


@actions.action("os-begin_detaching", body=enveloped("os-begin_detaching", {}), policy=f"{RULES}:begin_detaching")
def begin_detaching(request: Request, tx: Transaction) -> None:
    """Mark the volume as about to be detached."""
    row = named(tx, request)
    request.authorize(f"{RULES}:begin_detaching", VOLUMES.target(row))
    if row.status != "in-use" or row.attach_status != "attached" or row.migration_status not in NOT_MIGRATING:
        raise invalid_volume("Unable to detach volume. Volume status must be 'in-use' and attach_status must be 'attached' to detach.")
    VOLUMES.change(tx, request, row, {"status": "detaching"})


@actions.action("os-roll_detaching", body=enveloped("os-roll_detaching", {}), policy=f"{RULES}:roll_detaching")
def roll_detaching(request: Request, tx: Transaction) -> None:
    """Take back the mark of being detached."""
    row = named(tx, request)
    request.authorize(f"{RULES}:roll_detaching", VOLUMES.target(row))
    if row.status == "detaching":
        VOLUMES.change(tx, request, row, {"status": "in-use"})


_ATTACH = {
    **fields(
        ("mountpoint",),
        instance_uuid=UUID,
        mountpoint={"type": "string", "minLength": 1, "maxLength": 255},
        host_name={"type": "string", "maxLength": 255},
        mode={"type": "string", "enum": ["rw", "ro"]},
    ),
    "anyOf": [{"required": ["instance_uuid"]}, {"required": ["host_name"]}],
}


@actions.action("os-attach", body=enveloped("os-attach", _ATTACH), policy=f"{RULES}:attach")
def attach(request: Request, tx: Transaction) -> None:
    """Record that a server or a host has the volume, for callers that do the attaching themselves."""
    row, body = named(tx, request), request.body["os-attach"]
    request.authorize(f"{RULES}:attach", VOLUMES.target(row))
    if row.status == "maintenance":
        raise invalid_volume("The volume cannot be attached in maintenance mode.")
    mode = body.get("mode", "rw")
    if row.admin_meta.get("readonly") == "True" and mode != "ro":
        raise BadRequest(f"Invalid attaching mode '{mode}' for volume {row.id}.", kind="InvalidVolumeAttachMode")
    rules.record_attached(tx, request, row, body.get("instance_uuid"), body.get("host_name"), body["mountpoint"], mode)


_DETACH = {"type": ["object", "null"], "properties": {"attachment_id": NULL_OR_UUID}, "additionalProperties": False}


@actions.action("os-detach", body=enveloped("os-detach", _DETACH), policy=f"{RULES}:detach")
def detach(request: Request, tx: Transaction) -> None:
    """Record that a server no longer has the volume."""
    row = named(tx, request)
    request.authorize(f"{RULES}:detach", VOLUMES.target(row))
    let_go(request, tx, row, (request.body["os-detach"] or {}).get("attachment_id"))


def let_go(request: Request, tx: Transaction, row: Row, attachment_id: str | None) -> None:
    """End one attachment of a volume, or the only one. Raises BadRequest, and Conflict while a server of this cloud uses it."""
    chosen = _unused(tx, row, attachment_id)
    if row.status == "maintenance":
        raise invalid_volume("The volume cannot be detached in maintenance mode.")
    if chosen is not None:
        rules.release(tx, chosen.id)
    elif row.status in SETTLED:
        rules.settle(tx, row.id)


def _unused(tx: Transaction, row: Row, attachment_id: str | None) -> Row | None:
    """The attachment that is to end, None if the volume has none. Raises BadRequest, and Conflict while a server of this cloud uses it."""
    held = of_volume(tx, row.id)
    chosen = tx.row(ONE, {"the_id": attachment_id}) if attachment_id is not None else held[0] if len(held) == 1 else None
    if chosen is None and (attachment_id is not None or held):
        raise rules.in_use("")
    if chosen is not None:
        if chosen.volume_id != row.id:
            raise invalid_input("Mismatched volume and attachment")
        rules.require_unused(tx, chosen)
    return chosen


_TERMINATE = fields(("connector",), connector={"type": ["string", "object", "null"]})


@actions.action("os-terminate_connection", body=enveloped("os-terminate_connection", _TERMINATE), policy=f"{RULES}:terminate_connection")
def terminate_connection(request: Request, tx: Transaction) -> None:
    """A host has closed the volume: a file, of which nothing is exported that would have to be taken back; a reservation ends."""
    row = named(tx, request)
    request.authorize(f"{RULES}:terminate_connection", VOLUMES.target(row))
    _unused(tx, row, None)
    _end_reservation(request, tx, row)
