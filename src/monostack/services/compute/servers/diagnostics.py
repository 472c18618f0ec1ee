"""What a guest uses of its host, its place in the host's processors and memory, and the interrupt that has it dump its kernel."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from monostack.agentlink import CommandFailed, CommandTimeout, HostUnreachable
from monostack.core import clock, ids
from monostack.core.errors import Conflict, NotFound
from monostack.db import Row, Transaction
from monostack.http import Request, Response, Routes
from monostack.http.answers import INTEGER, Record, many, mapping, maybe, optional
from monostack.protocol.guests import Diagnostics, GuestRef
from monostack.services.compute import hardware
from monostack.services.compute.dialect import wrong_state
from monostack.services.compute.hosts.known import known_hosts
from monostack.services.compute.parameters import one
from monostack.services.compute.servers import answers
from monostack.services.compute.servers.actions import ACTIONS
from monostack.services.compute.servers.lookup import authorize, for_action, visible
from monostack.services.compute.servers.power import begin
from monostack.services.compute.servers.states import CRASHED, NOSTATE, POWER_PAUSED, RUNNING, SHUTDOWN

_NAMES = {NOSTATE: "pending", RUNNING: "running", POWER_PAUSED: "paused", SHUTDOWN: "shutdown", CRASHED: "crashed"}
_RX = ("rx_bytes", "rx_packets", "rx_errors", "rx_drop")
_TX = ("tx_bytes", "tx_packets", "tx_errors", "tx_drop")

routes = Routes("/v2.1/servers/{id}")


@routes.get("/diagnostics", policy="os_compute_api:os-server-diagnostics", mode="async", answer=answers.DIAGNOSTICS)
async def show_diagnostics(request: Request) -> Response:
    """Show what a running server has used, from 2.48 on alike for all drivers."""

    def find(tx: Transaction) -> Row:
        server = visible(request, tx)
        authorize(request, "os_compute_api:os-server-diagnostics", server)
        if server.host is None:
            raise Conflict(f"Instance {server.id} is not ready")
        if server.power_state != RUNNING:
            raise wrong_state("get_diagnostics", server.id, "power state", _NAMES[server.power_state])
        return server

    server = await request.db.read(find)
    try:
        answer = await request.cloud.hosts.call(server.host, "guest.diagnostics", GuestRef(server.id), id=ids.new_uuid(), timeout=20.0)
    except CommandFailed as error:
        if error.code == "guest.not_running":
            raise wrong_state("get_diagnostics", server.id, "power state", "shutdown") from None
        raise NotFound(f"Instance {server.id} could not be found.") from None
    except (CommandTimeout, HostUnreachable):
        raise Conflict("The host of this server does not answer: try again later.") from None
    found = msgspec.convert(answer, Diagnostics)
    return Response(_uniform(server, found) if request.at_least(2, 48) else _as_libvirt_tells(found))


def _as_libvirt_tells(found: Diagnostics) -> dict[str, Any]:
    """Before 2.48 each driver had words of its own. These are libvirt's."""
    shown: dict[str, Any] = {f"cpu{cpu.id}_time": cpu.time for cpu in found.cpus}
    for disk in found.disks:
        for name, value in (
            ("read_req", disk.read_requests), ("read", disk.read_bytes), ("write_req", disk.write_requests),
            ("write", disk.write_bytes), ("errors", disk.errors),
        ):  # fmt: skip
            shown[f"{disk.device}_{name}"] = value
    for nic in found.nics:
        shown[f"{nic.device}_rx"], shown[f"{nic.device}_tx"] = nic.rx_bytes, nic.tx_bytes
        for name in (*_RX[1:], *_TX[1:]):
            shown[f"{nic.device}_{name}"] = getattr(nic, name)
    shown["memory"] = found.memory_maximum
    return shown | {f"memory-{name}": value for name, value in found.memory.items()}


