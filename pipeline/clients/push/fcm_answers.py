"""Read what FCM answered: a status, headers and a body in; a result out.

https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final

import orjson

from pipeline.clients.push.posting import PushAnswer
from pipeline.domain.provider_answer import (
    Accepted,
    AuthFailed,
    Blame,
    RateLimited,
    Refused,
    Result,
    Unavailable,
)

_FCM_ERROR: Final = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
_BAD_REQUEST: Final = "type.googleapis.com/google.rpc.BadRequest"
_TOKEN_FIELD: Final = "message.token"  # noqa: S105 - the name of a field
_WORD: Final = re.compile(r"[A-Z0-9_]{1,60}")
_NAME: Final = re.compile(r"projects/[^/\s]{1,60}/messages/[^/\s]{1,200}")
_DENIED: Final = frozenset({401, 403, 404, 407})
# A quota is counted by the minute.
_QUOTA_WAIT: Final = timedelta(minutes=1)
# A provider that names a later time is not believed.
_LONGEST_WAIT: Final = timedelta(hours=6)


def read_fcm_answer(answer: PushAnswer, now: datetime) -> Result:
    """Return what an answer means.

    Args:
        answer: of FCM, or of a proxy in its place.
        now: the time of the answer.
    """
    document = _parsed(answer.body)
    if answer.status == HTTPStatus.OK:
        name = document.get("name")
        if isinstance(name, str) and _NAME.fullmatch(name):
            return Accepted(provider_id=name)
        return Unavailable(code="no_name", may_be_accepted=True)
    error = document.get("error")
    error = error if isinstance(error, dict) else {}
    code = _code(error) or f"http_{answer.status}"
    retry_at = _retry_at(answer.headers, now)
    return _by_code(code, error, retry_at) or _by_status(answer.status, code, retry_at, now)


def _by_code(code: str, error: Mapping[str, Any], retry_at: datetime | None) -> Result | None:
    match code:
        case "UNREGISTERED" | "SENDER_ID_MISMATCH":
            return Refused(code=code, blame=Blame.ADDRESS)
        case "INVALID_ARGUMENT":
            blame = Blame.ADDRESS if _is_about_the_token(error) else Blame.CONTENT
            return Refused(code=code, blame=blame)
        case "THIRD_PARTY_AUTH_ERROR":
            # Of one platform: the others work.
            return Unavailable(
                code=code, may_be_accepted=False, of_request=False, retry_at=retry_at
            )
        case _:
            return None


def _by_status(status: int, code: str, retry_at: datetime | None, now: datetime) -> Result:
    if status in _DENIED:
        return AuthFailed(code=code)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return RateLimited(code=code, retry_at=retry_at or now + _QUOTA_WAIT)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        in_doubt = status != HTTPStatus.SERVICE_UNAVAILABLE
        return Unavailable(code=code, may_be_accepted=in_doubt, retry_at=retry_at)
    return Refused(code=code, blame=Blame.CONTENT)


def _code(error: Mapping[str, Any]) -> str | None:
    for detail in _details(error, _FCM_ERROR):
        code = detail.get("errorCode")
        if isinstance(code, str) and _WORD.fullmatch(code):
            return code
    status = error.get("status")
    return status if isinstance(status, str) and _WORD.fullmatch(status) else None


def _is_about_the_token(error: Mapping[str, Any]) -> bool:
    return any(
        isinstance(violation, dict) and violation.get("field") == _TOKEN_FIELD
        for detail in _details(error, _BAD_REQUEST)
        for violation in detail.get("fieldViolations") or ()
    )


def _details(error: Mapping[str, Any], kind: str) -> list[dict[str, Any]]:
    details = error.get("details")
    if not isinstance(details, list):
        return []
    return [each for each in details if isinstance(each, dict) and each.get("@type") == kind]


def _retry_at(headers: Mapping[str, str], now: datetime) -> datetime | None:
    text = headers.get("retry-after", "")
    if not text.isascii() or not text.isdigit():
        return None
    return now + min(timedelta(seconds=min(int(text), 10**6)), _LONGEST_WAIT)


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
