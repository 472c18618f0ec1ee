"""rebuild: a server gets a new root disk, of the same or another image; its id, addresses and volumes stay."""

from collections.abc import Mapping
from typing import Any

from monostack.core.errors import BadRequest, Forbidden, NotFound
from monostack.db import Row, Transaction
from monostack.http import Request, Response
from monostack.services.compute import hardware, keypairs, quotas, tpm
from monostack.services.compute.guests.spec import kept_of
from monostack.services.compute.hosts.known import known_hosts
from monostack.services.compute.parameters import (
    BOOLEAN,
    DESCRIPTION,
    DISK_CONFIG,
    FQDN,
    HOSTNAME,
    IPV4,
    IPV6,
    METADATA,
    NAME,
    NAME_OR_NONE,
    PERSONALITY,
    TEXT,
    UUID,
    Json,
    fields,
    is_true,
    one,
)
from monostack.services.compute.scheduler import NoValidHost, check_image, required_by_image, wish_for
from monostack.services.compute.servers import answers, history, injected_files, table
from monostack.services.compute.servers import volumes as server_volumes
from monostack.services.compute.servers.actions import ACTIONS
from monostack.services.compute.servers.create import images
from monostack.services.compute.servers.create.body import TRUSTED_CERTIFICATES
from monostack.services.compute.servers.create.order import access_ip, check_metadata, new_password
from monostack.services.compute.servers.lookup import authorize, check_state, visible
from monostack.services.compute.servers.power import begin
from monostack.services.compute.servers.states import ERROR, REBUILDING, STOPPED
from monostack.services.compute.servers.view import show
from monostack.services.compute.workflows.outcome import fault
from monostack.services.image import facade as image
from monostack.services.network import facade as network
from monostack.services.volume import facade as volume

Version = tuple[int, int]


def _body(version: Version) -> Json:
    properties: Json = {
        "name": NAME, "imageRef": UUID, "adminPass": TEXT, "metadata": METADATA, "preserve_ephemeral": BOOLEAN,
        "OS-DCF:diskConfig": DISK_CONFIG, "accessIPv4": IPV4, "accessIPv6": IPV6,
    }  # fmt: skip
    if version < (2, 57):
        properties["personality"] = PERSONALITY
    else:
        properties["user_data"] = {"type": ["string", "null"], "format": "base64", "maxLength": 65535}
    for since, name, schema in (
        ((2, 19), "description", DESCRIPTION), ((2, 54), "key_name", NAME_OR_NONE),
        ((2, 63), "trusted_image_certificates", TRUSTED_CERTIFICATES), ((2, 90), "hostname", FQDN if version >= (2, 94) else HOSTNAME),
    ):  # fmt: skip
        if version >= since:
            properties[name] = schema
    return one("rebuild", fields(properties, ("imageRef",)))


_BODIES = [(version, _body(version)) for version in ((0, 0), (2, 19), (2, 54), (2, 57), (2, 63), (2, 90), (2, 94))]


@ACTIONS.action("rebuild", body=_BODIES, policy="os_compute_api:servers:rebuild", answer=answers.REBUILT)
def rebuild_server(request: Request, tx: Transaction) -> Response:
    """Rebuild a server."""
    server = visible(request, tx)
    authorize(request, "os_compute_api:servers:rebuild", server)
    given = request.body["rebuild"]
    if "trusted_image_certificates" in given:
        authorize(request, "os_compute_api:servers:rebuild:trusted_certs", server)
    tpm.refuse(server, "rebuild")
    check_state(request, server, "rebuild")
    password = given.get("adminPass", new_password())
    values = _plain(request, tx, given)
    root = server_volumes.root_of(tx, server)
    found = _image(tx, request, given["imageRef"])
    values["disk_config"] = images.disk_config(found, given.get("OS-DCF:diskConfig"))
    if root is not None:
        _check_root_volume(request, tx, server, root, found, given)
    _check(request, tx, server, root, found, given, values)
    source = images.source(tx, request.cloud, found) if root is None else None
    kept = kept_of(source, found, found.properties, server.flavor["disk"])
    values["image"] = {**kept, "made_by": (server.image or {}).get("made_by")}
    if root is None:
        values["image_id"] = found.id
    table.update(tx, server.id, **values, admin_pass=password[:255])
    try:
        gets_tpm = _check_host(tx, server, root, found)
    except NoValidHost as none:
        return _refused(request, tx, server, none, password)
    if gets_tpm:
        table.update(tx, server.id, tpm_key=tpm.new_key(request.cloud))
    more: dict[str, Any] = {"stop": server.vm_state == STOPPED, "preserve_ephemeral": is_true(given.get("preserve_ephemeral", False))}
    if root is not None and request.at_least(2, 93):
        more["reimage"] = {"volume_id": root.volume_id, "image_id": found.id, "image_meta": volume.image_metadata(found)}
    begin(request, tx, server, "rebuild", "rebuild_server", REBUILDING, **more)
    network.items_changed(tx, request.cloud, "metadata", [server.id])
    return _answer(request, tx, server, password)


