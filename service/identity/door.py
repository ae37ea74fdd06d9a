"""The door: nobody passes it unrecognised, except to the paths that are open."""

import asyncio
import logging
import math
from collections.abc import Collection, Container, Mapping
from contextlib import suppress
from http import HTTPStatus
from ipaddress import IPv6Network
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as Connection

from pipeline.domain.errors import FanoutError
from service.errors import RETRY_SECONDS, error_response
from service.identity.caller import Caller, Means
from service.identity.recognise import Recogniser, Recognition
from service.identity.recognisers import IAP_HEADER, read_credential
from service.limits.rate import Rate
from service.settings import Limits

_REALM: Final = 'Bearer realm="fanout"'
_INVALID: Final = f'{_REALM}, error="invalid_token"'
_NOTHING_SENT: Final = (
    "no token: send the header Authorization: Bearer TOKEN;"
    " python -m pipeline tokens create makes one"
)
_NOT_VALID: Final = "invalid token: unknown, expired, revoked or not issued for this service"

_UNSURE: Final = error_response(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "the token cannot be recognised now; try again",
    {"Retry-After": str(RETRY_SECONDS)},
)
# The length of the network that a provider gives to one client.
_IPV6_CLIENT: Final = 64
# An open path waits so long to learn who calls, however many others wait for that.
GREET_SECONDS: Final = 3.0

_log: Final = logging.getLogger(__name__)


class Door:
    """Recognises the caller of every request before anything else looks at it.

    The caller is in ``request.state.caller`` from then on. A route that nobody listed as open is
    closed, and so is every path that is not a route.

    Args:
        app: what is behind the door.
        open_paths: the paths that need no caller.
        recognisers: what recognises each kind of credential.
        limits: how often a caller may ask, and an address that is not recognised.
        told_more: the open paths that tell a caller more than a stranger.
        when_unsure: by path, what answers while nobody can say who calls. It tells nothing that a
            stranger may not know.
        greet_seconds: how long an open path waits to learn who calls.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        open_paths: Container[str],
        recognisers: Mapping[Means, Recogniser],
        limits: Limits,
        told_more: Collection[str] = (),
        when_unsure: Mapping[str, ASGIApp] | None = None,
        greet_seconds: float = GREET_SECONDS,
    ) -> None:
        self._app = app
        self._open_paths = open_paths
        self._recognisers = recognisers
        self._recognition = Recognition(recognisers)
        self._callers = Rate(limits.caller_rate)
        self._addresses = Rate(limits.address_rate)
        self._told_more = frozenset(told_more)
        self._when_unsure = when_unsure or {}
        self._greet_seconds = greet_seconds

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "lifespan" or (
            scope["type"] == "http" and scope["path"] in self._open_paths
        ):
            if scope.get("path") in self._told_more:
                await self._greet(scope)
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        try:
            found = await self._recognise(scope)
        except FanoutError as error:
            # Only the log says what is wrong with the database: we do not know the caller.
            _log.warning("no caller can be recognised: %s", error)
            found = self._when_unsure.get(scope["path"], _UNSURE)
        if isinstance(found, Caller):
            scope.setdefault("state", {})["caller"] = found
        await (self._app if isinstance(found, Caller) else found)(scope, receive, send)

    async def _recognise(self, scope: Connection) -> Caller | ASGIApp:
        """Return the caller, or the answer to who is none, or asks too often."""
        address = network_of((scope.get("client") or ("",))[0])
        credential = read_credential(Headers(scope=scope), self._recognisers)
        # Asking costs: whoever sends one forged token after the other has to wait before that.
        # The many first requests of a page are one question.
        is_stranger = credential is None or not (
            self._recognition.trusts(credential) or self._recognition.is_asking(credential)
        )
        if is_stranger and (wait := self._addresses.take(address)):
            return _too_often(wait)
        if credential is None:
            return _unauthorized(_NOTHING_SENT, _REALM)
        caller = await self._recognition.caller(credential)
        if caller is None:
            return _unauthorized(_NOT_VALID, _INVALID)
        if is_stranger:
            self._addresses.give_back(address)
        if wait := self._callers.take(f"{caller.means} {caller.name}"):
            return _too_often(wait)
        return caller

    async def _greet(self, scope: Connection) -> None:
        """Recognise a caller of an open path. Whoever is not recognised is a stranger."""
        if IAP_HEADER not in (headers := Headers(scope=scope)) and "authorization" not in headers:
            return
        with suppress(FanoutError, TimeoutError):
            async with asyncio.timeout(self._greet_seconds):
                found = await self._recognise(scope)
            if isinstance(found, Caller):
                scope.setdefault("state", {})["caller"] = found


def network_of(address: str) -> str:
    """Return an address, or the network that one client of IPv6 has."""
    if ":" not in address:
        return address
    try:
        return str(IPv6Network((address.partition("%")[0], _IPV6_CLIENT), strict=False))
    except ValueError:
        return address


def _unauthorized(message: str, challenge: str) -> Response:
    return error_response(HTTPStatus.UNAUTHORIZED, message, {"WWW-Authenticate": challenge})


def _too_often(wait: float) -> Response:
    return error_response(
        HTTPStatus.TOO_MANY_REQUESTS,
        "too many requests: wait as long as Retry-After says",
        {"Retry-After": str(math.ceil(wait))},
    )
