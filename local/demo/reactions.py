"""What the demo shows of reactions: one event of the second kind, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg
from psycopg.types.json import Jsonb

from pipeline.ops.sample import ids

EVENT_TYPE: Final = "user.verified"
VERIFIED: Final = "maya"

_INSERT: Final = """
    INSERT INTO reactions.events (id, event_type, aggregate_type, aggregate_id, payload)
    VALUES (%s, %s, 'user', %s, %s)
"""
_DONE: Final = """
    SELECT event.event_type, coalesce(person.full_name, person.email),
        ledger.finished_at - event.created_at
    FROM reactions.events AS event
    JOIN fanout.reactions AS ledger ON ledger.event_id = event.id AND ledger.state = 'done'
    JOIN profiles AS person ON person.id = event.aggregate_id
    WHERE event.id = %s
"""
_TASKS: Final = """
    SELECT task_type, agent_type, scheduled_for - event.created_at
    FROM reactions.agent_tasks AS task JOIN reactions.events AS event ON event.id = task.event_id
    WHERE event.id = %s ORDER BY scheduled_for, task_type
"""


@dataclass(frozen=True, slots=True)
class ShownTask:
    """One task: what is to be done, by which agent, and how long after the event."""

    task: str
    agent: str
    after: timedelta


@dataclass(frozen=True, slots=True)
class ShownReaction:
    """An event that is done: its type, whom it is about, how long it took, and its tasks."""

    event_type: str
    person: str
    took: timedelta
    tasks: Sequence[ShownTask]


def insert_event(connection: psycopg.Connection[Any]) -> UUID:
    """Insert the event as an application would write it; return its id."""
    event, person = uuid4(), ids.person(VERIFIED)
    payload = Jsonb({"userId": str(person), "pocAgentType": "concierge"})
    connection.execute(_INSERT, (event, EVENT_TYPE, person, payload))
    return event


def read_reaction(connection: psycopg.Connection[Any], event: UUID) -> ShownReaction | None:
    """Return what came of the event; None until it is done."""
    row = connection.execute(_DONE, (event,)).fetchone()
    if row is None:
        return None
    tasks = [ShownTask(*task) for task in connection.execute(_TASKS, (event,))]
    event_type, name, took = row
    return ShownReaction(event_type, name, took, tasks)
