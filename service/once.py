"""``Idempotency-Key``: a request that names a key is done once, however often it is sent."""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import Depends, Header, Request, Response
from pydantic_core import to_json

from pipeline.domain.errors import Conflict, FanoutError, UsageError
from pipeline.ops.idempotency.keys import (
    KeyInUse,
    KeyTaken,
    RequestKey,
    StoredAnswer,
    free_key,
    store_answer,
    take_key,
)
from pipeline.settings import DatabaseSettings
from service.databases import Operator
from service.errors import response_to
from service.identity.audit import path_template
from service.identity.caller import Caller, Scope
from service.identity.needs import needs

# Says that an answer was given before.
REPEATED: Final = "Idempotency-Replayed"
_JSON: Final = "application/json"

_log: Final = logging.getLogger(__name__)

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern="^[!-~]+$",
        description="any text that names this request, such as a UUID. The same request with the"
        " same key gets the same answer for 24 hours, and is done once.",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """A request that may name a key.

    Attributes:
        database: with the login of an operator.
        key: what names the request; None if it has no key.
        digest: of the request.
    """

    database: DatabaseSettings
    key: RequestKey | None
    digest: bytes

    def answer(self, status: HTTPStatus, do: Callable[[], Any]) -> Response:
        """Do the request, or answer as when it was done.

        Args:
            status: of the answer if it succeeds.
            do: does it, and returns what is answered as JSON.

        Raises:
            UsageError: another request had this key.
            Conflict: the same request is being done.
            FanoutError: the request failed, and had no key.
        """
        if self.key is None:
            return _answered(StoredAnswer(status, to_json(do()).decode()))
        match take_key(self.database, self.key, self.digest):
            case StoredAnswer() as stored:
                return _answered(stored, repeated=True)
            case KeyInUse(other=True):
                raise UsageError("another request had this Idempotency-Key: use a new key")
            case KeyInUse():
                raise Conflict(
                    "a request with this Idempotency-Key is in progress: try again in a moment"
                )
            case KeyTaken() as taken:
                return self._do(self.key, taken, status, do)

    def _do(
        self, key: RequestKey, taken: KeyTaken, status: HTTPStatus, do: Callable[[], Any]
    ) -> Response:
        try:
            answer = StoredAnswer(status, to_json(do()).decode())
        except FanoutError as error:
            refusal = response_to(error)
            if refusal.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
                # It may succeed later: the same request may be sent again.
                self._free(key, taken)
                return refusal
            answer = StoredAnswer(refusal.status_code, bytes(refusal.body).decode())
        except BaseException:
            self._free(key, taken)
            raise
        try:
            store_answer(self.database, key, taken, answer)
        except FanoutError as error:
            # It is done. Whoever repeats it hears 409 until the key is free again.
            _log.error("the answer to %s is not stored: %s", key.route, error)
        return _answered(answer)

    def _free(self, key: RequestKey, taken: KeyTaken) -> None:
        try:
            free_key(self.database, key, taken)
        except FanoutError as error:
            # What went wrong before says more. The key is free by itself in a minute.
            _log.error("the key of %s is not free yet: %s", key.route, error)


async def _once(
    request: Request,
    caller: Annotated[Caller, needs(Scope.OPERATE)],
    database: Operator,
    key: Key = None,
) -> Once:
    named = None
    if key is not None:
        route = f"{request.method} {path_template(request)}"
        named = RequestKey(caller=f"{caller.means} {caller.name}", route=route, key=key)
    content = f"{request.url.path}?{request.url.query}".encode() + b"\0" + await request.body()
    return Once(database=database, key=named, digest=hashlib.sha256(content).digest())


# For every endpoint of a POST.
OnceOnly = Annotated[Once, Depends(_once)]


def _answered(answer: StoredAnswer, *, repeated: bool = False) -> Response:
    headers = {REPEATED: "true"} if repeated else None
    return Response(answer.body, answer.status, headers, _JSON)
