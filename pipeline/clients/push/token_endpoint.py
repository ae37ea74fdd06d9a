"""How google-auth reaches a token endpoint: by httpx2, within a time, without a log."""

import ssl
import time
from collections.abc import Mapping
from typing import Self
from urllib.parse import urlsplit

import httpx2
from google.auth import transport
from google.auth.exceptions import TransportError

from pipeline.clients.posting import read_body
from pipeline.settings.urls import LOOPBACK


class TokenResponse(transport.Response):
    """An answer, in the form of google-auth."""

    def __init__(self, response: httpx2.Response, body: bytes) -> None:
        self._response = response
        self._body = body

    @property
    def status(self) -> int:
        """Of HTTP."""
        return self._response.status_code

    @property
    def headers(self) -> Mapping[str, str]:
        """Its headers."""
        return self._response.headers

    @property
    def data(self) -> bytes:
        """Its body."""
        return self._body


class TokenEndpoint(transport.Request):
    """Makes the requests of one refresh, one after another.

    Args:
        seconds: how long each wait of a request may take, and the whole body of its answer.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._client: httpx2.Client | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._client is not None:
            self._client.close()

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,  # noqa: ARG002 - ours holds
        **_: object,
    ) -> TokenResponse:
        """Make a request.

        Raises:
            TransportError: there is no answer. Its text says nothing of the request.
        """
        if self._client is None:
            is_local = urlsplit(url).hostname in LOOPBACK
            self._client = httpx2.Client(
                # As for all requests of ours: a server on this machine needs no certificate.
                verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if is_local else True,
                timeout=self._seconds,
                follow_redirects=False,
                trust_env=not is_local,
            )
        deadline = time.monotonic() + self._seconds
        # A compressed answer has no size that can be limited beforehand.
        plain = {**(headers or {}), "Accept-Encoding": "identity"}
        try:
            with self._client.stream(method, url, content=body, headers=plain) as response:
                answered = read_body(response, deadline)
        except (httpx2.HTTPError, httpx2.StreamError, OSError) as error:
            raise TransportError(type(error).__name__) from None
        return TokenResponse(response, answered)
