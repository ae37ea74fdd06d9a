"""The body of a request to FCM: a message in, bytes out. Texts are cut so that it always fits.

https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages
"""

import hashlib
from base64 import urlsafe_b64encode
from datetime import datetime
from typing import Any, Final

import orjson

from pipeline.clients.push.cutting import fitting
from pipeline.clients.push.message import FcmMessage
from pipeline.domain.delivery import Priority

# https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode
MOST_BYTES: Final = 4_096
MOST_BYTES_OF_TOPIC: Final = 2_048
# FCM keeps a message for four weeks at most.
LONGEST_TTL: Final = 2_419_200
# Of apns-collapse-id.
_MOST_OF_ID: Final = 64


def fcm_body(message: FcmMessage, now: datetime) -> bytes:
    """Return the body.

    All of it but the token counts against the limit of FCM, which is more than FCM counts.

    Args:
        message: to one device, or to a topic.
        now: from which its life is counted.
    """
    most = MOST_BYTES_OF_TOPIC if message.token is None else MOST_BYTES
    content = fitting(message, most - len(orjson.dumps(_blocks(message, now))))
    target = {"topic": message.topic} if message.token is None else {"token": message.token}
    body: dict[str, Any] = {**target, **content, **_blocks(message, now)}
    # FCM refuses other links. One that does not fit is nowhere.
    link = content["data"].get("link", "")
    if "webpush" in body and link.startswith("https://"):
        body["webpush"]["fcm_options"] = {"link": link}
    return orjson.dumps({"message": body})


def _blocks(message: FcmMessage, now: datetime) -> dict[str, Any]:
    """Return the block of the platform; all of them if it is not known."""
    blocks = {
        "android": ("android", _android),
        "ios": ("apns", _apns),
        "web": ("webpush", _webpush),
    }
    wanted = [blocks[message.platform]] if message.platform in blocks else blocks.values()
    return {name: make(message, now) for name, make in wanted}


def _android(message: FcmMessage, now: datetime) -> dict[str, Any]:
    notification: dict[str, Any] = {"tag": _tag(message)}
    if message.badge is not None:
        notification["notification_count"] = message.badge
    block: dict[str, Any] = {
        "priority": "HIGH" if _wakes(message) else "NORMAL",
        "notification": notification,
    }
    if message.collapse_key:
        block["collapse_key"] = _short(message.collapse_key)
    if message.expires_at is not None:
        block["ttl"] = f"{_ttl(message.expires_at, now)}s"
    return block


def _apns(message: FcmMessage, now: datetime) -> dict[str, Any]:  # noqa: ARG001 - as the others
    headers = {
        "apns-id": str(message.id),
        "apns-priority": "10" if _wakes(message) else "5",
        "apns-collapse-id": _tag(message),
    }
    if message.expires_at is not None:
        headers["apns-expiration"] = str(int(message.expires_at.timestamp()))
    aps: dict[str, Any] = {"sound": "default"} if _wakes(message) else {}
    if message.badge is not None:
        aps["badge"] = message.badge
    return {"headers": headers, "payload": {"aps": aps}}


def _webpush(message: FcmMessage, now: datetime) -> dict[str, Any]:
    headers = {"Urgency": "high" if _wakes(message) else "normal"}
    if message.expires_at is not None:
        headers["TTL"] = str(_ttl(message.expires_at, now))
    if message.collapse_key:
        headers["Topic"] = _topic(message.collapse_key)
    return {
        "headers": headers,
        "notification": {"tag": _tag(message)},
    }


def _wakes(message: FcmMessage) -> bool:
    return message.priority <= Priority.HIGH


def _ttl(expires_at: datetime, now: datetime) -> int:
    return min(LONGEST_TTL, max(0, int((expires_at - now).total_seconds())))


def _tag(message: FcmMessage) -> str:
    """Return what a later message replaces on the screen. Without a key, a repeat does so."""
    return _short(message.collapse_key or str(message.id))


def _short(key: str) -> str:
    """Return a key as all platforms take it: ASCII, 64 bytes at most, as APNs allows."""
    if key.isascii() and key.isprintable() and len(key) <= _MOST_OF_ID:
        return key
    return hashlib.sha256(key.encode(errors="replace")).hexdigest()


def _topic(key: str) -> str:
    """Return a key as web push takes it: https://www.rfc-editor.org/rfc/rfc8030#section-5.4 ."""
    hashed = hashlib.sha256(key.encode(errors="replace")).digest()
    return urlsafe_b64encode(hashed[:24]).decode()
