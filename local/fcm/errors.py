"""The errors of FCM by name, as it writes them.

https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode
https://firebase.google.com/docs/cloud-messaging/error-codes
"""

from collections.abc import Mapping
from typing import Any, Final

from local.loopback import Fault, LoopbackReply

_TYPE: Final = "type.googleapis.com/"
# The status, the word of Google's APIs for it, and a message in words.
_ERRORS: Final[Mapping[str, tuple[int, str, str]]] = {
    "INTERNAL": (500, "INTERNAL", "Internal error encountered."),
    "INVALID_ARGUMENT": (400, "INVALID_ARGUMENT", "Request contains an invalid argument."),
    "QUOTA_EXCEEDED": (429, "RESOURCE_EXHAUSTED", "Resource has been exhausted."),
    "SENDER_ID_MISMATCH": (403, "PERMISSION_DENIED", "SenderId mismatch"),
    "THIRD_PARTY_AUTH_ERROR": (
        401,
        "UNAUTHENTICATED",
        "Auth error from APNS or Web Push Service",
    ),
    "UNAVAILABLE": (503, "UNAVAILABLE", "The service is currently unavailable."),
    "UNREGISTERED": (404, "NOT_FOUND", "Requested entity was not found."),
}


def fcm_error(
    code: str, *details: Mapping[str, Any], retry_after: int | None = None
) -> LoopbackReply:
    """One of FCM's own errors.

    Args:
        code: of ``ErrorCode``.
        details: what else stands in ``details``.
        retry_after: in seconds; None: there is no such header.
    """
    status, name, message = _ERRORS[code]
    own = {"@type": f"{_TYPE}google.firebase.fcm.v1.FcmError", "errorCode": code}
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return google_error(status, name, message, own, *details, headers=headers)


def google_error(
    status: int,
    name: str,
    message: str,
    *details: Mapping[str, Any],
    headers: Mapping[str, str] | None = None,
) -> LoopbackReply:
    """An error of Google's APIs."""
    error: dict[str, Any] = {"code": status, "message": message, "status": name}
    if details:
        error["details"] = list(details)
    return LoopbackReply(status=status, body={"error": error}, headers=headers or {})


def bad_request(field: str, description: str) -> Mapping[str, Any]:
    """Return the detail that names an invalid field."""
    violation = {"field": field, "description": description}
    return {"@type": f"{_TYPE}google.rpc.BadRequest", "fieldViolations": [violation]}


def quota_failure(subject: str, description: str) -> Mapping[str, Any]:
    """Return the detail that names a quota."""
    violation = {"subject": subject, "description": description}
    return {"@type": f"{_TYPE}google.rpc.QuotaFailure", "violations": [violation]}


def invalid_token() -> LoopbackReply:
    """Return the error for a text that is no registration token."""
    return fcm_error("INVALID_ARGUMENT", bad_request("message.token", "Invalid registration token"))


def project_over_quota(retry_after: int | None = None) -> LoopbackReply:
    """Return the error for too many requests of a project: it does not have FCM's own code."""
    return google_error(
        429,
        "RESOURCE_EXHAUSTED",
        "Quota exceeded for quota metric 'Send requests' of service 'fcm.googleapis.com'.",
        {
            "@type": f"{_TYPE}google.rpc.ErrorInfo",
            "reason": "RATE_LIMIT_EXCEEDED",
            "domain": "googleapis.com",
        },
        headers={} if retry_after is None else {"Retry-After": str(retry_after)},
    )


def fault(code: str, *, retry_after: int | None = None, accepts: bool = False) -> Fault:
    """One of FCM's own errors in place of the usual answer."""
    return Fault(reply=fcm_error(code, retry_after=retry_after), accepts=accepts)
