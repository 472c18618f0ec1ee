"""POST /servers itself: one transaction from the order to the operations that boot the guests."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from monostack.core import clock, ids
from monostack.core.errors import Fault
from monostack.db import Transaction
from monostack.events import record
from monostack.http import Request, Response, Routes
from monostack.services.compute import server_groups, tpm
from monostack.services.compute.guests.spec import tags_of
from monostack.services.compute.hosts.known import Host
from monostack.services.compute.links import linker
from monostack.services.compute.parameters import is_true
from monostack.services.compute.scheduler import NoValidHost, pick
from monostack.services.compute.servers import answers, history, table
from monostack.services.compute.servers import volumes as server_volumes
from monostack.services.compute.servers.create.body import CREATE
from monostack.services.compute.servers.create.devices import device_names, volume_body
from monostack.services.compute.servers.create.mappings import ROOT, Disk
from monostack.services.compute.servers.create.order import Order, hostname_of, take
from monostack.services.compute.servers.states import BUILDING, ERROR, NOSTATE, SPAWNING
from monostack.services.compute.workflows.boot_server import EVENT
from monostack.services.compute.workflows.outcome import fault as fault_of
from monostack.services.compute.workflows.release import release_everything
from monostack.services.network import facade as network
from monostack.services.placement import facade as placement
from monostack.services.volume import facade as volume

SCHEDULE_EVENT = "conductor_schedule_and_build_instances"

routes = Routes("/v2.1/servers")


@routes.post("", policy="os_compute_api:servers:create", body=CREATE, status=202, answer=answers.CREATED)
def create_server(request: Request, tx: Transaction) -> Response:
    """Create servers."""
    order = take(request, tx)
    server_ids = [ids.new_uuid() for _ in range(order.count)]
    try:
        hosts: Sequence[Host | None] = _place(request, tx, order, server_ids)
        refusal = None
    except NoValidHost as no_host:
        hosts, refusal = [None] * order.count, no_host
    for index, (server_id, host) in enumerate(zip(server_ids, hosts, strict=True)):
        _make(request, tx, order, server_id, index, host, refusal)
    body = order.body["server"]
    if is_true(body.get("return_reservation_id", False)):
        return Response({"reservation_id": order.values["reservation_id"]}, 202)
    links = linker(request).both("servers", server_ids[0])
    shown = {
        "id": server_ids[0], "links": links, "OS-DCF:diskConfig": order.values["disk_config"],
        "security_groups": body.get("security_groups") or [{"name": "default"}], "adminPass": order.password,
    }  # fmt: skip
    return Response({"server": shown}, 202, {"location": links[0]["href"]})


def _place(request: Request, tx: Transaction, order: Order, server_ids: Sequence[str]) -> list[Host]:
    """A host for each server, claimed in placement; all of them or none. Raises NoValidHost."""
    hosts: list[Host] = []
    wish = order.wish
    try:
        for server_id in server_ids:
            place = pick(tx, wish)
            host = place.host
            placement.claim(tx, server_id, place.amounts, request.project_id, request.caller.user_id)
            hosts.append(host)
            if wish.group is not None:
                held = {**wish.group.held, host.name: wish.group.held.get(host.name, 0) + 1}
                wish = replace(wish, group=replace(wish.group, held=held))
    except NoValidHost:
        for server_id in server_ids[: len(hosts)]:
            placement.release(tx, server_id)
        raise
    return hosts


def _names(order: Order, server_id: str, index: int) -> tuple[str, str]:
    """The name and the host name of the server at `index` of the order."""
    body = order.body["server"]
    name = body["name"].strip()
    hostname = body.get("hostname") or hostname_of(name, server_id)
    if order.count == 1:
        return name, hostname
    return f"{name}-{index + 1}", f"{hostname}-{index + 1}"


def _make(
    request: Request, tx: Transaction, order: Order, server_id: str, index: int, host: Host | None, refusal: NoValidHost | None
) -> None:
    """Write one server with its ports and volumes, and start its boot; without a host it ends here."""
    name, hostname = _names(order, server_id, index)
    now = clock.now().isoformat(timespec="microseconds")
    fault = fault_of(refusal.message, refusal.code, refusal.details) if refusal else None
    chosen = host.name if host is not None else None
    nics: list[tuple[str, str | None]] = []
    if host is not None:
        try:
            nics = _ports(request, tx, order, server_id, hostname, host)
        except _Aborted as cause:
            network.release_ports(tx, request.cloud, server_id)
            placement.release(tx, server_id)
            host, fault = None, cause.fault(server_id)
    row = {
        **order.values, "id": server_id, "name": name, "hostname": hostname, "launch_index": index, "progress": 0,
        "vm_state": BUILDING if host else ERROR, "task_state": SPAWNING if host else None, "power_state": NOSTATE, "wanted_power": True,
        "host": host.name if host else None, "created_at": now, "updated_at": now, "devices": tags_of(nics), "fault": fault,
        "tpm_key": tpm.new_key(request.cloud) if host is not None and order.wish.tpm is not None else None,
    }  # fmt: skip
    if host is None:
        row["admin_pass"] = None
    tx.execute(table.INSERT, row)
    if order.group is not None:
        server_groups.join(tx, order.group.id, server_id)
    new_volumes: list[str] = []
    if host is not None:
        try:
            _volumes(request, tx, order, server_id, host.name, new_volumes)
        except _Aborted as cause:
            release_everything(tx, request.cloud, server_id, new_volumes=new_volumes)
            host, fault = None, cause.fault(server_id)
            table.update(tx, server_id, vm_state=ERROR, task_state=None, host=None, admin_pass=None, fault=fault)
    # A build that a host aborts is none that failed, to Nova: the fault alone tells of it.
    over = history.event(SCHEDULE_EVENT, now, None, refusal.message) if refusal else history.event(EVENT, now, chosen) if fault else None
    history.start(tx, request, server_id, "create", [over] if over else None, message="Error" if refusal else None)
    record(tx, request, "server.create", server_id, request.project_id, {"host": host.name if host else None})
    if host is None:
        return
    request.cloud.start(
        tx, "boot_server", server_id,
        {"host": host.name, "started": now, "volumes": bool(order.disks.volumes), "new_volumes": new_volumes}, request,
    )  # fmt: skip


class _Aborted(Exception):
    """The server gets no port, or no volume: what Nova finds out on the host, after it has answered."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def fault(self, server_id: str) -> dict[str, Any]:
        return fault_of(f"Build of instance {server_id} aborted: {self.message}")


