"""Blocking work beside the event loop."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

T = TypeVar("T")


async def in_thread(function: Callable[..., T], *args: Any, **named: Any) -> T:
    """What the function returns, called in a thread. Who is cut off meanwhile is so when it has ended: see `finished`."""
    return await finished(asyncio.to_thread(function, *args, **named))


async def finished(work: Awaitable[T]) -> T:
    """What `work` gives. A thread cannot be stopped halfway: who cuts its caller off waits for it, lest what comes next meets it."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
