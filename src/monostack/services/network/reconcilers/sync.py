"""The synchroniser, run by marks and by hosts that connect (desired.sync)."""

from typing import Any


async def settle(cloud: Any) -> None:
    """Turn marks into items for the hosts."""
    await cloud.network.settle()


async def retry(cloud: Any) -> None:
    """Try again what hosts could not make."""
    cloud.network.retry()
