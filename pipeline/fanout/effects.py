"""The effects that a handler can return: a notification, a count on a counter row, an e-mail."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pipeline.domain.identifiers import ProjectId, ThreadId


class Channel(StrEnum):
    """The ways to notify a person, as preferences name them.

    No effect is for ``PUSH``: phones are told what is told in the app, unless the person muted it.
    """

    IN_APP = "in_app"
    EMAIL = "email"
    PUSH = "push"


class Delivery(StrEnum):
    """When an e-mail is sent: at once, or with the next digest."""

    IMMEDIATE = "immediate"
    AGGREGATED = "aggregated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One in-app notification. At most one per event, person and kind."""

    title: str
    body: str
    link: str
    kind: str
    payload: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadActivity:
    """One more message on the person's counter row of a thread. It opens one if there is none."""

    thread_id: ThreadId
    thread_name: str
    label: str
    project_name: str
    link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Email:
    """One queued e-mail. At most one per event and person."""

    delivery: Delivery
    subject: str
    data: Mapping[str, Any]
    project_id: ProjectId | None
    project_name: str | None


Effect = Notification | ThreadActivity | Email


def channel_of(effect: Effect) -> Channel:
    """Return the channel of an effect."""
    return Channel.EMAIL if isinstance(effect, Email) else Channel.IN_APP
