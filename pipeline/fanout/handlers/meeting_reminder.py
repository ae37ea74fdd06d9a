"""meeting_reminder: a meeting is about to begin."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict

from pipeline.domain.identifiers import EventType, UserId
from pipeline.domain.names import escape, escape_alone
from pipeline.domain.payload import LENIENT, Count, Line, Payload
from pipeline.domain.units import counted
from pipeline.fanout.audience import Audience, named
from pipeline.fanout.effects import Channel, Effect, Notification
from pipeline.fanout.events import Event
from pipeline.fanout.facts import Facts, Person
from pipeline.fanout.handler import Handler
from pipeline.fanout.handlers import links
from pipeline.fanout.preferences import Preference, Scope


class MeetingReminder(Payload):
    """Payload of ``meeting_reminder``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "user_id": "a0000000-0000-4000-8000-000000000001",
                    "meeting_title": "Site visit",
                    "start_time": "2026-03-02T20:00:00Z",
                    "meeting_link": "https://meet.example/site-visit",
                    "reminder_minutes": 30,
                }
            ]
        }
    )

    user_id: UserId | None = None
    meeting_title: Line = "a meeting"
    start_time: str | None = None
    meeting_link: Annotated[str | None, LENIENT] = None
    reminder_minutes: Count = 30


class MeetingReminderHandler(Handler[MeetingReminder]):
    """Remind the participant, in the app."""

    event_type = EventType("meeting_reminder")
    payload = MeetingReminder
    channels = (Channel.IN_APP,)
    preference = Preference("meeting_reminder", Scope.PROJECT)

    def audience(self, event: Event[MeetingReminder]) -> Audience:
        """The participant named by the event, who is also its actor."""
        return named(event.payload.user_id, field="user_id")

    def decide(
        self, event: Event[MeetingReminder], person: Person, facts: Facts
    ) -> Iterable[Effect]:
        """One notification. The browser fills in the time, in the reader's time zone."""
        payload = event.payload
        project_name = facts.project_name(event.project_id) if event.project_id else None
        yield Notification(
            kind=self.event_type,
            title=f"Reminder: Meeting in {counted(payload.reminder_minutes, 'minute')}",
            body="\n".join(_lines(payload, project_name)),
            link=links.meetings(event.project_id),
            payload={
                "type": self.event_type,
                "meeting_id": event.meeting_id,
                "meeting_title": payload.meeting_title,
                "start_time": payload.start_time,
                "meeting_link": payload.meeting_link,
                "project_id": event.project_id,
                "project_name": project_name,
                "reminder_minutes": payload.reminder_minutes,
            },
        )


def _lines(payload: MeetingReminder, project_name: str | None) -> Iterator[str]:
    yield f"**{escape(payload.meeting_title)}**"
    if _is_a_time(payload.start_time):
        yield "Starts at {{meeting_time}}"
    if project_name:
        yield escape_alone(project_name)


def _is_a_time(text: str | None) -> bool:
    """Whether the browser can replace the token with this time."""
    try:
        datetime.fromisoformat(text or "")
    except ValueError:
        return False
    return True
