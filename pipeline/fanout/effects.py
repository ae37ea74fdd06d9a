"""What a handler may want: a notification, a count on a thread's open row, an e-mail."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pipeline.domain.identifiers import ProjectId, ThreadId


class Channel(StrEnum):
    """The ways a person can hear of an event."""

    IN_APP = "in_app"
    EMAIL = "email"


class Delivery(StrEnum):
    """When an e-mail goes out: at once, or with the next digest."""

    IMMEDIATE = "immediate"
    AGGREGATED = "aggregated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One in-app notification of its own; at most one per event, person and kind."""

    title: str
    body: str
    link: str
    kind: str
    payload: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadActivity:
    """One more message on the person's open counter row of a thread; opens one if there is none."""

    thread_id: ThreadId
    thread_name: str
    label: str
    project_name: str
    link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Email:
    """One queued e-mail; at most one per event and person."""

    delivery: Delivery
    subject: str
    data: Mapping[str, Any]
    project_id: ProjectId | None
    project_name: str | None


Effect = Notification | ThreadActivity | Email


def channel_of(effect: Effect) -> Channel:
    """The channel an effect belongs to."""
    return Channel.EMAIL if isinstance(effect, Email) else Channel.IN_APP
