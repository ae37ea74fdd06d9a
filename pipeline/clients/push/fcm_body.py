"""The body of a request to FCM: a message in, bytes out."""

from datetime import datetime
from typing import Any, Final

import orjson

from pipeline.clients.push.message import FcmMessage
from pipeline.domain.delivery import Priority

# FCM keeps a message for four weeks at most.
_LONGEST_TTL: Final = 2_419_200


def fcm_body(message: FcmMessage, now: datetime) -> bytes:
    """Return the body.

    Args:
        message: to one device, or to a topic.
        now: from which its life is counted.
    """
    id_ = str(message.id)
    target = {"token": message.token} if message.token else {"topic": message.topic}
    data = {**message.data, "delivery_id": id_}
    if message.link:
        data["link"] = message.link
    body = {
        **target,
        "notification": {"title": message.title, "body": message.body},
        "data": data,
        "android": _android(message, now),
        "apns": _apns(message),
        "webpush": _webpush(message, now),
    }
    return orjson.dumps({"message": body})


def _android(message: FcmMessage, now: datetime) -> dict[str, Any]:
    block: dict[str, Any] = {"priority": "HIGH" if _wakes(message) else "NORMAL"}
    notification: dict[str, Any] = {"tag": message.collapse_key or str(message.id)}
    if message.badge is not None:
        notification["notification_count"] = message.badge
    block["notification"] = notification
    if message.collapse_key:
        block["collapse_key"] = message.collapse_key
    if message.expires_at is not None:
        block["ttl"] = f"{_ttl(message.expires_at, now)}s"
    return block


def _apns(message: FcmMessage) -> dict[str, Any]:
    headers = {"apns-id": str(message.id), "apns-priority": "10" if _wakes(message) else "5"}
    if message.collapse_key:
        # Apple allows 64 bytes.
        headers["apns-collapse-id"] = message.collapse_key[:64]
    if message.expires_at is not None:
        headers["apns-expiration"] = str(int(message.expires_at.timestamp()))
    aps = {} if message.badge is None else {"badge": message.badge}
    return {"headers": headers, "payload": {"aps": aps}}


def _webpush(message: FcmMessage, now: datetime) -> dict[str, Any]:
    headers = {"Urgency": "high" if _wakes(message) else "normal"}
    if message.expires_at is not None:
        headers["TTL"] = str(_ttl(message.expires_at, now))
    block: dict[str, Any] = {
        "headers": headers,
        "notification": {"tag": message.collapse_key or str(message.id)},
    }
    # FCM refuses other links.
    if message.link and message.link.startswith("https://"):
        block["fcm_options"] = {"link": message.link}
    return block


def _wakes(message: FcmMessage) -> bool:
    return message.priority <= Priority.HIGH


def _ttl(expires_at: datetime, now: datetime) -> int:
    return min(_LONGEST_TTL, max(0, int((expires_at - now).total_seconds())))
