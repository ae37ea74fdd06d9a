"""What is pushed: a signal to the bus, a message to a phone."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from pipeline.domain.delivery import Priority

SIGNAL: Final = "sync_notify"


@dataclass(frozen=True, slots=True, kw_only=True)
class BusSignal:
    """A hint to fetch. It says nothing of what there is.

    Attributes:
        id: of the delivery: a repeated signal has the same one.
        user_id: whose connections get it. None: those of a topic do.
        topic: see ``user_id``.
        signal: the word of the protocol.
    """

    id: UUID
    user_id: UUID | None = None
    topic: str | None = None
    signal: str = SIGNAL


@dataclass(frozen=True, slots=True, kw_only=True)
class FcmMessage:
    """A message to one device, or to a topic.

    Attributes:
        id: of the delivery: a repeated message has the same one.
        token: of the device. None: it goes to a topic.
        topic: see ``token``.
        title: in plain text.
        body: in plain text.
        link: where it leads; None: it opens the application.
        data: more for the application.
        platform: of the device: ``android``, ``ios`` or ``web``; None for a topic.
        collapse_key: a later message with it replaces this one; a device keeps four.
        priority: critical and high ones wake the device.
        expires_at: after this time it is not shown.
        badge: the number on the icon; None: it does not change.
    """

    id: UUID
    token: str | None = field(default=None, repr=False)
    topic: str | None = None
    title: str = field(repr=False)
    body: str = field(repr=False)
    link: str | None = field(default=None, repr=False)
    data: Mapping[str, str] = field(default_factory=dict, repr=False)
    platform: str | None = None
    collapse_key: str | None = None
    priority: Priority = Priority.NORMAL
    expires_at: datetime | None = None
    badge: int | None = None
