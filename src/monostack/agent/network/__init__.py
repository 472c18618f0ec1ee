"""The network of a host: what an agent needs of a driver, whichever makes it (linux/, simulated)."""

from typing import Protocol

from monostack.protocol.network import Applied, Apply


class Network(Protocol):
    """The bridges, taps, filters, routers, DHCP and metadata of one host, kept as the controller's items say.

    A driver makes nothing before the first `apply`. It runs on the agent's event loop and blocks it never.
    """

    async def apply(self, changes: Apply) -> Applied:
        """Set or remove items; idempotent, and in any order. With `changes.full` everything of ours that is not named goes away.

        A tap exists once the item of its port has been applied, so a guest may be started on it. What cannot be made is
        named in the answer by its key, with the cause, and tried again at the next `apply`; it holds up nothing else.
        An item that is not understood is such an error too: this method raises for nothing that an item contains.
        """
        ...

    async def release(self) -> None:
        """Remove everything of ours from the host, also what an earlier process left (`monostack down --purge`)."""
        ...

    async def close(self) -> None:
        """Let go of what this process holds (sockets, tasks). Guests and their traffic go on; the next process finds all in place."""
        ...
