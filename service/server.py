"""Serves the application until SIGTERM or Ctrl-C, then ends what it has begun."""

import asyncio
import resource
import signal
import socket
from collections.abc import Callable
from functools import partial
from typing import Final

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.domain.errors import ConfigurationError
from service.app import build_app
from service.errors import LogFaults, hide_texts
from service.limits.prompt import CONNECTIONS, PromptProtocol
from service.settings import ServiceSettings

# After a stop, connections are accepted for this long: a load balancer, or the kernel, may have
# made some already. Each is closed with its answer.
LINGER_SECONDS: Final = 1.0
# Then requests that have begun may take this long. The sum is less than 10 s.
STOP_SECONDS: Final = 8
# A client that is slower than this with its next request loses the connection.
IDLE_SECONDS: Final = 30
# More connections wait in the kernel; beyond that, a client is refused.
BACKLOG: Final = 2048
# Those of the pools, the libraries and the logs.
_OTHER_FILES: Final = 512


def serve(settings: ServiceSettings, say: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        settings: where to listen, and what to answer from.
        say: receives one line when requests are accepted.

    Raises:
        ConfigurationError: the address cannot be used.
    """
    serve_app(build_app(settings), settings, say)


def serve_app(app: FastAPI, settings: ServiceSettings, say: Callable[[str], None]) -> None:
    """Serve an application, as ``serve``."""
    listener = _listen(settings)
    _allow_connections()
    hide_texts()
    host, port = listener.getsockname()[:2]
    stopping = asyncio.Event()
    server = _Server(
        uvicorn.Config(
            CloseConnections(LogFaults(app), stopping),
            backlog=BACKLOG,
            timeout_keep_alive=IDLE_SECONDS,
            timeout_graceful_shutdown=STOP_SECONDS,
            log_config=None,
            access_log=False,
            http=PromptProtocol,
            ws="none",
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=list(settings.trusted_proxies),
            server_header=False,
            date_header=False,
        ),
        partial(_stop, app, stopping),
    )
    # uvicorn raises the signal that stopped it once more at its end.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    say(f"listening on http://{host}:{port}")
    server.run(sockets=[listener])


class CloseConnections:
    """Closes each connection with its answer, once the process is about to end."""

    def __init__(self, app: ASGIApp, stopping: asyncio.Event) -> None:
        self._app = app
        self._stopping = stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def closing(message: Message) -> None:
            if message["type"] == "http.response.start" and self._stopping.is_set():
                message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
            await send(message)

        await self._app(scope, receive, closing)


class _Server(uvicorn.Server):
    """Cuts no request that had begun when it was told to stop."""

    def __init__(self, config: uvicorn.Config, stop: Callable[[], None]) -> None:
        super().__init__(config)
        self._stop = stop

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Go on for a moment, then stop accepting and wait for what has begun."""
        self._stop()
        await asyncio.sleep(LINGER_SECONDS)
        await super().shutdown(sockets)


def _allow_connections() -> None:
    """Let this process open a file for each connection, if the system allows it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + _OTHER_FILES
    if resource.RLIM_INFINITY not in (soft, hard) and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))


def _stop(app: FastAPI, stopping: asyncio.Event) -> None:
    stopping.set()
    # Together with the requests, not after them.
    app.state.replays.stop()


def _listen(settings: ServiceSettings) -> socket.socket:
    try:
        listener = socket.create_server((settings.host, settings.port), backlog=BACKLOG)
        # Its connections inherit this. Otherwise each answer, which is written in two pieces, waits
        # 40 ms for the client to acknowledge the first.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on {settings.host}:{settings.port}: {error.strerror};"
            " choose another with --port or PORT"
        ) from None
    return listener
