"""What the scheduled jobs find in the sample: a meeting that begins soon, and an unread message."""

from datetime import datetime, timedelta
from typing import Any, Final

import psycopg

from pipeline.ops.sample import ids

_PROJECT: Final = "mill"
_THREAD: Final = "mill-closing"
_MEETING: Final = "closing-call"
_ORGANIZER: Final = "jonas"
_PEOPLE: Final = ("jonas", "tomas", "amara")
_STARTS_IN: Final = timedelta(minutes=20)
# Longer ago than a message may stay unread.
_SAID_BEFORE: Final = timedelta(hours=4)

_MEET: Final = """
    INSERT INTO public.meetings
        (id, title, start_time, end_time, duration_minutes, meeting_link, organizer_id, project_id)
    VALUES (%(meeting)s, 'Closing call', %(start)s, %(end)s, 60,
        'https://meet.example/mill-closing', %(organizer)s, %(project)s)
    ON CONFLICT (id) DO UPDATE SET start_time = excluded.start_time, end_time = excluded.end_time
"""
_TAKE_PART: Final = """
    INSERT INTO public.meeting_participants (meeting_id, user_id, is_organizer)
    SELECT %(meeting)s, person, person = %(organizer)s FROM unnest(%(people)s::uuid[]) AS person
    ON CONFLICT DO NOTHING
"""
_SAY: Final = """
    INSERT INTO public.project_messages (thread_id, user_id, content, created_at)
    VALUES (%(thread)s, %(organizer)s, 'Two items on the checklist are still open.', %(said)s)
"""
_HAVE_READ: Final = """
    UPDATE public.chat_thread_participants SET created_at = %(joined)s, last_read_at = %(joined)s
    WHERE thread_id = %(thread)s
"""


def insert_due(connection: psycopg.Connection[Any], now: datetime) -> None:
    """Insert the meeting, or move it to soon, and one more message that nobody has read."""
    given = {
        "meeting": ids.meeting(_MEETING),
        "thread": ids.thread(_THREAD),
        "project": ids.project(_PROJECT),
        "organizer": ids.person(_ORGANIZER),
        "people": [ids.person(person) for person in _PEOPLE],
        "start": now + _STARTS_IN,
        "end": now + _STARTS_IN + timedelta(hours=1),
        "said": now - _SAID_BEFORE,
        "joined": now - 2 * _SAID_BEFORE,
    }
    for statement in (_MEET, _TAKE_PART, _SAY, _HAVE_READ):
        connection.execute(statement.encode(), given)
