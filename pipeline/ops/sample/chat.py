"""The sample events in threads."""

from datetime import datetime, timedelta
from typing import Final

from pipeline.ops.sample import ids
from pipeline.ops.sample.event import SampleEvent
from pipeline.ops.sample.people import PEOPLE, THREADS

CHAT_MESSAGE_SENT: Final = "chat_message_sent"

# A little more than the age at which the application calls a thread stale.
_STALE_AFTER: Final = timedelta(minutes=190)


def said(actor: str, thread: str, text: str, *, mentions: tuple[str, ...] = ()) -> SampleEvent:
    """Someone wrote in a thread. ``{name}`` in the text becomes the mark of a mention.

    The payload lacks the id of the message, which only exists after the insert of the message.
    """
    marks = {
        who: f"@[{PEOPLE[who].full_name or 'teammate'}](user:{ids.person(who)})" for who in mentions
    }
    return SampleEvent(
        event_type=CHAT_MESSAGE_SENT,
        actor_id=ids.person(actor),
        project_id=ids.project(THREADS[thread].project),
        thread_id=ids.thread(thread),
        payload={
            "full_content": text.format_map(marks),
            "mentioned_user_ids": [str(ids.person(who)) for who in mentions],
        },
    )


def added(actor: str, person: str, thread: str) -> SampleEvent:
    """Someone was added to a thread."""
    return SampleEvent(
        event_type="chat_thread_participant_added",
        actor_id=ids.person(actor),
        project_id=ids.project(THREADS[thread].project),
        thread_id=ids.thread(thread),
        payload={
            "thread_topic": THREADS[thread].topic,
            "added_user_id": str(ids.person(person)),
            "thread_id": str(ids.thread(thread)),
        },
    )


def left_unread(reader: str, thread: str, sender: str, *, count: int, now: datetime) -> SampleEvent:
    """The application noticed that someone has not read a thread for hours."""
    item = THREADS[thread]
    return SampleEvent(
        event_type="thread_unread_stale",
        project_id=ids.project(item.project),
        thread_id=ids.thread(thread),
        payload={
            "user_id": str(ids.person(reader)),
            "thread_topic": item.topic,
            "latest_message_at": (now - _STALE_AFTER).isoformat(),
            "latest_sender_id": str(ids.person(sender)),
            "anchor_last_read_at": "1970-01-01T00:00:00+00:00",
            "unread_count": count,
        },
    )
