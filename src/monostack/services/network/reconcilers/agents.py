"""Agents: a host that is connected is alive."""

from typing import Any

from monostack.services.network.agents.table import heartbeat


async def refresh_agents(cloud: Any) -> None:
    """Enter the agents of hosts that are new, and note that those of connected hosts live."""
    hosts = sorted(cloud.hosts.connected())
    if hosts:
        await cloud.db.write(lambda tx: heartbeat(tx, hosts))
