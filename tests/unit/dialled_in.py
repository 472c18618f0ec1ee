"""A controller that agents dial in to over TLS, and agents that do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from monostack.agent.link import Link
from monostack.agentlink import Hosts
from monostack.agentlink.authority import Authority
from monostack.agentlink.enrolment import Enrolment, new_token
from monostack.agentlink.listener import Listener
from monostack.testing.hosts import simulated_host


class Cloud:
    """A controller's listener with its tokens and members in dictionaries."""

    def __init__(self, directory: Path) -> None:
        self.authority = Authority.open(directory / "ca")
        self.hosts = Hosts()
        self.tokens: dict[str, str] = {}
        self.members: set[str] = set()
        self.listener = self.new_listener()
        self.port = 0

    def new_listener(self) -> Listener:
        async def redeem(hashed: str) -> str | None:
            host = self.tokens.pop(hashed, None)
            if host is not None:
                self.members.add(host)
            return host

        async def allowed(host: str) -> bool:
            return host in self.members

        return Listener(self.hosts, self.authority, Enrolment(self.authority, redeem), allowed)

    @property
    def url(self) -> str:
        return f"wss://127.0.0.1:{self.port}"

    def token_for(self, host: str) -> str:
        token, hashed = new_token(self.authority)
        self.tokens[hashed] = host
        return token


@asynccontextmanager
async def cloud_in(directory: Path) -> AsyncIterator[Cloud]:
    cloud = Cloud(directory)
    cloud.port = await cloud.listener.start("127.0.0.1", 0)
    try:
        yield cloud
    finally:
        await cloud.listener.close()


@asynccontextmanager
async def linked(cloud: Cloud, name: str, tls_dir: Path) -> AsyncIterator[None]:
    running = asyncio.create_task(Link(simulated_host(name), cloud.url, tls_dir).run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
