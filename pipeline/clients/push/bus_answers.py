"""What an HTTP status of a bus means, whatever its protocol: an answer in, a result out."""

from datetime import datetime
from http import HTTPStatus
from typing import Final

from pipeline.clients.http_answers import retry_time
from pipeline.clients.posting import HttpAnswer
from pipeline.domain.provider_answer import AuthFailed, Blame, RateLimited, Refused, Unavailable

# The token or the address of the bus is wrong; a proxy may answer in its place.
_SETTINGS: Final = frozenset({301, 302, 303, 307, 308, 401, 403, 404, 405, 407})

BusFailure = AuthFailed | RateLimited | Refused | Unavailable


def bus_failure(answer: HttpAnswer, now: datetime) -> BusFailure | None:
    """Return why a request has failed; None if its body has the answer."""
    status, code = answer.status, f"http_{answer.status}"
    if status == HTTPStatus.OK:
        return None
    if status in _SETTINGS:
        return AuthFailed(code=code)
    retry_at = retry_time(answer.headers.get("retry-after"), now)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return RateLimited(code=code, retry_at=retry_at)
    if 400 <= status < 500 and status != HTTPStatus.REQUEST_TIMEOUT:  # noqa: PLR2004 - HTTP
        return Refused(code=code, blame=Blame.CONTENT)
    return Unavailable(code=code, may_be_accepted=True, retry_at=retry_at)


def unreadable() -> Unavailable:
    """Return the result of an answer that is not of the protocol."""
    return Unavailable(code="unreadable_answer", may_be_accepted=True)
