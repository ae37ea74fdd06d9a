"""The door: nobody passes it unrecognised, except to the paths that are open."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as Connection

from pipeline.domain.errors import FanoutError
from service.errors import error_response, response_to
from service.identity.caller import Means
from service.identity.recognise import Credential, Recognition

_REALM: Final = 'Bearer realm="fanout"'
_INVALID: Final = f'{_REALM}, error="invalid_token"'
_BEARER: Final = "bearer"


class Door:
    """Recognises the caller of every request before anything else looks at it.

    The caller is in ``request.state.caller`` from then on. A route that nobody listed as open is
    closed, and so is what is no route.

    Args:
        app: what is behind the door.
        open_paths: the paths that need no caller.
        recognition: says who sent a credential.
        told_more: the open paths that tell a caller more than a stranger.
        when_unsure: by path, what answers while nobody can say who calls. It tells nothing that a
            stranger may not know.
    """

    def __init__(
        self,
        app: ASGIApp,
        open_paths: Collection[str],
        recognition: Recognition,
        told_more: Collection[str] = (),
        when_unsure: Mapping[str, ASGIApp] | None = None,
    ) -> None:
        self._app = app
        self._open_paths = frozenset(open_paths)
        self._recognition = recognition
        self._told_more = frozenset(told_more)
        self._when_unsure = when_unsure or {}

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
        credential = _credential(Headers(scope=scope))
        if credential is None:
            refusal = error_response(
                HTTPStatus.UNAUTHORIZED,
                "no token: send the header Authorization: Bearer TOKEN;"
                " python -m pipeline tokens create makes one",
                {"WWW-Authenticate": _REALM},
            )
            await refusal(scope, receive, send)
            return
        try:
            caller = await self._recognition.caller(credential)
        except FanoutError as error:
            answer = self._when_unsure.get(scope["path"], response_to(error))
            await answer(scope, receive, send)
            return
        if caller is None:
            refusal = error_response(
                HTTPStatus.UNAUTHORIZED,
                "invalid token: unknown, expired or revoked",
                {"WWW-Authenticate": _INVALID},
            )
            await refusal(scope, receive, send)
            return
        scope.setdefault("state", {})["caller"] = caller
        await self._app(scope, receive, send)

    async def _greet(self, scope: Connection) -> None:
        """Recognise a caller of an open path. Whoever is not recognised is a stranger."""
        credential = _credential(Headers(scope=scope))
        if credential is None:
            return
        with suppress(FanoutError):
            caller = await self._recognition.caller(credential)
            if caller is not None:
                scope.setdefault("state", {})["caller"] = caller


def _credential(headers: Headers) -> Credential | None:
    scheme, _, text = headers.get("authorization", "").partition(" ")
    if scheme.lower() != _BEARER:
        return None
    return Credential(Means.TOKEN, text.strip())
