"""The sample events about meetings."""

from typing import Any

from pipeline.ops.sample import ids
from pipeline.ops.sample.event import SampleEvent
from pipeline.ops.sample.people import MEETINGS


def invited(person: str, meeting: str) -> SampleEvent:
    """The organizer invited someone."""
    organizer = MEETINGS[meeting].organizer
    payload = {"invited_user_id": str(ids.person(person))}
    return _event("meeting_invited", organizer, meeting, payload)


def moved(actor: str, meeting: str) -> SampleEvent:
    """Someone moved a meeting to another time."""
    changes = {
        "timeChanged": True,
        "participantsChanged": False,
        "participantsAdded": 0,
        "participantsRemoved": 0,
    }
    return _event("meeting_updated", actor, meeting, {"changes": changes})


def reminded(person: str, meeting: str) -> SampleEvent:
    """A meeting starts soon. The event's actor is the participant."""
    payload = {
        "user_id": str(ids.person(person)),
        "reminder_minutes": 30,
        "organizer_id": str(ids.person(MEETINGS[meeting].organizer)),
    }
    return _event("meeting_reminder", person, meeting, payload)


def _event(event_type: str, actor: str, meeting: str, payload: dict[str, Any]) -> SampleEvent:
    item = MEETINGS[meeting]
    common = {
        "meeting_id": str(ids.meeting(meeting)),
        "meeting_title": item.title,
        "start_time": item.start.isoformat(),
        "end_time": item.end.isoformat(),
        "meeting_link": item.link,
    }
    return SampleEvent(
        event_type=event_type,
        actor_id=ids.person(actor),
        project_id=ids.project(item.project),
        meeting_id=ids.meeting(meeting),
        payload=common | payload,
    )
