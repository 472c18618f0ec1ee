"""The items this host should have, as the controller last said, and what an application changed in them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from monostack.agent.network.linux import checks
from monostack.protocol.guests import InstanceMetadata
from monostack.protocol.network import Apply, GroupItem, MembersItem, NetworkItem, PortItem, RouterItem

KINDS: dict[str, tuple[type[msgspec.Struct], Callable[[Any], None]]] = {
    "network": (NetworkItem, checks.network),
    "port": (PortItem, checks.port),
    "group": (GroupItem, checks.nothing),  # each rule is checked where it is rendered: the others of its group stay in force
    "members": (MembersItem, checks.members),
    "router": (RouterItem, checks.router),
    "metadata": (InstanceMetadata, checks.metadata),
}


@dataclass(slots=True)
class Changes:
    """Keys that were set to something else or removed, with the item that was there before (None: nothing)."""

    set: dict[str, Any] = field(default_factory=dict)
    removed: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    def keys(self, kind: str) -> Iterator[str]:
        """Ids of one kind that were set or removed."""
        for key in [*self.set, *self.removed]:
            if key.startswith(kind + "/"):
                yield key.partition("/")[2]


@dataclass(slots=True)
class Desired:
    """The items of a host by kind and id."""

    networks: dict[str, NetworkItem] = field(default_factory=dict)
    ports: dict[str, PortItem] = field(default_factory=dict)
    groups: dict[str, GroupItem] = field(default_factory=dict)
    members: dict[str, MembersItem] = field(default_factory=dict)
    routers: dict[str, RouterItem] = field(default_factory=dict)
    metadata: dict[str, InstanceMetadata] = field(default_factory=dict)

    def kind(self, name: str) -> dict[str, Any]:
        return {
            "network": self.networks,
            "port": self.ports,
            "group": self.groups,
            "members": self.members,
            "router": self.routers,
            "metadata": self.metadata,
        }[name]

    def merge(self, apply: Apply) -> Changes:
        """Take items in. One that is not understood is an error by its key, and what was there before stays."""
        changes = Changes()
        if apply.full:
            for kind in KINDS:
                for identifier in [known for known in self.kind(kind) if f"{kind}/{known}" not in apply.items]:
                    changes.removed[f"{kind}/{identifier}"] = self.kind(kind).pop(identifier)
        for key, value in apply.items.items():
            try:
                self._take(key, value, changes)
            except (msgspec.ValidationError, ValueError) as error:
                changes.errors[key] = str(error)
        return changes

    def _take(self, key: str, value: dict[str, Any] | None, changes: Changes) -> None:
        kind, _, identifier = key.partition("/")
        if kind not in KINDS:
            raise ValueError(f"there is no item {kind!r}")
        items = self.kind(kind)
        if value is None:
            if identifier in items:
                changes.removed[key] = items.pop(identifier)
            return
        checks.identifier(identifier)
        item_type, check = KINDS[kind]
        item = msgspec.convert(value, item_type)
        named = getattr(item, "id", identifier)
        if named != identifier:
            raise ValueError(f"the item's id is {named!r}, its key says {identifier!r}")
        check(item)
        before = items.get(identifier)
        if item != before:
            items[identifier] = item
            changes.set[key] = before

    def ports_of(self, network_id: str) -> list[PortItem]:
        return [port for port in self.ports.values() if port.network_id == network_id]

    def routers_of(self, network_id: str) -> list[RouterItem]:
        """The routers with an interface or their gateway on a network."""
        return [router for router in self.routers.values() if network_id in networks_of(router)]


def networks_of(router: RouterItem) -> list[str]:
    """Every network a router is plugged into, those of its gateways last."""
    return [end.network_id for end in router.ends]