def _uniform(server: Row, found: Diagnostics) -> dict[str, Any]:
    launched = datetime.fromisoformat(server.launched_at).replace(tzinfo=UTC)
    return {
        "state": found.state, "driver": "libvirt", "hypervisor": found.hypervisor, "hypervisor_os": "linux",
        "uptime": int(clock.timestamp() - launched.timestamp()), "config_drive": server.config_drive, "num_cpus": len(found.cpus),
        "num_nics": len(found.nics), "num_disks": len(found.disks),
        "cpu_details": [{"id": cpu.id, "time": cpu.time, "utilisation": None} for cpu in found.cpus],
        "disk_details": [
            {"read_bytes": disk.read_bytes, "read_requests": disk.read_requests, "write_bytes": disk.write_bytes,
             "write_requests": disk.write_requests, "errors_count": disk.errors}
            for disk in found.disks
        ],
        "nic_details": [
            {"mac_address": nic.mac, "rx_octets": nic.rx_bytes, "rx_errors": nic.rx_errors, "rx_drop": nic.rx_drop,
             "rx_packets": nic.rx_packets, "rx_rate": None, "tx_octets": nic.tx_bytes, "tx_errors": nic.tx_errors, "tx_drop": nic.tx_drop,
             "tx_packets": nic.tx_packets, "tx_rate": None}
            for nic in found.nics
        ],
        "memory_details": {"maximum": found.memory_maximum // 1024, "used": found.memory_used // 1024},
    }  # fmt: skip


_PAGE_SIZES = {"small": -1, "large": -2, "any": -3}  # what Nova shows of a server that has no host to tell it
_NODE = Record(
    "TopologyNode",
    {
        "vcpu_set": many(INTEGER), "siblings": many(many(INTEGER)), "memory_mb": INTEGER, "host_node": optional(INTEGER),
        "cpu_pinning": optional(mapping(INTEGER)),
    },
)  # fmt: skip


@routes.get(
    "/topology",
    policy="compute:server:topology:index",
    since=(2, 78),
    answer=Record("Topology", {"nodes": many(_NODE), "pagesize_kb": maybe(INTEGER)}),
)
def show_topology(request: Request, tx: Transaction) -> Any:
    """Show the NUMA nodes of a server; to administrators also those of the host that they are kept to."""
    server = visible(request, tx)
    authorize(request, "compute:server:topology:index", server)
    topology = hardware.topology_of(hardware.of_server(server))
    if topology is None:
        return {"nodes": [], "pagesize_kb": None}
    host = known_hosts(tx).by_name.get(server.host or "")
    cells = hardware.fit(topology.nodes, host.numa_cells, server.number) if host is not None else None
    nodes: list[dict[str, Any]] = [
        {"vcpu_set": sorted(node.cpus), "siblings": [], "memory_mb": node.memory_mib} for node in topology.nodes
    ]  # fmt: skip
    if request.allows("compute:server:topology:host:index", {"project_id": server.project_id}):
        for number, node in enumerate(nodes):
            node.update(host_node=cells[number].id if cells else number, cpu_pinning={})
    page_size = topology.page_size
    if cells is not None and page_size is not None and hardware.has_small_pages(page_size):
        page_size = hardware.SMALL_KIB
    return {"nodes": nodes, "pagesize_kb": _PAGE_SIZES[page_size] if isinstance(page_size, str) else page_size}


_DUMP = one("trigger_crash_dump", {"type": "null"})


@ACTIONS.action("trigger_crash_dump", body=_DUMP, since=(2, 17), policy="os_compute_api:servers:trigger_crash_dump")
def trigger_crash_dump(request: Request, tx: Transaction) -> None:
    """Interrupt a server in a way that has a kernel so configured dump itself."""
    server = for_action(request, tx, "os_compute_api:servers:trigger_crash_dump", "trigger_crash_dump")
    begin(request, tx, server, "trigger_crash_dump", "trigger_crash_dump", None)
