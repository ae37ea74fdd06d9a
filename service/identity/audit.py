"""The audit row of a request that may change something: begun before it, ended with its answer."""

import logging
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final
from uuid import UUID, uuid4

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as Connection

from pipeline.domain.errors import FanoutError
from pipeline.ops.audit.record import begin, finish
from pipeline.settings import DatabaseSettings
from service.errors import name_of
from service.identity.caller import Caller

# Methods that change nothing.
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_LONGEST_TARGET: Final = 200
_ENTRY: Final = "audit"

_log: Final = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class AuditEntry:
    """What the audit says of this request. An endpoint may say more in ``target`` and ``result``.

    Attributes:
        id: of the row.
        target: what is changed, at first the parameters of the path: ``letter_id=7``.
        result: how it ended, in words; the name of the status if the endpoint says nothing.
    """

    id: UUID = field(default_factory=uuid4)
    target: str
    result: str | None = None


def begin_entry(request: Request, caller: Caller, database: DatabaseSettings) -> AuditEntry:
    """Write the row. If this fails, nothing is changed.

    Args:
        request: as the router found it.
        caller: who sent it.
        database: with the login of an operator.

    Raises:
        TransientError: the database does not answer.
    """
    target = ", ".join(f"{name}={value}" for name, value in request.path_params.items())
    # As it was sent, and not validated yet: Postgres stores no NUL.
    entry = AuditEntry(target=target.replace("\0", "?"))
    begin(
        database,
        entry.id,
        who=caller.name,
        identity=caller.means,
        action=f"{request.method} {path_template(request)}",
        target=entry.target[:_LONGEST_TARGET],
    )
    setattr(request.state, _ENTRY, entry)
    return entry


async def audit_entry(request: Request) -> AuditEntry:
    """Return the entry of this request, as a dependency of an endpoint that changes something."""
    entry = getattr(request.state, _ENTRY, None)
    if not isinstance(entry, AuditEntry):
        raise TypeError(f"{request.method} {path_template(request)} has no audit row")
    return entry


def path_template(request: Request) -> str:
    """Return the path of the route, with the names of its parameters and none of their values."""
    return str(request.scope["route"].path)


class FinishAudit:
    """Ends the audit row of a request with the status of its answer, before the answer leaves."""

    def __init__(self, app: ASGIApp, database: DatabaseSettings) -> None:
        self._app = app
        self._database = database

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] in SAFE:
            await self._app(scope, receive, send)
            return

        async def send_finished(message: Message) -> None:
            if message["type"] == "http.response.start":
                await self._finish(scope, message["status"])
            await send(message)

        try:
            await self._app(scope, receive, send_finished)
        except Exception:
            await self._finish(scope, HTTPStatus.INTERNAL_SERVER_ERROR)
            raise

    async def _finish(self, scope: Connection, status: int) -> None:
        entry = scope.get("state", {}).get(_ENTRY)
        if not isinstance(entry, AuditEntry):
            return
        try:
            await run_in_threadpool(
                finish,
                self._database,
                entry.id,
                target=entry.target[:_LONGEST_TARGET],
                status=status,
                result=entry.result or name_of(status),
            )
        except FanoutError as error:
            # The action is done, and its row says that it began.
            _log.error("the audit row %s has no end: %s", entry.id, error)