def _check_host(tx: Transaction, server: Row, root: Row | None, found: image.ImageInfo) -> bool:
    """Is another image one for the server's host? Tells whether the server, which has no TPM, has one by that image. Raises NoValidHost."""
    host = known_hosts(tx).by_name.get(server.host or "")
    if host is None or found.id == _image_of(tx, server, root):
        return False
    flavor = {**server.flavor, "id": server.flavor_id}
    wish = wish_for(
        flavor, found.properties, local_root=root is None, project_id=server.project_id, image_id=found.id, image_name=found.name
    )
    check_image(tx, server.id, host, wish, required_by_image(found.properties) | wish.by_hardware)
    return wish.tpm is not None


def _image_of(tx: Transaction, server: Row, root: Row | None) -> str | None:
    held = volume.state(tx, root.volume_id) if root is not None else None
    return server.image_id if root is None else (held.image_metadata or {}).get("image_id") if held is not None else None


def _refused(request: Request, tx: Transaction, server: Row, none: NoValidHost, password: str) -> Response:
    """Nova finds that out after it has answered: the server is in ERROR then, with its old image and all else that was asked for."""
    table.update(tx, server.id, task_state=REBUILDING)
    answer = _answer(request, tx, server, password)
    former = {"image": server.image, "image_id": server.image_id}
    table.update(tx, server.id, **former, vm_state=ERROR, task_state=None, fault=fault(none.message, details=none.details))
    events = [history.event("rebuild_server", history.input_of(server)["started"], None, f"{none.message} {none.details}")]
    history.start(tx, request, server.id, "rebuild", events, message="Error")
    return answer


def _answer(request: Request, tx: Transaction, server: Row, password: str) -> Response:
    shown = show(request, tx, server.id, everything=request.at_least(2, 75))
    changed = table.get(tx, server.id)
    assert changed is not None, "it was looked up in this transaction"
    shown["server"]["adminPass"] = password
    if request.at_least(2, 54):
        shown["server"]["key_name"] = changed.key_name
    if request.at_least(2, 57):
        shown["server"]["user_data"] = changed.user_data
        shown["server"].pop("OS-EXT-SRV-ATTR:user_data", None)
    return Response(shown, 202, {"location": shown["server"]["links"][0]["href"]})


def _plain(request: Request, tx: Transaction, given: Mapping[str, Any]) -> dict[str, Any]:
    """What of the server changes besides its image. Raises BadRequest, Forbidden."""
    values: dict[str, Any] = {
        name: given[name] for name in ("description", "metadata", "user_data", "hostname") if name in given
    }  # fmt: skip
    if "name" in given:
        values["name"] = given["name"].strip()
    for name, column in (("accessIPv4", "access_ip_v4"), ("accessIPv6", "access_ip_v6")):
        if name in given:
            values[column] = access_ip(given[name])
    if "key_name" in given:
        values.update(key_name=given["key_name"], key_data=_key(request, tx, given["key_name"]))
    if "trusted_image_certificates" in given:
        values["trusted_certificates"] = given["trusted_image_certificates"]
    return values


def _key(request: Request, tx: Transaction, name: str | None) -> str | None:
    if not name:
        return None
    row = keypairs.find(tx, request.caller.user_id, name)
    if row is None:
        raise BadRequest("Invalid key_name provided.")
    return row.public_key


def _image(tx: Transaction, request: Request, image_id: str) -> image.ImageInfo:
    try:
        return image.get(tx, request, image_id)
    except NotFound:
        raise BadRequest("Cannot find image for rebuild") from None


def _check(
    request: Request, tx: Transaction, server: Row, root: Row | None, found: image.ImageInfo, given: Mapping[str, Any],
    values: dict[str, Any],
) -> None:  # fmt: skip
    """Raises BadRequest for an image the server could not run from, or a volume that is not at rest; Forbidden over quota."""
    budget = quotas.Budget(tx, request.cloud, request.project_id)
    check_metadata(given, budget)
    values["injected_files"] = injected_files.check(given.get("personality") or (), budget)
    attached = {held.volume_id: volume.state(tx, held.volume_id) for held in server_volumes.attached_to(tx, [server.id]).get(server.id, ())}
    size = attached[root.volume_id].size if root is not None else None  # type: ignore[union-attr]
    images.require_bootable(found)
    images.check(found, server.memory_mb, server.flavor["disk"], local_root=root is None, volume_gib=size)
    if found.id != _image_of(tx, server, root):
        new = hardware.Asked(server.flavor, found.properties, found.name, found.id)
        hardware.check_rebuild(hardware.of_server(server), new)
    for each in attached.values():
        if each is not None and each.status != "in-use":
            raise BadRequest(f"Invalid volume: volume '{each.id}' status must be 'in-use'. Currently in '{each.status}' status")


def _check_root_volume(
    request: Request, tx: Transaction, server: Row, root: Row, found: image.ImageInfo, given: Mapping[str, Any]
) -> None:
    """Before 2.93 a volume keeps what is in it, so another image is refused; from then on it gets the image. Raises BadRequest."""
    if given.get("trusted_image_certificates"):
        raise BadRequest("Image certificate validation is not supported for volume-backed servers.")
    if request.at_least(2, 93):
        try:
            volume.authorize_reimage(tx, request, root.volume_id)
        except Forbidden as refused:
            raise Forbidden(refused.message) from None
        return
    held = volume.state(tx, root.volume_id)
    if held is None or (held.image_metadata or {}).get("image_id") != found.id:
        reason = "Unable to rebuild with a different image for a volume-backed server."
        raise BadRequest(f"Image {found.id} is unacceptable: {reason}")
