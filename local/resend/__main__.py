"""``python -m local.resend``: a loopback Resend that keeps the mails as files until Ctrl-C."""

import argparse
import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import httpx2

from local.resend.kept import KeptMail
from local.resend.server import ResendServer
from local.resend.webhooks import WebhookTarget, later_events
from pipeline.domain.clock import utc_now


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until the process is interrupted."""
    options = _options(arguments)
    server = ResendServer(folder=options.folder)
    server.api_keys.add(options.key)
    server.reserved_is_refused = options.refuse_reserved
    if options.webhook_url:
        target = WebhookTarget(url=options.webhook_url, secret=options.webhook_secret)
        server.on_accepted = _teller(target)
    with server.serving(options.port), suppress(KeyboardInterrupt):
        print(f"RESEND_BASE_URL={server.base_url} RESEND_API_KEY={options.key}", flush=True)  # noqa: T201
        threading.Event().wait()
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.resend", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="default: a free one")
    parser.add_argument("--folder", type=Path, help="where each mail gets a folder of its own")
    parser.add_argument("--key", default="re_local", help="the API key (default: re_local)")
    parser.add_argument(
        "--refuse-reserved",
        action="store_true",
        help="refuse mail to domains such as example.com, as Resend does",
    )
    parser.add_argument("--webhook-url", help="who is told what became of each mail")
    parser.add_argument("--webhook-secret", default="", help="whsec_... to sign that with")
    options = parser.parse_args(arguments)
    if bool(options.webhook_url) != bool(options.webhook_secret):
        parser.error("pass both --webhook-url and --webhook-secret, or neither")
    return options


def _teller(target: WebhookTarget) -> Callable[[KeptMail], None]:
    """Return what takes a mail; a thread tells the target of it, in order, and never twice."""
    waiting: queue.SimpleQueue[KeptMail] = queue.SimpleQueue()

    def tell() -> None:
        while True:
            mail = waiting.get()
            for event in later_events(mail, utc_now()):
                with suppress(httpx2.HTTPError):
                    target.send(event, utc_now())

    threading.Thread(target=tell, daemon=True).start()
    return waiting.put


if __name__ == "__main__":
    raise SystemExit(main())
