"""Running an agent: the host's drivers, the link to the controller, and what is tidied up now and then."""

import asyncio
import contextlib
import logging
import signal
from pathlib import Path

from monostack.agent.config import AgentConfig
from monostack.agent.errors import CommandError
from monostack.agent.host import RealHost, open_host
from monostack.agent.link import Link

log = logging.getLogger(__name__)

TIDY_EVERY = 600.0  # seconds
OPEN_AGAIN_AFTER = 10.0  # seconds, when libvirt is not to be had for the moment


async def run(config: AgentConfig) -> None:
    """Be the agent of this host until SIGTERM, SIGINT or cancelled. Guests run on, and the next agent finds them.

    Raises CommandError when the host cannot run guests, with what is missing.
    """
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    work = asyncio.create_task(_work(config))
    waiting = asyncio.create_task(ended.wait())
    try:
        await asyncio.wait((work, waiting), return_when=asyncio.FIRST_COMPLETED)
    finally:
        # When the work ended by itself, it failed: awaiting it raises its cause.
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
        waiting.cancel()
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work


async def _work(config: AgentConfig) -> None:
    host = await _open(config)
    log.info("host %s is ready", config.host)
    tidying = asyncio.create_task(_tidy(host, config.image_cache_hours * 3600))
    try:
        await Link(host.agent, config.controller_url, Path(config.tls_dir)).run()
    finally:
        tidying.cancel()
        await asyncio.gather(tidying, return_exceptions=True)
        await host.agent.close()


async def _open(config: AgentConfig) -> RealHost:
    while True:
        try:
            return await open_host(config)
        except CommandError as error:
            # What libvirtd says while it starts, or comes back from a crash, is no verdict.
            if not error.retry and not error.code.startswith("hypervisor."):
                raise
            log.warning("not ready yet: %s", error)
        await asyncio.sleep(OPEN_AGAIN_AFTER)


async def _tidy(host: RealHost, unused_for: float) -> None:
    """Drop the bits of images that no guest uses any more, and of those that nobody came for."""
    while True:
        await asyncio.sleep(TIDY_EVERY)
        try:
            used = await asyncio.to_thread(host.files.used_images)
            for path in await asyncio.to_thread(host.images.drop_unused, used, unused_for):
                log.info("dropped the unused image %s", path.name)
            for path in await asyncio.to_thread(host.outgoing.drop_old, unused_for):
                log.info("dropped the image %s, which nobody came for", path.name)
        except OSError as error:
            log.warning("tidying up images: %s", error)
