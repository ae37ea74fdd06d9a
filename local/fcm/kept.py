"""The messages that the loopback FCM has taken: in memory, as files, and as a device has them."""

import json
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

# https://firebase.google.com/docs/cloud-messaging/customize-messages/collapsible-message-types
MOST_KEYS: Final = 4
MOST_WITHOUT_KEY: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptPush:
    """A message that was taken.

    Attributes:
        id: that was given to it.
        at: when it was taken.
        message: as it was sent.
    """

    id: str
    at: datetime
    message: Mapping[str, Any]

    @property
    def target(self) -> str:
        """Its registration token, or ``topic:`` and the topic."""
        topic = self.message.get("topic")
        return f"topic:{topic}" if topic else str(self.message["token"])

    @property
    def reference(self) -> str:
        """The sender's name for it; empty: it has none."""
        return str(self.message.get("data", {}).get("delivery_id", ""))

    @property
    def title(self) -> str:
        """What stands above its text."""
        return str(self.message.get("notification", {}).get("title", ""))

    @property
    def collapse_key(self) -> str | None:
        """The key of Android; None: it has none."""
        key = self.message.get("android", {}).get("collapse_key")
        return None if key is None else str(key)

    def write(self, folder: Path) -> Path:
        """Write it into a file of its own; return that one."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.at:%Y%m%dT%H%M%S%f}-{self.id.rsplit('/', 1)[-1]}.json"
        whole = json.dumps(self.message, ensure_ascii=False, indent=2)
        path.write_text(f"{whole}\n", "utf-8")
        return path


def stored_for(pushes: Iterable[KeptPush]) -> list[KeptPush]:
    """Return what FCM still has of these messages when their Android device comes back online.

    A message with a collapse key replaces the one before it. Of more than four keys the newest
    ones stay; FCM does not say which. More than a hundred messages without a key are all discarded.
    """
    with_key: OrderedDict[str, KeptPush] = OrderedDict()
    others: list[KeptPush] = []
    for each in pushes:
        if each.collapse_key is None:
            others.append(each)
            continue
        with_key.pop(each.collapse_key, None)
        with_key[each.collapse_key] = each
        if len(with_key) > MOST_KEYS:
            with_key.popitem(last=False)
    kept = others if len(others) <= MOST_WITHOUT_KEY else []
    return sorted((*kept, *with_key.values()), key=lambda each: each.at)
