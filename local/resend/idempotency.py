"""Idempotency keys of the loopback Resend: a request that was accepted is answered, not done again.

https://resend.com/docs/dashboard/emails/idempotency-keys
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from local.loopback import LoopbackReply, LoopbackRequest
from local.resend.faults import error

KEPT_FOR: Final = timedelta(hours=24)
_LONGEST: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    at: datetime
    request: LoopbackRequest
    reply: LoopbackReply


class IdempotencyKeys:
    """The keys of accepted requests, for 24 hours, and those of requests in progress."""

    def __init__(self) -> None:
        self._done: dict[str, _Done] = {}
        self._in_progress: set[str] = set()

    def begin(self, key: str, request: LoopbackRequest, now: datetime) -> LoopbackReply | None:
        """Take a key for a request; the answer, if there is nothing more to do."""
        if not 1 <= len(key) <= _LONGEST:
            return error("invalid_idempotency_key")
        if key in self._in_progress:
            return error("concurrent_idempotent_requests")
        done = self._done.get(key)
        if done is None or now >= done.at + KEPT_FOR:
            self._in_progress.add(key)
            return None
        if (done.request.path, done.request.body) == (request.path, request.body):
            return done.reply
        return error("invalid_idempotent_request")

    def remember(
        self, key: str, request: LoopbackRequest, reply: LoopbackReply, now: datetime
    ) -> None:
        """Keep the answer to a request that was accepted. One that was refused may be corrected."""
        self._done[key] = _Done(at=now, request=request, reply=reply)

    def end(self, key: str) -> None:
        """The request is no longer in progress."""
        self._in_progress.discard(key)
