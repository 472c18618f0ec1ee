"""Who has an address: what the metadata listeners ask, as it was after the last application."""

from collections.abc import Iterable, Mapping
from ipaddress import ip_address

from monostack.agent.metadata import Source
from monostack.agent.network.linux.chains import link_local
from monostack.agent.network.linux.state import Desired
from monostack.protocol.guests import InstanceMetadata


class Lookup:
    """The servers by network and address, at one moment. Never changed, so it may be read by another thread."""

    def __init__(self, desired: Desired | None = None) -> None:
        self._servers: dict[tuple[str, str], str] = {}
        self.metadata: Mapping[str, InstanceMetadata] = dict(desired.metadata) if desired else {}
        for port in desired.ports.values() if desired else ():
            if port.server_id:
                for address in [*(fixed.ip_address for fixed in port.fixed_ips), link_local(port.mac)]:
                    self._servers[port.network_id, str(ip_address(address))] = port.server_id

    def find(self, networks: Iterable[str], address: str) -> Source | None:
        """The server that asks from an address on one of these networks."""
        for network in networks:
            server = self._servers.get((network, address))
            if server is not None and server in self.metadata:
                return Source(server, self.metadata[server])
        return None
