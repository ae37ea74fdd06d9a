"""What the loopback Resend answers when something is wrong: its errors by name.

https://resend.com/docs/api-reference/errors
"""

from collections.abc import Mapping
from typing import Any, Final

from local.loopback import Fault, LoopbackReply

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


def error(name: str, *, headers: Mapping[str, str] | None = None) -> LoopbackReply:
    """One of the errors that do not depend on what was sent."""
    status, message = _ERRORS[name]
    return named_error(status, name, message, headers=headers)


def named_error(
    status: int, name: str, message: str = "", *, headers: Mapping[str, str] | None = None
) -> LoopbackReply:
    """An error as Resend writes it."""
    body: dict[str, Any] = {"statusCode": status, "name": name, "message": message}
    return LoopbackReply(status=status, body=body, headers=headers or {})


def fault(status: int, name: str, message: str = "", *, accepts: bool = False) -> Fault:
    """An error in place of the usual answer."""
    return Fault(reply=named_error(status, name, message), accepts=accepts)
