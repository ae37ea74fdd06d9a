"""What FCM refuses in a message: a request in, an error or nothing out.

https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages
"""

import json
import re
from typing import Any, Final

from local.fcm.errors import bad_request, fcm_error, google_error, invalid_token
from local.loopback import LoopbackReply

MOST_BYTES: Final = 4_096
MOST_BYTES_OF_TOPIC: Final = 2_048
LONGEST_TTL: Final = 2_419_200
_FIELDS: Final = frozenset(
    {
        *("token", "topic", "condition", "notification", "data"),
        *("android", "apns", "webpush", "fcm_options"),
    }
)
_TARGETS: Final = ("token", "topic", "condition")
_TOKEN: Final = re.compile(r"[A-Za-z0-9_:.-]{1,4096}")
_TOPIC: Final = re.compile(r"[a-zA-Z0-9-_.~%]{1,900}")
_RESERVED: Final = re.compile(r"from|message_type|google.*|gcm.*", re.DOTALL)
_TTL: Final = re.compile(r"([0-9]+)(\.[0-9]{1,9})?s")


def refusal(message: Any) -> LoopbackReply | None:  # noqa: ANN401 - JSON
    """Return why a message is refused; None if it is not."""
    if not isinstance(message, dict):
        return _invalid("message", "Message is missing.")
    if unknown := message.keys() - _FIELDS:
        return _invalid("message", f"Unknown name {sorted(unknown)[0]!r}: Cannot find field.")
    targets = [name for name in _TARGETS if message.get(name)]
    if len(targets) != 1:
        return _invalid("message", "Recipient of the message is not set.")
    if not _TOKEN.fullmatch(message.get("token", "t")):
        return invalid_token()
    if not _TOPIC.fullmatch(message.get("topic", "t")):
        return fcm_error("INVALID_ARGUMENT", bad_request("message.topic", "Invalid topic name"))
    return _wrong_data(message) or _wrong_options(message) or _too_big(message)


def _wrong_data(message: dict[str, Any]) -> LoopbackReply | None:
    data = message.get("data", {})
    for place, (name, value) in enumerate(data.items()):
        if not isinstance(value, str):
            return _invalid(f"message.data[{place}].value", "Invalid value (TYPE_STRING)")
        if _RESERVED.fullmatch(name):
            return fcm_error(
                "INVALID_ARGUMENT", bad_request("message.data", f"Invalid data payload key: {name}")
            )
    return None


def _wrong_options(message: dict[str, Any]) -> LoopbackReply | None:
    android = message.get("android", {})
    ttl = _TTL.fullmatch(android.get("ttl", "0s"))
    if ttl is None or int(ttl[1]) > LONGEST_TTL:
        return fcm_error("INVALID_ARGUMENT", bad_request("message.android.ttl", "Invalid ttl"))
    if android.get("priority", "NORMAL") not in {"NORMAL", "HIGH"}:
        return _invalid("message.android.priority", "Invalid value")
    headers = {
        **message.get("apns", {}).get("headers", {}),
        **message.get("webpush", {}).get("headers", {}),
    }
    if not all(isinstance(value, str) and value.isascii() for value in headers.values()):
        return _invalid("message.headers", "Invalid value (TYPE_STRING)")
    if len(headers.get("apns-collapse-id", "")) > 64:  # noqa: PLR2004 - of Apple
        return fcm_error("INVALID_ARGUMENT", bad_request("message.apns", "BadCollapseId"))
    link = message.get("webpush", {}).get("fcm_options", {}).get("link", "https://")
    if not link.startswith("https://"):
        return fcm_error("INVALID_ARGUMENT", bad_request("message.webpush", "link is not https"))
    return None


def _too_big(message: dict[str, Any]) -> LoopbackReply | None:
    payload = {name: message.get(name, {}) for name in ("notification", "data")}
    most = MOST_BYTES_OF_TOPIC if "topic" in message else MOST_BYTES
    size = sum(
        len(name.encode()) + len(str(value).encode())
        for part in payload.values()
        for name, value in part.items()
    )
    # Apple counts the JSON of what it gets.
    apple = {**payload, **message.get("apns", {}).get("payload", {})}
    if max(size, len(json.dumps(apple, ensure_ascii=False).encode())) <= most:
        return None
    # https://bloomberg.github.io/pushiko/fcm_responses : without details.
    return google_error(400, "INVALID_ARGUMENT", "Request contains an invalid argument.")


def _invalid(field: str, description: str) -> LoopbackReply:
    """What the gate of Google's APIs refuses before FCM sees it."""
    return google_error(400, "INVALID_ARGUMENT", description, bad_request(field, description))
