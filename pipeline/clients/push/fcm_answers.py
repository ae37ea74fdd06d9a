"""Read what FCM answered: a status, headers and a body in; a result out.

https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode
https://firebase.google.com/docs/cloud-messaging/error-codes
https://firebase.google.com/docs/cloud-messaging/scale-fcm

Its messages may quote what was sent: only words that we know are taken from them.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final

from pipeline.clients.http_answers import json_object, retry_time
from pipeline.clients.posting import HttpAnswer
from pipeline.domain.provider_answer import (
    Accepted,
    AuthFailed,
    Blame,
    RateLimited,
    Refused,
    Result,
    Unavailable,
)

# How long to wait where FCM does not say so.
QUOTA_WAIT: Final = timedelta(seconds=60)
_TYPE: Final = "type.googleapis.com/"
_FCM_ERROR: Final = f"{_TYPE}google.firebase.fcm.v1.FcmError"
_BAD_REQUEST: Final = f"{_TYPE}google.rpc.BadRequest"
_QUOTA_FAILURE: Final = f"{_TYPE}google.rpc.QuotaFailure"
_TOKEN_FIELD: Final = "message.token"  # noqa: S105 - the name of a field
# https://firebase.google.com/docs/cloud-messaging/error-codes, the second example.
_NOT_A_TOKEN: Final = "The registration token is not a valid FCM registration token"  # noqa: S105
# The token, the project or the address of the API is wrong; a proxy may answer in place of FCM.
_SETTINGS: Final = frozenset({301, 302, 303, 307, 308, 401, 402, 403, 404, 405, 407})
_OF_TARGET: Final = re.compile(r"\b(device|topic)\b", re.IGNORECASE)
# What may be quoted of an answer.
_WORD: Final = re.compile(r"[A-Z][A-Z0-9_]{0,59}")
_NAME: Final = re.compile(r"projects/[^/\s]{1,60}/messages/([^/\s]{1,200})")


def read_fcm_answer(answer: HttpAnswer, now: datetime) -> Result:
    """Return what an answer means. ``now`` is when it came."""
    content = json_object(answer.body)
    if answer.status == HTTPStatus.OK:
        return _accepted(content)
    error = content.get("error")
    return _refused(answer, error if isinstance(error, dict) else {}, now)


def _accepted(content: Mapping[str, Any]) -> Result:
    name = content.get("name")
    match = _NAME.fullmatch(name) if isinstance(name, str) else None
    if match is None:
        return Unavailable(code="unreadable_answer", may_be_accepted=True)
    return Accepted(provider_id=match[1])


def _refused(answer: HttpAnswer, error: Mapping[str, Any], now: datetime) -> Result:
    retry_at = retry_time(answer.headers.get("retry-after"), now)
    match _fcm_code(error) or _word(error.get("status")):
        case "UNREGISTERED" as code:
            return Refused(code=code, blame=Blame.ADDRESS)
        case "SENDER_ID_MISMATCH" as code:
            # With a wrong project every token gets this: none of them is lost for it.
            return Refused(code=code, blame=Blame.SENDER)
        case "INVALID_ARGUMENT" as code:
            blame = Blame.ADDRESS if _is_about_the_token(error) else Blame.CONTENT
            return Refused(code=code, blame=blame)
        case "THIRD_PARTY_AUTH_ERROR" as code:
            # Of one platform: the others work.
            return Unavailable(
                code=code, may_be_accepted=False, of_request=False, retry_at=retry_at
            )
        case "QUOTA_EXCEEDED" as code if _is_of_target(error):
            # Too much for this device or topic: the others work.
            return Unavailable(
                code=code,
                may_be_accepted=False,
                of_request=False,
                retry_at=retry_at or now + QUOTA_WAIT,
            )
        case code:
            return _by_status(answer.status, code or f"http_{answer.status}", retry_at, now)


def _by_status(status: int, code: str, retry_at: datetime | None, now: datetime) -> Result:
    if status in _SETTINGS:
        return AuthFailed(code=code)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return RateLimited(code=code, retry_at=retry_at or now + QUOTA_WAIT)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT:
        # In its own words FCM says that it has failed. Something before it cannot know.
        in_doubt = code.startswith("http_") and status != HTTPStatus.SERVICE_UNAVAILABLE
        return Unavailable(code=code, may_be_accepted=in_doubt, retry_at=retry_at)
    # Without the words of FCM it is not FCM's own answer.
    if code.startswith("http_"):
        return Unavailable(code=code, may_be_accepted=status < 400)  # noqa: PLR2004 - HTTP
    return Refused(code=code, blame=Blame.CONTENT)


def _fcm_code(error: Mapping[str, Any]) -> str | None:
    codes = (_word(each.get("errorCode")) for each in _details(error, _FCM_ERROR))
    return next((code for code in codes if code), None)


def _is_about_the_token(error: Mapping[str, Any]) -> bool:
    violations = list(_parts(error, _BAD_REQUEST, "fieldViolations"))
    if violations:
        return all(each.get("field") == _TOKEN_FIELD for each in violations)
    return error.get("message") == _NOT_A_TOKEN


def _is_of_target(error: Mapping[str, Any]) -> bool:
    return any(
        isinstance(text := each.get(name), str) and _OF_TARGET.search(text)
        for each in _parts(error, _QUOTA_FAILURE, "violations")
        for name in ("subject", "description")
    )


def _parts(error: Mapping[str, Any], kind: str, name: str) -> Iterator[dict[str, Any]]:
    for detail in _details(error, kind):
        parts = detail.get(name)
        if isinstance(parts, list):
            yield from (each for each in parts if isinstance(each, dict))


def _details(error: Mapping[str, Any], kind: str) -> Iterator[dict[str, Any]]:
    details = error.get("details")
    if isinstance(details, list):
        yield from (
            each for each in details if isinstance(each, dict) and each.get("@type") == kind
        )


def _word(value: object) -> str | None:
    return value if isinstance(value, str) and _WORD.fullmatch(value) else None
