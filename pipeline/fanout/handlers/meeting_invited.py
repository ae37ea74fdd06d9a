"""meeting_invited: someone was invited to a meeting."""

from collections.abc import Iterable

from pydantic import ConfigDict

from pipeline.domain.identifiers import EventType, UserId
from pipeline.domain.names import escape
from pipeline.domain.payload import Line, Payload
from pipeline.fanout.audience import Audience, Nobody, named
from pipeline.fanout.effects import Channel, Effect, Notification
from pipeline.fanout.events import Event
from pipeline.fanout.facts import Facts, Person
from pipeline.fanout.handler import Handler
from pipeline.fanout.handlers import links
from pipeline.fanout.preferences import Preference, Scope


class MeetingInvited(Payload):
    """Payload of ``meeting_invited``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "invited_user_id": "a0000000-0000-4000-8000-000000000001",
                    "meeting_title": "Site visit",
                    "start_time": "2026-03-02T20:00:00Z",
                }
            ]
        }
    )

    invited_user_id: UserId | None = None
    meeting_title: Line = "a meeting"
    start_time: str | None = None


class MeetingInvitedHandler(Handler[MeetingInvited]):
    """Tell the invited person, in the app."""

    event_type = EventType("meeting_invited")
    payload = MeetingInvited
    channels = (Channel.IN_APP,)
    preference = Preference("meeting_invited", Scope.PROJECT)

    def audience(self, event: Event[MeetingInvited]) -> Audience:
        """The invited person, even if they invited themselves."""
        if event.meeting_id is None:
            return Nobody("the event names no meeting")
        return named(event.payload.invited_user_id, field="invited_user_id")

    def decide(
        self, event: Event[MeetingInvited], person: Person, facts: Facts
    ) -> Iterable[Effect]:
        """One notification. The browser fills in the time, in the reader's time zone."""
        title, start_time = event.payload.meeting_title, event.payload.start_time
        organizer = facts.person_name(event.actor_id)
        project_name = facts.project_name(event.project_id) if event.project_id else None
        yield Notification(
            kind="meeting_invitation",
            title=f"{organizer} invited you to a meeting"
            + (f" - {project_name}" if project_name else ""),
            body=f"**{escape(title)}**" + ("\n{{meeting_time}}" if start_time else ""),
            link=links.meetings(event.project_id),
            payload={
                "type": "meeting_invitation",
                "meeting_id": event.meeting_id,
                "meeting_title": title,
                "start_time": start_time,
                "organizer_id": event.actor_id,
                "organizer_name": organizer,
                "project_id": event.project_id,
                "project_name": project_name,
            },
        )
