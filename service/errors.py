"""Every error as ``{error, message}``, with the status that says what to do about it."""

import logging
import traceback
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.domain.errors import (
    ConfigurationError,
    Conflict,
    FanoutError,
    NotFound,
    TransientError,
    UsageError,
)
from service.invalid import described
from service.settings import BODY_BYTES

RETRY_SECONDS: Final = 5
# FastAPI says so of a body that is not even text, and 422 of one that is not JSON.
_UNREADABLE: Final = HTTPStatus.BAD_REQUEST
_FAULT: Final = "a request has failed: this is a fault of the service"
_log: Final = logging.getLogger(__name__)
TOO_LARGE: Final = f"the body is too large: expected at most {BODY_BYTES:,} bytes"
# Python has other names for these since 3.13.
_NAMES: Final = {413: "Content Too Large", 414: "URI Too Long", 422: "Unprocessable Entity"}
_STATUS: Final[tuple[tuple[type[FanoutError], HTTPStatus], ...]] = (
    (UsageError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (NotFound, HTTPStatus.NOT_FOUND),
    (Conflict, HTTPStatus.CONFLICT),
    (TransientError, HTTPStatus.SERVICE_UNAVAILABLE),
    (ConfigurationError, HTTPStatus.SERVICE_UNAVAILABLE),
)


class ErrorBody(BaseModel):
    """The body of every answer that is an error.

    Attributes:
        error: the name of the status, such as ``Not Found``.
        message: what is wrong, and what was expected.
    """

    error: str
    message: str


class PlainErrorBody(BaseModel):
    """The body of an error of the routes that another program had before.

    Attributes:
        error: what is wrong.
    """

    error: str


class PlainError(FanoutError):
    """An error of the routes that another program had before: its callers know these words.

    Args:
        status: of the answer.
        words: what is wrong.
    """

    def __init__(self, status: HTTPStatus, words: str) -> None:
        super().__init__(words)
        self.status = status


def add_error_handlers(app: FastAPI, refusal_of: Callable[[Request], HTTPException | None]) -> None:
    """Give every error of an application our form.

    Args:
        app: the application.
        refusal_of: returns the refusal of a caller who may not send a request. It is answered
            before what is wrong with the request.
    """

    def refused(request: Request, error: Exception) -> JSONResponse:
        is_of_body = isinstance(error, HTTPException) and error.status_code == _UNREADABLE
        return _refused(request, (is_of_body and refusal_of(request)) or error)

    def invalid(request: Request, error: Exception) -> JSONResponse:
        refusal = refusal_of(request)
        return _invalid(request, error) if refusal is None else _refused(request, refusal)

    app.add_exception_handler(HTTPException, refused)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(FanoutError, _failed)
    app.add_exception_handler(Exception, _broken)


def name_of(status: int) -> str:
    """Return the name of a status, the same on every Python."""
    if status in _NAMES:
        return _NAMES[status]
    return HTTPStatus(status).phrase if status in set(HTTPStatus) else str(status)


def error_response(
    status: HTTPStatus, message: str, headers: dict[str, str] | None = None
) -> JSONResponse:
    """Return an error in our form."""
    body = ErrorBody(error=name_of(status), message=message)
    return JSONResponse(body.model_dump(), status, headers)


def _refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it only
    status = HTTPStatus(error.status_code)
    message, headers = str(error.detail), dict(error.headers or {})
    if status is HTTPStatus.NOT_FOUND and message == status.phrase:
        message = f"Route {request.method} {request.url.path} not found"
    if status is HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        message = TOO_LARGE
    if status is _UNREADABLE:
        status, message = HTTPStatus.UNPROCESSABLE_ENTITY, "invalid body: expected JSON in UTF-8"
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = ", ".join(_allowed(request))
        message, headers = f"invalid method: expected {allowed}", {"Allow": allowed}
    return error_response(status, message, headers)


def _allowed(request: Request) -> list[str]:
    """Return the methods that the path of a request allows, whichever route has them."""
    methods: set[str] = set()
    for route in iter_route_contexts(request.app.routes):
        if compile_path(str(route.path))[0].match(request.url.path):
            methods |= set(route.methods or ())
    return sorted(methods)


def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it only
    if _is_no_json(request) and any(tuple(each["loc"]) == ("body",) for each in error.errors()):
        # FastAPI takes such a body for a text, so its own error would be about the JSON in it.
        return error_response(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "invalid body: expected JSON, with the header Content-Type: application/json",
        )
    return error_response(
        HTTPStatus.UNPROCESSABLE_ENTITY, "; ".join(described(each) for each in error.errors())
    )


def _is_no_json(request: Request) -> bool:
    kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return kind != "application/json" and not kind.endswith("+json")


def response_to(error: FanoutError) -> JSONResponse:
    """Return the answer to a request that failed with an error of ours."""
    if isinstance(error, PlainError):
        return JSONResponse(PlainErrorBody(error=str(error)).model_dump(), error.status)
    for kind, status in _STATUS:
        if isinstance(error, kind):
            later = {"Retry-After": str(RETRY_SECONDS)}
            return error_response(
                status, str(error), later if isinstance(error, TransientError) else None
            )
    return error_response(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))


def _failed(request: Request, error: Exception) -> JSONResponse:  # noqa: ARG001 - of a handler
    assert isinstance(error, FanoutError)  # noqa: S101 - registered for it only
    return response_to(error)


def _broken(request: Request, error: Exception) -> JSONResponse:  # noqa: ARG001 - of a handler
    # The text of an unexpected error may hold a value; the log has the class and the place.
    return error_response(
        HTTPStatus.INTERNAL_SERVER_ERROR, "a fault of the service; its log has the details"
    )


class LogFaults:
    """Logs an error that nobody expected: its class and place, since its text may hold a value.

    Its answer has gone out by then, so the connection stays.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        answered = False

        async def noting(message: Message) -> None:
            nonlocal answered
            await send(message)
            answered = message["type"] == "http.response.body" and not message.get("more_body")

        try:
            await self._app(scope, receive, noting)
        except Exception as error:
            if not answered:
                raise
            _log.error("%s\n%s", _FAULT, _places(error))


def hide_texts() -> None:
    """Have uvicorn log an error as its class and place, if one ends a request without an answer."""
    logging.getLogger("uvicorn.error").addFilter(_without_text)


def _without_text(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    if error is not None:
        record.msg, record.args = f"{_FAULT}\n{_places(error)}", ()
        record.exc_info = record.exc_text = None
    return True


def _places(error: BaseException) -> str:
    places = "".join(traceback.format_tb(error.__traceback__))
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    earlier = f"{_places(before)}, then\n" if before is not None else ""
    return f"{earlier}{places}{type(error).__qualname__}"
