"""The controller's side of the agent channel: transport only. What commands mean is known to those who send them."""

from monostack.agentlink.hosts import CommandFailed, CommandTimeout, Hosts, HostUnreachable

__all__ = ["CommandFailed", "CommandTimeout", "HostUnreachable", "Hosts"]
