"""The network of one host, made in the kernel: all the work of an application, in the worker thread."""

import contextlib
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pyroute2.netlink.exceptions import NetlinkError

from monostack.agent.network.linux import bridges, dhcp_servers, filters, namespaces, nftables, packet_logs, ports, strays
from monostack.agent.network.linux.dhcp_servers import DhcpServers
from monostack.agent.network.linux.filters import Filters
from monostack.agent.network.linux.links import Link, Links
from monostack.agent.network.linux.lookup import Lookup
from monostack.agent.network.linux.nftables import NftablesError
from monostack.agent.network.linux.restore import Restore
from monostack.agent.network.linux.routers import Routers, Waiting
from monostack.agent.network.linux.settings import TABLE, Settings
from monostack.agent.network.linux.shaping import Shaping
from monostack.agent.network.linux.state import Changes, Desired
from monostack.protocol.network import Apply, PortItem

log = logging.getLogger(__name__)

FAULTS = (RuntimeError, ValueError, OSError, NetlinkError)  # what an item may run into; anything else is a fault of this program
_INHERITED = "this host has a network from before its agent started, and has not been told yet of all its items (full)"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an application left: errors by key, who has which address, the networks whose guests come in at each namespace, and
    what is to be written about packets.
    """

    errors: dict[str, str]
    lookup: Lookup
    listeners: dict[str, tuple[str, ...]] = field(default_factory=dict)
    logged: dict[str, str] = field(default_factory=dict)  # see packet_logs.known


class HostNetwork:
    """Bridges, filters, ports, DHCP and routers of one host. Lives in one thread, which is in the host's namespace."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._desired = Desired()
        self._links = Links()
        self._filters = Filters(settings.packet_log)
        self._dhcp = DhcpServers(settings)
        self._routers = Routers(settings)
        self._shaping = Shaping()
        self._restore = Restore(settings.directory / "restore.json")
        self._bridges: dict[str, Link] = {}  # of the networks that are made, by id
        self._failed: set[str] = set()  # keys to try again
        self._left: dict[str, Any] = {}  # items that could not be removed, by key
        self._complete = False  # whether everything of ours on the host is known

    def apply(self, apply: Apply) -> Outcome:
        """See Network.apply."""
        if not (apply.full or self._complete) and _inherited():
            return Outcome(dict.fromkeys(apply.items, _INHERITED), Lookup())
        changes = self._desired.merge(apply)
        dirty = self._dirty(changes, everything=apply.full)
        self._failed = self._keys()  # unless this comes to its end
        errors = changes.errors
        self._remove(changes, errors)
        if apply.full:
            self._each(errors, ["host"], lambda _: strays.remove(self._links, self._desired, self._settings))
        self._each(errors, _of("network", dirty), self._bridge)
        self._filter(dirty, errors, anew=apply.full)
        for parents in (True, False):  # a subport stands on its parent's tap
            self._each(errors, [key for key in _of("port", dirty) if key not in errors and self._is_parent(key) is parents], self._port)
        self._each(errors, _of("network", dirty), self._serve)
        self._each(errors, self._served(changes) - dirty, self._refresh)
        self._each(errors, _of("router", dirty), lambda key: self._route(key, anew=apply.full))
        self._failed = {key for key in errors if key in self._keys()}
        self._complete = True
        return Outcome(errors, Lookup(self._desired), self._listeners(), packet_logs.known(self._desired))

    def _each(self, errors: dict[str, str], keys: Iterable[str], make: Callable[[str], None]) -> None:
        """Make each thing; a fault is the error of its key and stops nothing else."""
        for key in sorted(keys):
            try:
                make(key)
            except FAULTS as fault:
                log.warning("%s: %s", key, fault)
                errors.setdefault(key, str(fault))

    def _keys(self) -> set[str]:
        kinds = ("network", "port", "group", "members", "router")
        return {f"{kind}/{identifier}" for kind in kinds for identifier in self._desired.kind(kind)}

    def _dirty(self, changes: Changes, *, everything: bool) -> set[str]:
        """Keys of what must be looked at: what changed or failed before, and what stands on a network that did."""
        if everything:
            return self._keys()
        dirty = {*changes.set, *self._failed} & self._keys()
        for network in [key.partition("/")[2] for key in _of("network", dirty)]:
            dirty |= {f"port/{port.id}" for port in self._desired.ports_of(network)}
            dirty |= {f"router/{router.id}" for router in self._desired.routers_of(network)}
        return dirty

    def _served(self, changes: Changes) -> set[str]:
        """Networks whose hosts changed, for their DHCP servers."""
        touched = set()
        for key, before in [*changes.set.items(), *changes.removed.items()]:
            if key.startswith("port/"):
                now = self._desired.ports.get(key.partition("/")[2])
                touched |= {port.network_id for port in (before, now) if port is not None}
        return {f"network/{network}" for network in touched if network in self._desired.networks}

    def _remove(self, changes: Changes, errors: dict[str, str]) -> None:
        """What is gone, and what a changed item leaves behind."""
        gone, self._left = {**self._left, **changes.removed}, {}
        for kind in ("router", "network", "port"):
            for key in sorted(key for key in gone if key.startswith(kind + "/")):
                try:
                    self._remove_one(kind, gone[key])
                except FAULTS as fault:
                    errors.setdefault(key, str(fault))
                    self._left[key] = gone[key]
        for key, before in changes.set.items():
            if key.startswith("port/") and before is not None and before.tap and _place(before) != _place(self._desired.ports[before.id]):
                self._each(errors, [key], lambda _, tap=before.tap: ports.remove(self._links, tap))

    def _remove_one(self, kind: str, item: Any) -> None:
        if kind == "router":
            self._routers.remove(self._links, item.id)
        elif kind == "port" and item.tap is not None:
            self._shaping.remove(self._links, item)
            ports.remove(self._links, item.tap)
        elif kind == "network":
            self._bridges.pop(item.id, None)
            self._dhcp.remove(self._links, item.id)
            for name in bridges.unused(item, self._desired, self._settings):
                bridges.remove(self._links, name)

    def _bridge(self, key: str) -> None:
        network = self._desired.networks[key.partition("/")[2]]
        self._bridges.pop(network.id, None)
        self._bridges[network.id] = bridges.ensure(self._links, network, self._settings, self._restore)

    def _filter(self, dirty: set[str], errors: dict[str, str], *, anew: bool) -> None:
        """No port is plugged in unless its filter is in force."""
        try:
            names = bridges.names(self._desired, self._settings)
            wrong = self._filters.sync(self._desired, names, bridges.masqueraded(self._desired, self._settings), anew=anew)
            errors.update({key: text for key, text in wrong.items() if key in dirty})
        except FAULTS as fault:
            log.warning("security groups: %s", fault)
            errors.update({key: str(fault) for key in _of("port", dirty) | _of("group", dirty) | _of("members", dirty)})

    def _is_parent(self, key: str) -> bool:
        return self._desired.ports[key.partition("/")[2]].parent is None

    def _port(self, key: str) -> None:
        port = self._desired.ports[key.partition("/")[2]]
        if port.tap is None:
            return
        if port.network_id not in self._bridges:
            raise Waiting(f"network/{port.network_id}")
        ports.ensure(self._links, port, self._desired.networks[port.network_id], self._bridges[port.network_id])
        self._shaping.ensure(self._links, port)

    def _serve(self, key: str) -> None:
        network = self._desired.networks[key.partition("/")[2]]
        if not dhcp_servers.wanted(network):
            self._dhcp.remove(self._links, network.id)
        elif network.id in self._bridges:
            self._dhcp.ensure(self._links, network, self._bridges[network.id], self._desired.ports_of(network.id))

    def _refresh(self, key: str) -> None:
        network = self._desired.networks[key.partition("/")[2]]
        if dhcp_servers.wanted(network) and network.id in self._bridges:
            self._dhcp.refresh(network, self._desired.ports_of(network.id))

    def _route(self, key: str, *, anew: bool) -> None:
        router = self._desired.routers[key.partition("/")[2]]
        if router.admin_up:
            self._routers.ensure(self._links, router, self._desired.networks, self._bridges, anew=anew)
        else:
            self._routers.remove(self._links, router.id)

    def _listeners(self) -> dict[str, tuple[str, ...]]:
        served = {self._settings.dhcp_namespace(net.id): (net.id,) for net in self._desired.networks.values() if dhcp_servers.wanted(net)}
        routers = [router for router in self._desired.routers.values() if router.admin_up]
        routed = {self._settings.router_namespace(router.id): tuple(end.network_id for end in router.interfaces) for router in routers}
        return {name: networks for name, networks in {**served, **routed}.items() if namespaces.identity(name) is not None}

    def watch(self) -> None:
        """Start again what died."""
        served = [network.id for network in self._desired.networks.values() if network.id in self._bridges and dhcp_servers.wanted(network)]
        for network in served:
            if self._dhcp.process(network).pid() is None:
                log.warning("the DHCP server of network %s died: starting it again", network)
                self._each({}, [f"network/{network}"], self._serve)
        for router in self._desired.routers.values():
            if router.admin_up and self._routers.advertiser_died(router, self._desired.networks):
                log.warning("the advertiser of router %s died: starting it again", router.id)
                self._each({}, [f"router/{router.id}"], lambda key: self._route(key, anew=False))

    def release(self) -> None:
        """See Network.release. Raises the first fault, having tried everything."""
        self._desired, self._filters = Desired(), Filters(self._settings.packet_log)
        self._routers, self._shaping = Routers(self._settings), Shaping()
        self._bridges, self._failed, self._left, self._complete = {}, set(), {}, False
        try:
            strays.remove(self._links, self._desired, self._settings)
        finally:
            filters.remove()
            self._restore.undo(self._links)
            _clear(self._settings.directory)

    def close(self) -> None:
        self._links.close()


def _place(port: PortItem) -> tuple[str | None, str | None, int | None]:
    """Which interface a port is, and on what it stands."""
    return port.tap, port.parent, port.vlan


def _of(kind: str, keys: Iterable[str]) -> set[str]:
    return {key for key in keys if key.startswith(kind + "/")}


def _clear(directory: Path) -> None:
    """Remove our files, and their directory when nobody else has any there."""
    for kind in strays.PROCESSES:
        if (directory / kind).exists():
            (directory / kind).rmdir()
    with contextlib.suppress(OSError):
        directory.rmdir()


def _inherited() -> bool:
    """Whether an earlier process left filters here."""
    try:
        nftables.run(f"list table bridge {TABLE}")
    except NftablesError:
        return False
    return True
