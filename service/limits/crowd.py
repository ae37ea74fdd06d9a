"""How many requests are served at once, and how many may wait for that."""

import asyncio
from collections.abc import Collection
from http import HTTPStatus
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from service.errors import RETRY_SECONDS, error_response

WAIT_SECONDS: Final = 5.0
# Whoever comes back on a new connection leaves room for others until then.
_LATER: Final = {"Retry-After": str(RETRY_SECONDS), "Connection": "close"}


class Crowd:
    """Serves so many requests at once, lets as many more wait for a moment, and refuses the rest.

    Args:
        app: what serves them.
        at_once: how many it serves at the same time.
        waiting: how many wait.
        open_paths: those that are never refused, since they cost nothing.
    """

    def __init__(
        self, app: ASGIApp, at_once: int, waiting: int, open_paths: Collection[str]
    ) -> None:
        self._app = app
        self._free = asyncio.Semaphore(at_once)
        self._room = waiting
        self._open_paths = frozenset(open_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"] in self._open_paths:
            await self._app(scope, receive, send)
            return
        if not await self._enters():
            refusal = error_response(
                HTTPStatus.SERVICE_UNAVAILABLE, "too many requests at once; try again", _LATER
            )
            await refusal(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        finally:
            self._free.release()

    async def _enters(self) -> bool:
        if not self._free.locked():
            # At once: others who come meanwhile find it taken.
            return await self._free.acquire()
        if self._room <= 0:
            return False
        self._room -= 1
        try:
            await asyncio.wait_for(self._free.acquire(), WAIT_SECONDS)
        except TimeoutError:
            return False
        finally:
            self._room += 1
        return True
