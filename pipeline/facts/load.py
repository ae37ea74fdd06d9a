"""Load the facts of a batch with a number of statements that does not depend on its size."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID

import orjson
from psycopg import Connection

from pipeline.clients.postgres.sql import load
from pipeline.domain.identifiers import EventId, UserId
from pipeline.facts.audiences import resolve_audiences
from pipeline.fanout.events import Event
from pipeline.fanout.facts import Facts, Person, Project, Resource, Thread
from pipeline.fanout.handler import Handler
from pipeline.fanout.preferences import PreferenceRow, Scope

AnswerT = TypeVar("AnswerT")

_THREADS: Final = load("pipeline.facts", "threads")
_TOLD_UP_TO: Final = load("pipeline.facts", "told_up_to")
_RESOURCES: Final = load("pipeline.facts", "resources")
_PROJECTS: Final = load("pipeline.facts", "projects")
_PEOPLE: Final = load("pipeline.facts", "people")
_PREFERENCES: Final = load("pipeline.facts", "preferences")

_SCOPES: Final = {"global": Scope.GLOBAL, "project": Scope.PROJECT, "thread": Scope.THREAD}


def load_facts(
    connection: Connection[Any],
    handler: Handler[Any],
    events: Sequence[Event[Any]],
    *,
    expired_before: datetime | None = None,
    after: UserId | None = None,
    most: int | None = None,
) -> Facts:
    """Read what the handler may know to decide these events.

    Args:
        connection: in autocommit; the statements need no common snapshot.
        handler: the handler of the events' type.
        events: events of one type.
        expired_before: other events that are older than this tell nobody anything any more.
        after: candidates with a greater user id only; for a page of them.
        most: at most so many candidates for each event; None for all.
    """
    candidates = resolve_audiences(
        connection,
        _answers(handler.audience, events),
        expired_before=expired_before,
        after=after,
        most=most,
    )
    audience = {candidate.user_id for found in candidates.values() for candidate in found}
    actors = {event.actor_id for event in events if event.actor_id}
    threads = {
        row[0]: Thread(*row)
        for row in _rows(connection, _THREADS, (event.thread_id for event in events))
    }
    named = _answers(handler.project_id, events)
    homeless = [event for event in events if named.get(event.id) is None]
    documents = _answers(handler.resource_id, homeless).values()
    resources = {row[0]: Resource(*row) for row in _rows(connection, _RESOURCES, documents)}
    project_ids = {thread.project_id for thread in threads.values()}
    project_ids |= {resource.project_id for resource in resources.values()}
    project_ids |= set(named.values())
    return Facts(
        candidates=candidates,
        people={row[0]: Person(*row) for row in _rows(connection, _PEOPLE, audience | actors)},
        projects={row[0]: Project(*row) for row in _rows(connection, _PROJECTS, project_ids)},
        threads=threads,
        resources=resources,
        preferences=_preferences(connection, handler.preference.name, audience),
    )


def told_up_to(connection: Connection[Any], event_id: EventId) -> UserId | None:
    """The last recipient of an event that is told in pages; None before the first page."""
    rows = connection.execute(_TOLD_UP_TO, {"event": event_id}).fetchall()
    return rows[0][0] if rows else None


def _answers(
    ask: Callable[[Event[Any]], AnswerT], events: Iterable[Event[Any]]
) -> dict[EventId, AnswerT]:
    """What a handler answers for each event; none where it raises."""
    answers = {}
    for event in events:
        try:
            answers[event.id] = ask(event)
        except Exception:  # noqa: BLE001, S112 - decide asks again, and buries this event alone
            continue
    return answers


def _rows(
    connection: Connection[Any], statement: bytes, ids: Iterable[UUID | None]
) -> Iterable[tuple[Any, ...]]:
    asked = sorted({identifier for identifier in ids if identifier is not None})
    if not asked:
        return ()
    return connection.execute(statement, {"asked": orjson.dumps(asked).decode()})


def _preferences(
    connection: Connection[Any], name: str, users: Iterable[UserId]
) -> Mapping[UserId, Sequence[PreferenceRow]]:
    preferences: dict[UserId, list[PreferenceRow]] = defaultdict(list)
    asked = sorted(users)
    if asked:
        parameters = {"asked": orjson.dumps(asked).decode(), "name": name}
        for user_id, row_id, scope, *rest in connection.execute(_PREFERENCES, parameters):
            preferences[user_id].append(PreferenceRow(row_id, _SCOPES[scope], *rest))
    return dict(preferences)
