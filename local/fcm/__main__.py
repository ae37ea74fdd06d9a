"""``python -m local.fcm``: a loopback FCM that keeps the messages as files until Ctrl-C."""

import argparse
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from local.fcm.server import FcmServer


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until the process is interrupted."""
    parser = argparse.ArgumentParser(prog="python -m local.fcm", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="default: a free one")
    parser.add_argument("--project", default="acme-app", help="default: acme-app")
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path("pushes"),
        help="where each message gets a file, and the key of the service account (default: pushes)",
    )
    options = parser.parse_args(arguments)
    server = FcmServer(options.project, options.folder)
    with server.serving(options.port), suppress(KeyboardInterrupt):
        key = server.write_key(options.folder)
        print(  # noqa: T201
            f"FCM_BASE_URL={server.base_url} FCM_PROJECT_ID={options.project}"
            f" GOOGLE_APPLICATION_CREDENTIALS={key}",
            flush=True,
        )
        threading.Event().wait()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
