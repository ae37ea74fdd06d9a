"""How large the head of a request and its body may be. Both are refused before more is read."""

from http import HTTPStatus
from typing import Final

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from service.errors import TOO_LARGE, error_response
from service.settings import BODY_BYTES

URL_BYTES: Final = 8 * 1024
HEADER_BYTES: Final = 16 * 1024
_LENGTH: Final = b"content-length"


class Sizes:
    """Refuses what its head shows to be too large."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        refusal = _refusal(scope) if scope["type"] == "http" else None
        await (refusal or self._app)(scope, receive, send)


def _refusal(scope: Scope) -> Response | None:
    headers = scope["headers"]
    if len(scope["raw_path"]) + len(scope["query_string"]) > URL_BYTES:
        return error_response(
            HTTPStatus.REQUEST_URI_TOO_LONG,
            f"the URL is too long: expected at most {URL_BYTES:,} bytes",
        )
    if sum(len(name) + len(value) for name, value in headers) > HEADER_BYTES:
        return error_response(
            HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
            f"the headers are too large: expected at most {HEADER_BYTES:,} bytes",
        )
    # The server has already refused an invalid length, or two different ones.
    if any(name == _LENGTH and int(value) > BODY_BYTES for name, value in headers):
        return error_response(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, TOO_LARGE)
    return None
