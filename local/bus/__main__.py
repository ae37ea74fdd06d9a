"""``python -m local.bus``: a websocket bus until Ctrl-C, with a page that shows what arrives."""

import argparse
import threading
from collections.abc import Sequence
from contextlib import suppress

from local.bus.server import BusServer


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until the process is interrupted."""
    parser = argparse.ArgumentParser(prog="python -m local.bus", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="of publishers; default: a free one")
    parser.add_argument("--page-port", type=int, default=0, help="of clients, and of the page")
    parser.add_argument(
        "--token",
        default="local-bus-token",
        help="with which publishers sign in (default: local-bus-token)",
    )
    options = parser.parse_args(arguments)
    server = BusServer(options.token)
    with server.serving(options.port, options.page_port), suppress(KeyboardInterrupt):
        print(  # noqa: T201
            f"WEBSOCKET_BUS_URL={server.base_url} SERVICE_TOKEN={options.token}"
            f" page {server.page_url}",
            flush=True,
        )
        threading.Event().wait()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
