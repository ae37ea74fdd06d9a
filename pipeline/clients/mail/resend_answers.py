"""Read what Resend answered: a status, headers and a body in; a result for each mail out.

https://resend.com/docs/api-reference/errors
https://resend.com/docs/api-reference/rate-limit
https://resend.com/docs/dashboard/emails/idempotency-keys

Its documents have named the same error differently over time, so all names are read. Its messages
may quote addresses: only words that we know are taken from them.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

from pipeline.clients.http_answers import header_number, json_object, retry_time, time_after
from pipeline.clients.posting import HttpAnswer
from pipeline.domain.provider_answer import (
    Accepted,
    AuthFailed,
    Blame,
    Busy,
    KeyConflict,
    ProviderReply,
    QuotaExceeded,
    RateInfo,
    RateLimited,
    Refused,
    Result,
    Unavailable,
)

# The key, the domain or the address of the API is wrong; a proxy may answer in place of Resend.
_SETTINGS: Final = frozenset({401, 402, 403, 404, 405, 407})
_WRONG_SETTING: Final = frozenset({"invalid_api_key", "invalid_from_address", "missing_api_key"})
_QUOTAS: Final = frozenset({"daily_quota_exceeded", "monthly_quota_exceeded"})
_CONFLICTS: Final[Mapping[str, type[Busy] | type[KeyConflict]]] = {
    "concurrent_idempotent_requests": Busy,
    "invalid_idempotent_request": KeyConflict,
}
# They do not tell whether it was accepted.
_UNDECIDED: Final = frozenset({408, 409})
_NOT_AUTHORIZED: Final = re.compile("api key is invalid", re.IGNORECASE)
# The field that a message is about. One that is not in this list is not named.
_FIELD: Final = re.compile("`(attachments|cc|from|headers|html|reply_to|subject|tags|text|to)`")
_DOMAIN_RESERVED: Final = "`example.com`"
# What may be quoted of an answer.
_WORD: Final = re.compile(r"[a-z0-9_]{1,60}")
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")


def read_reply(answer: HttpAnswer, at: datetime, mails: int) -> ProviderReply:
    """Return the results for a request.

    Args:
        answer: to the request.
        at: when it came, for times in seconds.
        mails: how many there were in the request.
    """
    rate = _rate(answer.headers, at)
    if answer.status // 100 != 2:  # noqa: PLR2004 - HTTP
        return ProviderReply.to_all(_error(answer, rate, mails), mails, rate)
    content = json_object(answer.body)
    results = _batch(content, mails) if mails > 1 else _single(content)
    if results is None:
        unread = Unavailable(code="unreadable_answer", may_be_accepted=True)
        return ProviderReply.to_all(unread, mails, rate)
    return ProviderReply(results=results, rate=rate)


def _single(content: Mapping[str, Any]) -> tuple[Result, ...] | None:
    accepted = _accepted(content)
    return None if accepted is None else (accepted,)


def _batch(content: Mapping[str, Any], mails: int) -> tuple[Result, ...] | None:
    """``data`` has the ids of what is accepted, in order; ``errors`` the places of the others."""
    data, errors = content.get("data"), content.get("errors") or []
    if not isinstance(data, list) or not isinstance(errors, list):
        return None
    refused = {
        each["index"]: _refusal(_text(each.get("message")))
        for each in errors
        if isinstance(each, dict) and type(each.get("index")) is int
    }
    accepted = [_accepted(each) for each in data]
    places_fit = len(refused) == len(errors) and all(0 <= index < mails for index in refused)
    if not places_fit or len(accepted) + len(refused) != mails:
        return None
    found = iter(accepted)
    results = [refused[index] if index in refused else next(found) for index in range(mails)]
    read = tuple(each for each in results if each is not None)
    return read if len(read) == mails else None


def _accepted(content: object) -> Accepted | None:
    given = content.get("id") if isinstance(content, dict) else None
    if not isinstance(given, str) or not _ID.fullmatch(given):
        return None
    return Accepted(provider_id=given)


def _refusal(message: str, name: str = "validation_error", *, of_request: bool = False) -> Result:
    """What a mail is refused for, as far as the message tells it in words that we know."""
    match = _FIELD.search(message)
    about = match[1] if match else ""
    code = f"{name}:{about}" if about else name
    if about == "from":
        # The same for every mail.
        return AuthFailed(code=code)
    to_nobody = about in {"to", "cc"} or _DOMAIN_RESERVED in message
    blame = Blame.ADDRESS if to_nobody else Blame.CONTENT
    return Refused(code=code, blame=blame, of_request=of_request)


def _error(answer: HttpAnswer, rate: RateInfo, mails: int) -> Result:
    content = json_object(answer.body)
    name, message = _word(content.get("name")), _text(content.get("message"))
    code = name or str(answer.status)
    if answer.status in _SETTINGS or name in _WRONG_SETTING or _NOT_AUTHORIZED.search(message):
        return AuthFailed(code=code)
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        return _too_many(code, rate)
    if answer.status == HTTPStatus.CONFLICT and name in _CONFLICTS:
        return _CONFLICTS[name](code=name)
    # Without a name it is not Resend's own answer.
    if name and 400 <= answer.status < 500 and answer.status not in _UNDECIDED:  # noqa: PLR2004
        return _refusal(message, name, of_request=mails > 1)
    return Unavailable(
        code=code,
        # After a redirect, or a refusal by a proxy before Resend, the mail was not accepted.
        may_be_accepted=answer.status >= 500 or answer.status in _UNDECIDED,  # noqa: PLR2004
        retry_at=rate.retry_at,
    )


def _too_many(code: str, rate: RateInfo) -> RateLimited | QuotaExceeded:
    if code in _QUOTAS:
        return QuotaExceeded(code=code, retry_at=rate.retry_at)
    return RateLimited(code=code, retry_at=rate.wait_until)


def _rate(headers: Mapping[str, str], at: datetime) -> RateInfo:
    reset = header_number(headers.get("ratelimit-reset"))
    return RateInfo(
        limit=header_number(headers.get("ratelimit-limit")),
        remaining=header_number(headers.get("ratelimit-remaining")),
        reset_at=None if reset is None else time_after(at, reset),
        retry_at=retry_time(headers.get("retry-after"), at),
    )


def _word(value: object) -> str:
    return value if isinstance(value, str) and _WORD.fullmatch(value) else ""


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
