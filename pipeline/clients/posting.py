"""One request over HTTP: an answer, or a result if there is none. Never raises, never logs."""

import logging
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import httpx2

from pipeline import __version__
from pipeline.domain.provider_answer import Unavailable

# Longer than any answer that we read: that to 100 mails.
MOST_BYTES: Final = 262_144
_IDLE_SECONDS: Final = 30.0
# With these errors nothing of the request has left this machine.
_NOT_SENT: Final = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
    httpx2.UnsupportedProtocol,
    httpx2.LocalProtocolError,
    # Of a header.
    UnicodeEncodeError,
)

# They log URLs, and headers of answers.
for _name in ("httpx2", "httpcore2"):
    logging.getLogger(_name).setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """An answer. ``repr`` shows nothing of what it says.

    Attributes:
        status: of HTTP.
        headers: their names in lower case.
        body: its bytes.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class HttpPoster:
    """Keeps the connections to one server, for all threads.

    A request is made once. Each wait takes ``timeout`` at most, and so does the whole body of the
    answer.
    """

    def __init__(self, base_url: str, timeout: timedelta, *, connections: int) -> None:
        """Connect to nobody yet.

        Args:
            base_url: of the API; without TLS on this machine only.
            timeout: how long one request may take.
            connections: how many there may be at a time.
        """
        self._base = base_url.rstrip("/")
        self._seconds = timeout.total_seconds()
        is_remote = self._base.startswith("https:")
        self._client = httpx2.Client(
            # Without TLS nobody has to be trusted, and reading certificates takes time.
            verify=True if is_remote else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            headers={
                "User-Agent": f"fanout/{__version__}",
                "Content-Type": "application/json",
                "Accept": "application/json",
                # A compressed answer has no size that can be limited beforehand.
                "Accept-Encoding": "identity",
            },
            timeout=self._seconds,
            follow_redirects=False,
            limits=httpx2.Limits(
                max_connections=connections,
                max_keepalive_connections=connections,
                keepalive_expiry=_IDLE_SECONDS,
            ),
            # A proxy is for the way to a remote server, not to this machine.
            trust_env=is_remote,
        )

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> HttpAnswer | Unavailable:
        """Post once, and return the answer, or why there is none."""
        deadline = time.monotonic() + self._seconds
        try:
            with self._client.stream(
                "POST", f"{self._base}/{path}", content=body, headers=headers
            ) as response:
                read = read_body(response, deadline)
        except _NOT_SENT as error:
            return Unavailable(code=type(error).__name__, may_be_accepted=False)
        except (httpx2.HTTPError, httpx2.StreamError, OSError) as error:
            return Unavailable(code=type(error).__name__, may_be_accepted=True)
        return HttpAnswer(
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            body=read,
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def read_body(response: httpx2.Response, deadline: float) -> bytes:
    """Read the body of an answer.

    Args:
        response: that is being streamed, and not compressed.
        deadline: in monotonic seconds.

    Raises:
        TimeoutError: it is longer than ``MOST_BYTES``, or comes too slowly.
    """
    body = b""
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > MOST_BYTES or time.monotonic() > deadline:
            raise TimeoutError
    return body
