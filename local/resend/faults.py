"""What the loopback Resend answers: its errors by name, and faults that a test scripts.

https://resend.com/docs/api-reference/errors
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

# The status and the words of every error that the server gives by itself.
_ERRORS: Final[Mapping[str, tuple[int, str]]] = {
    "concurrent_idempotent_requests": (
        409,
        "Same idempotency key used while original request is still in progress.",
    ),
    "daily_quota_exceeded": (429, "You have reached your daily email sending quota."),
    "invalid_idempotency_key": (400, "The key must be between 1-256 chars."),
    "invalid_idempotent_request": (
        409,
        "Same idempotency key used with a different request payload.",
    ),
    "method_not_allowed": (405, "Method is not allowed for the requested path."),
    "missing_api_key": (401, "Missing API Key"),
    "monthly_quota_exceeded": (429, "You have reached your monthly email sending quota."),
    "not_found": (404, "The requested endpoint does not exist."),
    "rate_limit_exceeded": (
        429,
        "Too many requests. Please limit the number of requests per second.",
    ),
    "restricted_api_key": (401, "This API key is restricted to only send emails."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ResendReply:
    """What is answered: a status, a body and headers."""

    status: int
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Drop(StrEnum):
    """When the connection is cut in place of an answer."""

    NEVER = "never"
    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong with one request.

    Attributes:
        reply: what is answered in place of the usual; None: the usual.
        accepts: whether the mails are accepted all the same.
        drop: whether the connection is cut before or after they are accepted.
    """

    reply: ResendReply | None = None
    accepts: bool = False
    drop: Drop = Drop.NEVER


DROPPED_BEFORE: Final = Fault(drop=Drop.BEFORE)
DROPPED_AFTER: Final = Fault(drop=Drop.AFTER)


def error(name: str, *, headers: Mapping[str, str] | None = None) -> ResendReply:
    """One of the errors that do not depend on what was sent."""
    status, message = _ERRORS[name]
    return named_error(status, name, message, headers=headers)


def named_error(
    status: int, name: str, message: str = "", *, headers: Mapping[str, str] | None = None
) -> ResendReply:
    """An error as Resend writes it."""
    body: dict[str, Any] = {"statusCode": status, "name": name, "message": message}
    return ResendReply(status=status, body=body, headers=headers or {})


def fault(status: int, name: str, message: str = "", *, accepts: bool = False) -> Fault:
    """An error in place of the usual answer."""
    return Fault(reply=named_error(status, name, message), accepts=accepts)
