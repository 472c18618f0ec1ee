"""Finding a host for a server that there is already: for a resize, a migration, or when it is unshelved."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from monostack.core.errors import Conflict
from monostack.db import Row, Transaction
from monostack.services.compute import server_groups
from monostack.services.compute.hosts.known import known_hosts
from monostack.services.compute.hosts.life import is_up, signs_of_life
from monostack.services.compute.scheduler import GroupRule, Wish, wish_for
from monostack.services.compute.servers import table
from monostack.services.compute.servers import volumes as server_volumes
from monostack.services.network import facade as network
from monostack.services.volume import facade as volume

if TYPE_CHECKING:
    from monostack.cloud import Cloud

SIMULATED = "simulated"


def wish_of(
    tx: Transaction, cloud: "Cloud", server: Row, flavor: Mapping[str, Any], *, hosts: Collection[str] | None = None,
    avoid: Collection[str] = (), zone: str | None = None, from_disks: bool = True,
) -> Wish:  # fmt: skip
    """What the server, with `flavor` as servers keep it, wants of a host. `from_disks`: it takes the disks of its present host along.

    What was asked for when it was made, by its project, image, group and hints, holds for each of its moves.
    """
    image = (server.image or {}).get("properties") or {}
    hints = server.hints or {}
    reach, because = _within_reach(tx, cloud, server, from_disks=from_disks)
    if reach is not None:
        hosts = reach if hosts is None else [name for name in hosts if name in reach]
    return wish_for(
        flavor, image, local_root=not server_volumes.is_volume_backed(tx, server), zone=zone, hosts=hosts,
        hosts_because=because or "another host was asked for", avoid=avoid, group=_group(tx, server), hints=hints,
        project_id=server.project_id, image_id=server.image_id or None, image_name=(server.image or {}).get("id"),
        asked_by_ports=network.asked_by_server(tx, server.id), **of_hints(tx, hints, server.project_id),
    )  # fmt: skip


def of_hints(tx: Transaction, hints: Mapping[str, Any], project_id: str) -> dict[str, Any]:
    """What the hints `same_host` and `different_host` say of hosts: those that the named servers of the project are on now."""
    beside = hints.get("same_host")
    return {
        "apart_from": _hosts_of(tx, hints.get("different_host"), project_id),
        "beside": _hosts_of(tx, beside, project_id) if beside else None,
    }


def _hosts_of(tx: Transaction, asked: Any, project_id: str) -> list[str]:
    wanted = [asked] if isinstance(asked, str) else list(asked or ())
    rows = tx.rows(table.BY_IDS, {"the_ids": wanted}) if wanted else []
    return [row.host for row in rows if row.host and row.project_id == project_id]


def _within_reach(tx: Transaction, cloud: "Cloud", server: Row, *, from_disks: bool) -> tuple[list[str] | None, str | None]:
    """The hosts that can have the server's disks and volumes, and what is wrong with the others. None: all can."""
    known = known_hosts(tx).by_name
    names, because = list(known), None
    if from_disks:
        # Hosts hand each other no disks, except simulated ones, which share their storage.
        shares = server.host in known and known[server.host].accelerator == SIMULATED
        names = [name for name in names if name == server.host or (shares and known[name].accelerator == SIMULATED)]
        because = "the server's disks are on another host"
    held = server_volumes.attached_to(tx, [server.id]).get(server.id, ())
    states = [state for row in held if (state := volume.state(tx, row.volume_id)) is not None]
    if states:
        names = [name for name in names if all(volume.reachable(state, cloud, name) for state in states)]
        because = "the server's volumes are not within its reach"
    return (None, None) if because is None else (names, because)


def _group(tx: Transaction, server: Row) -> GroupRule | None:
    """The rule of the server's group. The server itself counts among its members, so affinity keeps even a lone one where it is; only
    anti-affinity has nothing against its present host.
    """
    for group_id in server_groups.groups_of(tx, [server.id]).get(server.id, ()):
        group = server_groups.find(tx, group_id)
        if group is None:
            continue
        held: dict[str, int] = {}
        for member in server_groups.members_of(tx, group_id):
            if member.host:
                held[member.host] = held.get(member.host, 0) + 1
        if group.policy == "anti-affinity":
            held.pop(server.host, None)
        return GroupRule(group.policy, int(group.rules.get("max_server_per_host", 1)), held)
    return None


def require_up(tx: Transaction, name: str | None) -> None:
    """Raises Conflict in Nova's words when a host, that of a server, does not answer."""
    host = known_hosts(tx).by_name.get(name or "")
    if host is None or not is_up(host, signs_of_life(tx)):
        raise Conflict("Service is unavailable at this time.")
