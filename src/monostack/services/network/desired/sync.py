"""Keeps the hosts' networks as the database wants them.

Handlers mark what they changed once their transaction is durable (`changes.changed`). A reconciler turns marks into items, by a few
statements for however many marks; a task for each connected host sends what is new to that host, one command at a time, and writes back
what came of it. A host that connects is told everything.

A group's members are the exception: a list as long as the group, for every host that has the group. They are gathered for a time that grows
with the list, so that a boot costs the same however large its group is.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from monostack.agentlink import CommandFailed, HostUnreachable
from monostack.core import clock
from monostack.db import Transaction
from monostack.services.network.desired import items, port_items
from monostack.services.network.desired.hosting import networks_on, routers_on
from monostack.services.network.desired.link import HostLink
from monostack.services.network.desired.paths import choosing_beside
from monostack.services.network.desired.plan import Key, Plan

log = logging.getLogger(__name__)

NAME = "network-sync"
MEMBERS_LEAST = 0.05  # seconds from a change of a group's members to telling the hosts, for a small group
MEMBERS_EACH = 0.0005  # seconds more for every member

Provider = Callable[[Transaction, Sequence[str]], Mapping[str, Any]]
providers: dict[str, Provider] = {}
"""Items that other services supply, by kind. Modules register theirs when they are loaded."""


class Sync:
    """One for a cloud. Everything is called on the event loop; the reconciler NAME runs `settle` after every mark."""

    def __init__(self, cloud: Any) -> None:
        self.cloud = cloud
        self.plan = Plan()
        self._links: dict[str, HostLink] = {}
        self._marks: dict[str, set[str]] = {}
        self._members_due: dict[str, float] = {}
        self._members_size: dict[str, int] = {}
        self._fresh: set[str] = set()  # hosts that have just connected
        self._planning = asyncio.Lock()
        self.away: dict[str, float] = {}  # hosts that run something and are not there -> since when

    def open(self) -> None:
        """Begin to listen to the hosts."""
        self.cloud.hosts.on_connect.append(lambda host, hello: self._connected(host))
        self.cloud.hosts.on_disconnect.append(self._disconnected)
        for host in self.cloud.hosts.connected():
            self._connected(host)

    # --- marks -------------------------------------------------------------------------------------------------------

    def mark(self, kind: str, ids: Iterable[str]) -> None:
        """These have changed, or are gone."""
        if kind != "members":
            self._marks.setdefault(kind, set()).update(ids)
            self._wake()
            return
        for id in ids:
            if id not in self._members_due and self.plan.where(("members", id)):
                pause = MEMBERS_LEAST + MEMBERS_EACH * self._members_size.get(id, 0)
                self._members_due[id] = clock.monotonic() + pause
                asyncio.get_running_loop().call_later(pause, self._wake)

    def _wake(self) -> None:
        self.cloud.reconcilers.signal(NAME)

    def _connected(self, host: str) -> None:
        self._disconnected(host)
        self._fresh.add(host)
        self._wake()
        for name in ("network-agents", "network-hosting"):
            self.cloud.reconcilers.signal(name)

    def _disconnected(self, host: str) -> None:
        self._fresh.discard(host)
        self.plan.drop_host(host)
        link = self._links.pop(host, None)
        if link is not None:
            link.close()

    # --- planning ------------------------------------------------------------------------------------------------------

    async def settle(self, port_ids: Collection[str] = ()) -> None:
        """Turn all marks so far, and these ports, into items for the hosts."""
        async with self._planning:
            fresh, self._fresh = self._fresh, set()
            marks, self._marks = self._marks, {}
            due = {id for id, at in self._members_due.items() if at <= clock.monotonic()}
            try:
                await self._settle(fresh, {kind: set(found) for kind, found in marks.items()}, due, port_ids)
            except BaseException:
                self._fresh |= fresh
                for kind, ids in marks.items():
                    self._marks.setdefault(kind, set()).update(ids)
                raise
        for host in fresh:
            if host in self.plan.hosts and host not in self._links:
                self._links[host] = HostLink(self.cloud, self.plan.hosts[host])
        written, self.plan.written = self.plan.written, set()
        for host in written & self._links.keys():
            self._links[host].wake()

    def retry(self) -> None:
        """Make anew what hosts could not make."""
        for link in self._links.values():
            for kind, id in link.errors:
                self.mark(kind, [id])

    async def _settle(self, fresh: set[str], marks: dict[str, set[str]], due: set[str], port_ids: Collection[str]) -> None:
        fresh -= {host for host in fresh if not self.cloud.hosts.is_connected(host)}
        ports, networks, routers = marks.pop("port", set()) | set(port_ids), marks.pop("network", set()), marks.pop("router", set())
        if fresh:
            more = await self.cloud.db.read(lambda tx: _belonging(tx, fresh))
            ports, networks, routers = ports | more[0], networks | more[1], routers | more[2]
            for host in fresh:
                self.plan.add_host(host)
        await self._put_causes(ports, networks, routers)
        groups, members = marks.pop("group", set()), due & self._members_due.keys()
        others: dict[str, set[str]] = marks
        while True:
            for kind, id in self.plan.missing:
                chosen = {"network": networks, "group": groups, "members": members}.get(kind)
                (others.setdefault(kind, set()) if chosen is None else chosen).add(id)
            self.plan.missing = set()
            await self._put_needed(networks, groups, members, others)
            if not self.plan.missing:
                return
            networks, groups, members, others = set(), set(), set(), {}

    async def _put_causes(self, ports: set[str], networks: set[str], routers: set[str]) -> None:
        def load(tx: Transaction) -> Any:
            routers.update(choosing_beside(tx, routers))
            return port_items.ports(tx, ports), items.networks(tx, networks), items.routers(tx, routers)

        if not (ports or networks or routers):
            return
        found_ports, found_networks, found_routers = await self.cloud.db.read(load)
        moved = {id for id in networks if self.plan.put_dhcp(id, found_networks[id].host if id in found_networks else None)}
        if moved:
            more = await self.cloud.db.read(lambda tx: port_items.ports(tx, port_items.port_ids_in(tx, moved)))
            found_ports = {**more, **found_ports}
        for id in ports | found_ports.keys():
            self.plan.put_port(id, found_ports.get(id))
        for id in routers:
            self.plan.put_router(id, found_routers.get(id))

    async def _put_needed(self, networks: set[str], groups: set[str], members: set[str], others: Mapping[str, set[str]]) -> None:
        if not (networks or groups or members or others):
            return

        def load(tx: Transaction) -> Any:
            given = {kind: providers[kind](tx, sorted(ids)) for kind, ids in others.items() if kind in providers and ids}
            return items.networks(tx, networks), items.groups(tx, groups), items.members(tx, members), given

        wanted = {id for id in members if self.plan.where(("members", id))}
        self._forget_due(members - wanted)
        members = wanted
        found_networks, found_groups, found_members, given = await self.cloud.db.read(load)
        for id in networks:
            self.plan.put_network(id, found_networks.get(id))
        for id in groups:
            self.plan.put_group(id, found_groups.get(id))
        for id, item in found_members.items():
            self._members_size[id] = len(item.addresses)
            self.plan.put(("members", id), item)
        self._forget_due(members)
        for kind, ids in others.items():
            for id in ids:
                self.plan.put((kind, id), given.get(kind, {}).get(id))

    def _forget_due(self, ids: Iterable[str]) -> None:
        for id in ids:
            self._members_due.pop(id, None)

    # --- waiting -------------------------------------------------------------------------------------------------------

    async def wire(self, host: str, port_ids: Sequence[str]) -> None:
        """Return once the host has what these ports need. Raises HostUnreachable, and CommandFailed when one could not be made."""
        await self.settle(port_ids)
        link = self._links.get(host)
        if link is None:
            raise HostUnreachable(host)
        errors = await link.flushed()
        plan = self.plan.hosts.get(host)
        for port_id in port_ids:
            key: Key = ("port", port_id)
            needed = [key, *(plan.needs.get(key, ()) if plan is not None else ())]
            for one in needed:
                if one in errors:
                    raise CommandFailed("network.not_applied", f"{one[0]} {one[1]}: {errors[one]}", retry=True)
        elsewhere = {other.name for port_id in port_ids for other in self.plan.where(("port", port_id))} - {host}
        for other in elsewhere:
            await self._dhcp_knows(other)

    async def _dhcp_knows(self, host: str) -> None:
        """The host with the DHCP is another. Its being away keeps no guest from starting: the guest asks until it is answered."""
        link = self._links.get(host)
        if link is None:
            return
        try:
            async with asyncio.timeout(10):
                await link.flushed()
        except (TimeoutError, HostUnreachable) as error:
            log.warning("host %s does not know yet of the ports that boot elsewhere: %s", host, error)


def _belonging(tx: Transaction, hosts: Collection[str]) -> tuple[set[str], set[str], set[str]]:
    """Ports, networks and routers that live on these hosts."""
    ports = {id for host in hosts for id in port_items.port_ids_on(tx, host)}
    return ports, set(networks_on(tx, hosts)), set(routers_on(tx, hosts))
