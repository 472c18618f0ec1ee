"""A network without packets: keeps the items of a simulated host and knows which taps they make."""

from typing import Any

import msgspec

from monostack.protocol.guests import InstanceMetadata
from monostack.protocol.network import Applied, Apply, GroupItem, MembersItem, NetworkItem, PortItem, RouterItem

KINDS: dict[str, type[msgspec.Struct]] = {
    "network": NetworkItem,
    "port": PortItem,
    "group": GroupItem,
    "members": MembersItem,
    "router": RouterItem,
    "metadata": InstanceMetadata,
}


class SimulatedNetwork:
    """Network driver of a simulated host. An item that could not be made on a real host is refused here too."""

    def __init__(self) -> None:
        self.items: dict[str, Any] = {}

    async def apply(self, changes: Apply) -> Applied:
        errors: dict[str, str] = {}
        if changes.full:
            for key in self.items.keys() - changes.items.keys():
                del self.items[key]
        for key, item in changes.items.items():
            if item is None:
                self.items.pop(key, None)
                continue
            kind = KINDS.get(key.partition("/")[0])
            if kind is None:
                errors[key] = f"there is no item {key.partition('/')[0]!r}"
                continue
            try:
                self.items[key] = msgspec.convert(item, kind)
            except msgspec.ValidationError as error:
                errors[key] = str(error)
        errors.update(self._unmet(changes))
        return Applied(errors=errors)

    def _unmet(self, changes: Apply) -> dict[str, str]:
        """Ports and routers among the changes whose network is not on this host."""
        unmet: dict[str, str] = {}
        for key in changes.items:
            item = self.items.get(key)
            if isinstance(item, PortItem) and item.tap and item.parent and not self._plugged(item.parent):
                unmet[key] = f"port {item.parent}, whose frames it is in, is not on this host"
        for key in changes.items:
            item = self.items.get(key)
            if isinstance(item, PortItem):
                wanted = [item.network_id] if item.tap else []
            elif isinstance(item, RouterItem):
                wanted = [end.network_id for end in item.ends]
            else:
                continue
            missing = [network for network in wanted if f"network/{network}" not in self.items]
            if missing:
                unmet[key] = f"network {missing[0]} is not on this host"
        return unmet

    def _plugged(self, port_id: str) -> bool:
        port = self.items.get(f"port/{port_id}")
        return isinstance(port, PortItem) and port.tap is not None

    def has_tap(self, port_id: str, tap: str) -> bool:
        """Whether a guest could be plugged in there."""
        port = self.items.get(f"port/{port_id}")
        return isinstance(port, PortItem) and port.tap == tap and f"network/{port.network_id}" in self.items

    async def release(self) -> None:
        self.items.clear()

    async def close(self) -> None:
        """Nothing is held."""
