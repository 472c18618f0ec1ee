"""The messages the controller and its agents exchange, and nothing else.

An agent dials the controller (WebSocket, mutual TLS) and says `Hello`; from then on the controller sends `Command`
and the agent answers each with one `Result`; either may be repeated after a reconnection, so every command is
idempotent. The agent may send a `Report` at any time. Messages are JSON, encoded by msgspec.
"""

from monostack.protocol.envelope import (
    MAX_MESSAGE,
    VERSION,
    Command,
    Failure,
    Hello,
    Inventory,
    NetworkCapacity,
    Nic,
    Report,
    Result,
    decode,
    encode,
)

__all__ = [
    "MAX_MESSAGE", "VERSION", "Command", "Failure", "Hello", "Inventory", "NetworkCapacity", "Nic", "Report", "Result", "decode", "encode",
]  # fmt: skip
