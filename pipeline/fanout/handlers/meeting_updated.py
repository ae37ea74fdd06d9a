"""meeting_updated: the time or the participants of a meeting have changed."""

from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import ConfigDict, Field, field_validator

from pipeline.domain.identifiers import EventType, UserId
from pipeline.domain.names import escape
from pipeline.domain.payload import Line, Payload, exactly
from pipeline.fanout.audience import Audience, MeetingParticipants, Nobody
from pipeline.fanout.effects import Channel, Effect, Notification
from pipeline.fanout.events import Event
from pipeline.fanout.facts import Facts, Person
from pipeline.fanout.handler import Handler
from pipeline.fanout.handlers import links
from pipeline.fanout.preferences import Preference, Scope


class MeetingUpdated(Payload):
    """Payload of ``meeting_updated``. ``changes`` is passed on as it was sent."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "meeting_title": "Site visit",
                    "start_time": "2026-03-02T21:00:00Z",
                    "changes": {"timeChanged": True},
                }
            ]
        }
    )

    meeting_title: Line = "a meeting"
    start_time: str | None = None
    changes: dict[str, Any] = Field(default_factory=dict)

    exact_keys = frozenset({"changes"})
    _keep_changes = field_validator("changes", mode="wrap")(exactly)


class MeetingUpdatedHandler(Handler[MeetingUpdated]):
    """Tell the other participants, in the app."""

    event_type = EventType("meeting_updated")
    payload = MeetingUpdated
    channels = (Channel.IN_APP,)
    preference = Preference("meeting_updated", Scope.PROJECT)

    def audience(self, event: Event[MeetingUpdated]) -> Audience:
        """The current participants."""
        if event.meeting_id is None:
            return Nobody("the event names no meeting")
        return MeetingParticipants(event.meeting_id)

    def excluded_user(self, event: Event[MeetingUpdated]) -> UserId | None:
        """The actor."""
        return event.actor_id

    def decide(
        self, event: Event[MeetingUpdated], person: Person, facts: Facts
    ) -> Iterable[Effect]:
        """One notification that says what has changed."""
        organizer = facts.person_name(event.actor_id)
        project_name = facts.project_name(event.project_id) if event.project_id else None
        yield Notification(
            kind="meeting_update",
            title=f"{organizer} updated a meeting" + (f" - {project_name}" if project_name else ""),
            body="\n".join(_lines(event.payload)),
            link=links.meetings(event.project_id),
            payload={
                "type": "meeting_update",
                "meeting_id": event.meeting_id,
                "meeting_title": event.payload.meeting_title,
                "start_time": event.payload.start_time,
                "organizer_id": event.actor_id,
                "organizer_name": organizer,
                "project_id": event.project_id,
                "project_name": project_name,
                "changes": event.payload.changes,
            },
        )


def _lines(payload: MeetingUpdated) -> Iterator[str]:
    yield f"**{escape(payload.meeting_title)}**"
    if payload.changes.get("timeChanged"):
        # Producers always send the start time. It is new only if the time has changed.
        if payload.start_time:
            yield "New time: {{meeting_time}}"
        yield " Time has been changed"
    if payload.changes.get("participantsChanged"):
        yield " Participants updated"
