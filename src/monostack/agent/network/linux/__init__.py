"""The native Linux network: bridges, taps, nftables, a namespace for each router and DHCP server; no daemon but dnsmasq."""

from monostack.agent.network.linux.driver import LinuxNetwork
from monostack.agent.network.linux.settings import Settings

__all__ = ["LinuxNetwork", "Settings"]
