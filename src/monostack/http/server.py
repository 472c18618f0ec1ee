"""The HTTP server: uvicorn as a library, on a socket of our own, with its signal handling left to the composition root."""

import asyncio
import socket
from typing import Any

import uvicorn

from monostack.core.config import Config

GRACE = 10  # seconds a request may go on after the server is asked to stop


class _Server(uvicorn.Server):
    def install_signal_handlers(self) -> None:
        """The composition root handles signals: the engine must stop in order before the process ends."""


class HttpServer:
    """Listens from `open` to `close`. `port` is known before `open`, also when the configuration says 0."""

    def __init__(self, config: Config) -> None:
        api = self._api = config.api
        family = socket.AF_INET6 if ":" in api.bind else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # named, or asyncio leaves Nagle on: 40 ms an answer
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self.socket.bind((api.bind, api.port))
        except OSError as error:
            self.socket.close()
            where = f"{api.bind} port {api.port}"
            raise OSError(
                error.errno, f"cannot listen on {where}: {error.strerror}. Set api.port to another port, or to 0 for a free one"
            ) from None
        self.port: int = self.socket.getsockname()[1]
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None

    async def open(self, app: Any) -> None:
        """Accept requests and give them to `app`."""
        api = self._api
        server = self._server = _Server(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                lifespan="off",
                ws="websockets-sansio",
                ws_per_message_deflate=False,
                server_header=False,
                backlog=2048,
                timeout_keep_alive=75,
                timeout_graceful_shutdown=GRACE,
                h11_max_incomplete_event_size=65536,
                ssl_certfile=api.tls_certificate,
                ssl_keyfile=api.tls_key,
            )
        )
        self.socket.listen(2048)
        config = server.config
        if not config.loaded:
            config.load()
        server.lifespan = config.lifespan_class(config)
        await server.startup(sockets=[self.socket])
        self._task = asyncio.create_task(server.main_loop())

    async def close(self) -> None:
        if self._server is None or self._task is None:
            self.socket.close()
            return
        self._server.should_exit = True
        await self._task
        await self._server.shutdown(sockets=[self.socket])
