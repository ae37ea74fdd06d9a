"""Whether a person wants to hear of an event on a channel.

The rule: thread beats project beats global; within a scope the exact event type beats ``*``, then
the exact channel beats ``*``, then the newest row. The deciding row mutes only if its status is
exactly ``muted``; no row means not muted. For e-mail, a person without any row whose channel is
``email`` or ``*`` inherits the in-app answer.
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
    """How far a preference reaches; a higher one is more specific and wins."""

    GLOBAL = 0
    PROJECT = 1
    THREAD = 2


@dataclass(frozen=True, slots=True)
class Preference:
    """Under which name, and down to which scope, an event type asks for preferences."""

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
    """The answer for one channel, and the row it rests on (None: nothing was set)."""

    row: PreferenceRow | None

    @property
    def muted(self) -> bool:
        """Whether the person hears nothing on this channel."""
        return self.row is not None and self.row.status == "muted"

    @property
    def digest(self) -> bool:
        """Whether an e-mail waits for the digest; an inherited in-app row says nothing of it."""
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
    """Decide one channel for one person; the order of the rows never matters.

    Args:
        rows: all preference rows of the person.
        preference: the name and scope of the event type.
        channel: the channel asked about.
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
    if decided is None and channel is Channel.EMAIL:
        decided = _most_specific(applicable, Channel.IN_APP)
    return Verdict(decided)


def _same(scope_id: UUID | None, asked: UUID | None) -> bool:
    return asked is not None and scope_id == asked


def _most_specific(rows: Iterable[PreferenceRow], channel: Channel) -> PreferenceRow | None:
    return max(
        (row for row in rows if row.channel in (channel, ANY)),
        # The id breaks the tie of two rows written in one transaction.
        key=lambda row: (
            row.scope,
            row.event_type != ANY,
            row.channel != ANY,
            row.updated_at,
            row.id,
        ),
        default=None,
    )