def _ports(request: Request, tx: Transaction, order: Order, server_id: str, hostname: str, host: Host) -> list[tuple[str, str | None]]:
    """The server's ports with their tags. Raises _Aborted when a network has no address left."""
    owner = f"compute:{host.zone}"
    made: list[tuple[str, str | None]] = []
    for nic in order.nics:
        try:
            if nic.port_id is not None:
                port = network.adopt_port(tx, request, nic.port_id, device_id=server_id, device_owner=owner, host=host.name)
            else:
                assert nic.network_id is not None, "networks_for_boot names a network or a port"
                port = network.allocate_port(
                    tx, request, nic.network_id, device_id=server_id, device_owner=owner, fixed_ip=nic.fixed_ip,
                    security_groups=order.security_groups, host=host.name, hostname=hostname,
                )  # fmt: skip
        except Fault as fault:
            if fault.kind == network.RESERVED:
                raise _Aborted("Failed to allocate the network(s), not rescheduling.") from None
            if fault.kind in ("IpAddressGenerationFailure", "IpAddressGenerationFailureAllSubnets"):
                raise _Aborted(f"No fixed IP addresses available for network: {nic.network_id}") from None
            raise
        made.append((port.id, nic.tag))
    return made


# --- volumes -------------------------------------------------------------------------------------------------------------


def _volumes(request: Request, tx: Transaction, order: Order, server_id: str, host: str, made: list[str]) -> None:
    """Reserve the volumes that exist, begin to make the others, whose ids are appended to `made`. Raises _Aborted."""
    taken = [*([ROOT] if order.disks.root is None else []), *order.disks.local_names(order.flavor)]
    names = device_names(order.disks.volumes, taken)
    for number, (disk, device) in enumerate(zip(order.disks.volumes, names, strict=True)):
        if disk.source == "volume":
            volume_id = disk.source_id or ""
            attachment = volume.reserve(tx, request, volume_id, server_id, device)
        else:
            volume_id, attachment = _new_volume(request, tx, disk, host), ""
            made.append(volume_id)
        server_volumes.add(
            tx,
            {
                "id": ids.new_uuid(), "number": number, "server_id": server_id, "volume_id": volume_id, "attachment_id": attachment,
                "device": device, "boot_index": disk.boot_index, "delete_on_termination": disk.delete_on_termination, "tag": disk.tag,
                "bus": disk.bus or "virtio", "attached": False, "created_at": clock.now(),
            },
        )  # fmt: skip


def _new_volume(request: Request, tx: Transaction, disk: Disk, host: str) -> str:
    """A volume on the server's own host. Raises _Aborted with what the volume service says, for one over quota for example."""
    try:
        return volume.create(tx, request, volume_body(disk), host).id
    except Fault as fault:
        cause = fault.message if fault.status == 413 else f"Invalid input received: {fault.message}"
        raise _Aborted(cause) from None
