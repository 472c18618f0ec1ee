"""Which items each connected host should have. Pure bookkeeping: no database, no tasks.

A host has what it needs because of something: a port that is bound there, a network whose DHCP it runs, a router it runs. References are
counted, so that the last to go takes the network, the group and its members along, without looking through all the others.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from monostack.services.network.desired.items import Network, Router
from monostack.services.network.desired.port_items import Port

_encode = msgspec.json.Encoder().encode
Key = tuple[str, str]  # kind, id


@dataclass(slots=True)
class HostPlan:
    """One connected host."""

    name: str
    wanted: dict[Key, int] = field(default_factory=dict[Key, int])  # what it was told last, by its hash
    outbox: dict[Key, Any] = field(default_factory=dict[Key, Any])  # what it is to be told: an item, or None
    needs: dict[Key, Counter[Key]] = field(default_factory=dict[Key, Counter[Key]])  # because of what -> what is needed
    needed: Counter[Key] = field(default_factory=Counter[Key])  # how often
    taps: dict[str, str] = field(default_factory=dict[str, str])  # ports that live here -> status in the database


class Plan:
    """All connected hosts.

    `missing` gathers the items that a host has begun to need and that are to be given with `put`, `written` the hosts whose outboxes were
    written to: who takes them begins a new set.
    """

    def __init__(self) -> None:
        self.hosts: dict[str, HostPlan] = {}
        self._where: dict[Key, set[str]] = {}
        self.missing: set[Key] = set()
        self.written: set[str] = set()

    # --- hosts -------------------------------------------------------------------------------------------------------

    def add_host(self, name: str) -> HostPlan:
        self.drop_host(name)
        self.hosts[name] = HostPlan(name)
        return self.hosts[name]

    def drop_host(self, name: str) -> None:
        host = self.hosts.pop(name, None)
        for key in {*host.needed, *host.needs, *host.wanted} if host is not None else ():
            self._where.get(key, set()).discard(name)

    def where(self, key: Key) -> list[HostPlan]:
        """The hosts that have, or are to have, an item."""
        return [self.hosts[name] for name in sorted(self._where.get(key, ()))]

    # --- what is because of what ---------------------------------------------------------------------------------------

    def _because(self, host: HostPlan, cause: Key, needs: Iterable[Key]) -> None:
        """`cause` is on the host and needs these; what nobody needs any more goes."""
        new = Counter(needs)
        old = host.needs.pop(cause, Counter())
        if new:
            host.needs[cause] = new
            self._where.setdefault(cause, set()).add(host.name)
        for key in (new - old).elements():
            host.needed[key] += 1
            if host.needed[key] == 1:
                self._where.setdefault(key, set()).add(host.name)
                self.missing.add(key)
        for key in (old - new).elements():
            host.needed[key] -= 1
            if host.needed[key] == 0:
                del host.needed[key]
                self._remove(host, key)

    def _remove(self, host: HostPlan, key: Key) -> None:
        if key[0] == "group":
            self._because(host, key, ())
        if key not in host.needed and key not in host.needs:
            self._where.get(key, set()).discard(host.name)
        if host.wanted.pop(key, None) is not None or key in host.outbox:
            self._write(host, key, None)

    def _write(self, host: HostPlan, key: Key, item: Any) -> None:
        host.outbox[key] = item
        self.written.add(host.name)

    def _tell(self, host: HostPlan, key: Key, item: Any) -> None:
        digest = hash(_encode(item))
        if host.wanted.get(key) != digest or host.outbox.get(key, item) is None:
            host.wanted[key] = digest
            self._write(host, key, item)

    # --- causes: ports, networks with DHCP, routers ------------------------------------------------------------------------

    def put_port(self, id: str, port: Port | None) -> None:
        """A port is as `port` says, or is gone. The host that runs its network's DHCP is to know it too."""
        key = ("port", id)
        wanted: dict[str, bool] = {}
        if port is not None:
            if port.leased:
                wanted = {host.name: False for host in self.where(("dhcp", port.item.network_id))}
            if port.host in self.hosts:
                wanted[port.host] = True
        for host in self.where(key):
            if host.name not in wanted:
                host.taps.pop(id, None)
                self._because(host, key, ())
                self._remove(host, key)
        for name, local in wanted.items():
            assert port is not None
            host = self.hosts[name]
            needs = [("network", port.item.network_id)]
            if local:
                needs += [("group", group) for group in port.item.groups]
                host.taps[id] = port.status
            else:
                host.taps.pop(id, None)
            if port.item.server_id and self._runs_dhcp(name, port.item.network_id):
                needs.append(("metadata", port.item.server_id))
            self._because(host, key, needs)
            self._tell(host, key, port.item if local else msgspec.structs.replace(port.item, tap=None))

    def _runs_dhcp(self, name: str, network_id: str) -> bool:
        return name in self._where.get(("dhcp", network_id), ())

    def put_dhcp(self, network_id: str, host_name: str | None) -> bool:
        """This host, or none, runs the network's DHCP. Says whether that is new, so that its ports are to be put again."""
        cause = ("dhcp", network_id)
        before = [host.name for host in self.where(cause)]
        for name in before:
            if name != host_name:
                self._because(self.hosts[name], cause, ())
                self._where[cause].discard(name)
        if host_name in self.hosts and host_name not in before:
            self._because(self.hosts[host_name], cause, [("network", network_id)])
            return True
        return bool(before) and host_name not in before

    def put_router(self, id: str, router: Router | None) -> None:
        key = ("router", id)
        for host in self.where(key):
            if router is None or host.name != router.host:
                self._because(host, key, ())
                self._remove(host, key)
        if router is not None and router.host in self.hosts:
            host = self.hosts[router.host]
            self._because(host, key, [("network", network_id) for network_id in router.networks])
            self._where.setdefault(key, set()).add(host.name)
            self._tell(host, key, router.item)

    # --- what is needed: networks, groups, members, metadata -----------------------------------------------------------------

    def put_network(self, id: str, network: Network | None) -> None:
        for host in self.where(("network", id)):
            if network is not None:
                here = network.item.serves_dhcp and network.host == host.name
                self._tell(host, ("network", id), msgspec.structs.replace(network.item, serves_dhcp=here))

    def put_group(self, id: str, group: Any) -> None:
        key = ("group", id)
        for host in self.where(key):
            if group is not None:
                remotes = {rule.remote_group for rule in group.rules if rule.remote_group}
                self._because(host, key, [("members", remote) for remote in remotes])
                self._tell(host, key, group)

    def put(self, key: Key, item: Any) -> None:
        """Members, metadata: an item, or None when there is nothing to tell."""
        for host in self.where(key):
            if item is not None:
                self._tell(host, key, item)
            elif host.wanted.pop(key, None) is not None:
                self._write(host, key, None)
