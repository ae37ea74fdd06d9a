"""Serves the application until SIGTERM or Ctrl-C, then ends what it has begun."""

import signal
import socket
from collections.abc import Callable
from typing import Final

import uvicorn

from pipeline.domain.errors import ConfigurationError
from service.app import build_app
from service.settings import ServiceSettings

# Requests that have begun may take this long after a stop.
STOP_SECONDS: Final = 8
# A client that is slower than this with its next request loses the connection.
IDLE_SECONDS: Final = 30
# More connections wait in the kernel; beyond that, a client is refused.
BACKLOG: Final = 2048


def serve(settings: ServiceSettings, say: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        settings: where to listen, and what to answer from.
        say: receives one line when requests are accepted.

    Raises:
        ConfigurationError: the address cannot be used.
    """
    listener = _listen(settings)
    host, port = listener.getsockname()[:2]
    server = uvicorn.Server(
        uvicorn.Config(
            build_app(settings),
            backlog=BACKLOG,
            timeout_keep_alive=IDLE_SECONDS,
            timeout_graceful_shutdown=STOP_SECONDS,
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
        )
    )
    # uvicorn raises the signal that stopped it once more at its end.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    say(f"listening on http://{host}:{port}")
    server.run(sockets=[listener])


def _listen(settings: ServiceSettings) -> socket.socket:
    try:
        return socket.create_server((settings.host, settings.port), backlog=BACKLOG)
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on {settings.host}:{settings.port}: {error.strerror};"
            " choose another with --port or PORT"
        ) from None
