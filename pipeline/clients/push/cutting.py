"""Texts that fit: a message and a limit in bytes in; title, body and data within it out."""

import re
from typing import Any, Final

import orjson

from pipeline.clients.push.message import FcmMessage

# What a longer text ends with.
_CUT: Final = "\N{HORIZONTAL ELLIPSIS}"
# No part of a sign may be left alone: joiners, and what changes the sign before it.
_LOOSE: Final = re.compile("[\u0300-\u036f\u200d\ufe00-\ufe0f\U0001f3fb-\U0001f3ff]+$")
# Phones show less. Of a longer title the rest would be taken from the body.
_MOST_OF_TITLE: Final = 512
# A link that is cut leads nowhere: a longer one is left out.
_MOST_OF_LINK: Final = 1_024
# https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages
_RESERVED: Final = re.compile(r"from|message_type|gcm(\..*)?|google.*", re.DOTALL)
# For the link of web push, and what JSON needs around it.
_AROUND: Final = 32


def fitting(message: FcmMessage, most: int) -> dict[str, Any]:
    """Return ``notification`` and ``data``, of ``most`` bytes of JSON at most.

    The body is cut first, then the title. Data that does not fit beside a short text is left out:
    the id of the delivery never is.
    """
    data = _data(message)
    # On the web the link is there twice.
    most -= 2 * len(data.get("link", "").encode()) + _AROUND
    title = cut(message.title, _MOST_OF_TITLE)
    content = {"notification": {"title": title, "body": ""}, "data": data}
    for name in sorted(data, key=lambda name: -len(data[name])):
        if len(orjson.dumps(content)) <= most:
            break
        if name != "delivery_id":
            del data[name]
    left = most - len(orjson.dumps(content))
    content["notification"]["body"] = cut(message.body, max(0, left))
    return content


def cut(text: str, most: int) -> str:
    """Return a text whose JSON has at most so many bytes beside its quotes."""
    text = text.encode(errors="replace").decode().replace("\0", "")
    if _size(text) <= most:
        return text
    low, high = 0, min(len(text), most)
    while low < high:
        middle = (low + high + 1) // 2
        if _size(text[:middle]) + _size(_CUT) <= most:
            low = middle
        else:
            high = middle - 1
    kept = _LOOSE.sub("", text[:low]).rstrip()
    return kept + _CUT if kept else ""


def _size(text: str) -> int:
    return len(orjson.dumps(text)) - 2


def _data(message: FcmMessage) -> dict[str, str]:
    data = {
        name: value.encode(errors="replace").decode()
        for name, value in message.data.items()
        if not _RESERVED.fullmatch(name)
    }
    if message.link and len(message.link.encode(errors="replace")) <= _MOST_OF_LINK:
        data["link"] = message.link
    return {**data, "delivery_id": str(message.id)}
