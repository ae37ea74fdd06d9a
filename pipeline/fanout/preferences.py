"""Decide from preferences whether a person is notified of an event on a channel.

The rule: thread beats project beats global. Within a scope the exact event type beats ``*``, then
the exact channel beats ``*``, then the newest row wins. The deciding row mutes only if its status
is exactly ``muted``. Without a row nothing is muted. For e-mail and push, a person without any row
whose channel is the one or ``*`` inherits the in-app answer.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Final
from uuid import UUID

from pipeline.domain.identifiers import ProjectId, ThreadId
from pipeline.fanout.effects import Channel

ANY: Final = "*"


class Scope(IntEnum):
    """The scope of a preference. A higher value is more specific and wins."""

    GLOBAL = 0
    PROJECT = 1
    THREAD = 2


@dataclass(frozen=True, slots=True)
class Preference:
    """The preference name of an event type, and the most specific scope that applies to it."""

    name: str
    scope: Scope


@dataclass(frozen=True, slots=True)
class PreferenceRow:
    """One row of ``user_notification_preferences``."""

    id: UUID
    scope: Scope
    scope_id: UUID | None
    event_type: str
    channel: str
    status: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer for one channel, and the row that decided it (None: there is no preference)."""

    row: PreferenceRow | None

    @property
    def muted(self) -> bool:
        """Whether the person gets nothing on this channel."""
        return self.row is not None and self.row.status == "muted"

    @property
    def digest(self) -> bool:
        """Whether an e-mail waits for the digest. False for an inherited in-app row."""
        return (
            self.row is not None
            and self.row.status == "digest"
            and self.row.channel != Channel.IN_APP
        )


def resolve(
    rows: Iterable[PreferenceRow],
    preference: Preference,
    channel: Channel,
    *,
    thread_id: ThreadId | None,
    project_id: ProjectId | None,
) -> Verdict:
    """Decide one channel for one person. The order of the rows does not matter.

    Args:
        rows: all preference rows of the person.
        preference: the name and scope of the event type.
        channel: the channel.
        thread_id: the thread of the event, if any.
        project_id: the project of the event, if any.
    """
    scope_ids: dict[Scope, UUID | None] = {Scope.PROJECT: project_id, Scope.THREAD: thread_id}
    applicable = [
        row
        for row in rows
        if row.event_type in (preference.name, ANY)
        and row.scope <= preference.scope
        and (row.scope is Scope.GLOBAL or _same(row.scope_id, scope_ids[row.scope]))
    ]
    decided = _most_specific(applicable, channel)
    if decided is None and channel is not Channel.IN_APP:
        decided = _most_specific(applicable, Channel.IN_APP)
    return Verdict(decided)


def _same(scope_id: UUID | None, asked: UUID | None) -> bool:
    return asked is not None and scope_id == asked


def _most_specific(rows: Iterable[PreferenceRow], channel: Channel) -> PreferenceRow | None:
    return max(
        (row for row in rows if row.channel in (channel, ANY)),
        # Two rows of one transaction have the same time: the id decides.
        key=lambda row: (
            row.scope,
            row.event_type != ANY,
            row.channel != ANY,
            row.updated_at,
            row.id,
        ),
        default=None,
    )
