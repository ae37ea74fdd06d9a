"""The loopback Resend: what it is asked, what it accepts and what it answers.

https://resend.com/docs/api-reference/emails/send-email
https://resend.com/docs/api-reference/emails/send-batch-emails
https://resend.com/docs/dashboard/emails/idempotency-keys
https://resend.com/docs/api-reference/rate-limit

``tests/local/resend`` holds it to these documents. A request that is sent again must have the same
bytes: the same JSON written in another way counts as another request.
"""

import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from local.loopback import LoopbackReply, LoopbackRequest, StandIn
from local.resend.faults import error, named_error
from local.resend.idempotency import IdempotencyKeys
from local.resend.kept import KeptMail
from local.resend.limits import Limits
from local.resend.rules import refusal
from pipeline.domain.clock import Clock, utc_now

# Not Resend's: how often each mail was accepted, for tests that run the server as a process.
COPIES: Final = "/copies"
MOST_MAILS: Final = 100
_SEND: Final = "/emails"
_BATCH: Final = "/emails/batch"


class ResendServer(StandIn):
    """Keys, limits, what was asked and accepted, and what goes wrong.

    Attributes:
        api_keys: those that may send; one in ``restricted_keys`` may do nothing else.
        restricted_keys: keys that may only send.
        verified: the domains that mail may come from; None: all.
        reserved_is_refused: whether mail to domains such as example.com is refused.
        limits: of requests and mails; there are none unless they are set.
        accepted: every mail, in order.
        on_accepted: is told of every mail that is accepted.
    """

    def __init__(self, clock: Clock = utc_now, folder: Path | None = None) -> None:
        """Start with no key, no limit and no mail.

        Args:
            clock: for idempotency keys, limits and dates.
            folder: where accepted mails are written, a folder for each; None: nowhere.
        """
        super().__init__()
        self.clock = clock
        self.api_keys: set[str] = set()
        self.restricted_keys: set[str] = set()
        self.verified: frozenset[str] | None = None
        self.reserved_is_refused = True
        self.limits = Limits()
        self.accepted: list[KeptMail] = []
        self.on_accepted: Callable[[KeptMail], None] = _nothing
        self._folder = folder
        self._lock = threading.Lock()
        self._keys = IdempotencyKeys()

    def copies(self) -> Counter[str]:
        """How often each mail was accepted, by the sender's name for it."""
        with self._lock:
            return Counter(mail.reference for mail in self.accepted)

    def answer(self, request: LoopbackRequest) -> LoopbackReply | None:
        """What is answered; None: the connection is cut."""
        fault = self.note(request)
        with self._lock:
            over = self.limits.request(self.clock())
        return self.failing(fault, lambda: self._limited(request, over))

    def _limited(self, request: LoopbackRequest, over: LoopbackReply | None) -> LoopbackReply:
        reply = over or self.usual(request)
        with self._lock:
            headers = self.limits.headers(self.clock())
        return replace(reply, headers={**headers, **reply.headers})

    def usual(self, request: LoopbackRequest) -> LoopbackReply:
        """Answer a request."""
        if request.path == COPIES:
            return LoopbackReply(status=200, body=self.copies())
        sends = request.path in {_SEND, _BATCH} and request.method == "POST"
        if wrong := self._wrong_key(request, sends=sends):
            return wrong
        if sends:
            return self._send(request)
        if request.method == "GET" and request.path.startswith(f"{_SEND}/"):
            return self._show(request.path.removeprefix(f"{_SEND}/"))
        return error("method_not_allowed" if request.path in {_SEND, _BATCH} else "not_found")

    def _wrong_key(self, request: LoopbackRequest, *, sends: bool) -> LoopbackReply | None:
        if "user-agent" not in request.headers:
            return LoopbackReply(status=403, body="error code: 1010")
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if not key:
            return error("missing_api_key")
        if scheme != "Bearer" or key not in self.api_keys | self.restricted_keys:
            return named_error(401 if sends else 400, "validation_error", "API key is invalid")
        if key in self.restricted_keys and not sends:
            return error("restricted_api_key")
        return None

    def _send(self, request: LoopbackRequest) -> LoopbackReply:
        key = request.headers.get("idempotency-key")
        if key is None:
            self.wait()
            return self._accept(request, None)
        with self._lock:
            known = self._keys.begin(key, request, self.clock())
        if known is not None:
            return known
        try:
            self.wait()
            return self._accept(request, key)
        finally:
            with self._lock:
                self._keys.end(key)

    def _accept(self, request: LoopbackRequest, key: str | None) -> LoopbackReply:
        try:
            content = json.loads(request.body)
        except ValueError:
            return named_error(400, "validation_error", "The body is not JSON.")
        single = request.path == _SEND
        mails = [content] if single else content
        if not isinstance(mails, list) or not 1 <= len(mails) <= MOST_MAILS:
            return named_error(422, "validation_error", "Expected 1 to 100 emails.")
        refusals = {
            place: wrong
            for place, mail in enumerate(mails)
            if (
                wrong := refusal(
                    mail, verified=self.verified, reserved_is_refused=self.reserved_is_refused
                )
            )
        }
        permissive = request.headers.get("x-batch-validation") == "permissive" and not single
        if refusals and not permissive:
            return next(iter(refusals.values()))
        good = [(place, mail) for place, mail in enumerate(mails) if place not in refusals]
        return self._keep(request, key, good, refusals if permissive else None, single=single)

    def _keep(
        self,
        request: LoopbackRequest,
        key: str | None,
        good: list[tuple[int, Any]],
        refusals: Mapping[int, LoopbackReply] | None,
        *,
        single: bool,
    ) -> LoopbackReply:
        with self._lock:
            now = self.clock()
            if over := self.limits.mails(len(good), now):
                return over
            kept = [
                KeptMail(id=str(uuid4()), key=key, place=place, at=now, content=mail)
                for place, mail in good
            ]
            ids = [{"id": each.id} for each in kept]
            body: dict[str, Any] = ids[0] if single else {"data": ids}
            if refusals is not None:
                body["errors"] = [
                    {"index": place, "message": _message(wrong)}
                    for place, wrong in refusals.items()
                ]
            reply = LoopbackReply(status=200, body=body)
            self.accepted.extend(kept)
            if key is not None:
                self._keys.remember(key, request, reply, now)
        for each in kept:
            if self._folder is not None:
                each.write(self._folder)
            self.on_accepted(each)
        return reply

    def _show(self, mail_id: str) -> LoopbackReply:
        """A mail: https://resend.com/docs/api-reference/emails/retrieve-email ."""
        with self._lock:
            found = next((each for each in self.accepted if each.id == mail_id), None)
        if found is None:
            return named_error(404, "not_found", "Email not found")
        body = {**found.content, "object": "email", "id": found.id, "last_event": "delivered"}
        return LoopbackReply(status=200, body=body | {"created_at": found.at.isoformat()})


def _nothing(_: KeptMail) -> None:
    pass


def _message(reply: LoopbackReply) -> str:
    return str(reply.body["message"]) if isinstance(reply.body, dict) else ""
