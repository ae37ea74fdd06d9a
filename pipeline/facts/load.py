"""Loads the facts of a batch. The number of statements does not depend on the batch size."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
from psycopg import Connection

from pipeline.clients.postgres.sql import load
from pipeline.domain.identifiers import EventId, UserId
from pipeline.facts.audiences import resolve_audiences
from pipeline.fanout.ask import Asked
from pipeline.fanout.facts import Facts, Person, Project, Resource, Thread
from pipeline.fanout.preferences import PreferenceRow, Scope

_THREADS: Final = load("pipeline.facts", "threads")
_TOLD_UP_TO: Final = load("pipeline.facts", "told_up_to")
_RESOURCES: Final = load("pipeline.facts", "resources")
_PROJECTS: Final = load("pipeline.facts", "projects")
_PEOPLE: Final = load("pipeline.facts", "people")
_PREFERENCES: Final = load("pipeline.facts", "preferences")

_SCOPES: Final = {"global": Scope.GLOBAL, "project": Scope.PROJECT, "thread": Scope.THREAD}


def load_facts(
    connection: Connection[Any],
    asked: Sequence[Asked[Any]],
    preference: str,
    *,
    expired_before: datetime | None = None,
    after: UserId | None = None,
    most: int | None = None,
) -> Facts:
    """Read the facts that a handler needs to decide these events.

    Args:
        connection: in autocommit. The statements need no common snapshot.
        asked: events of one type, with the answers of their handler.
        preference: the name under which people mute the type.
        expired_before: an event before this time is expired, and notifies nobody.
        after: only candidates with a greater user id, for a page of them.
        most: the maximum number of candidates for each event. None: all.
    """
    candidates = resolve_audiences(
        connection,
        {each.event.id: each.audience for each in asked},
        expired_before=expired_before,
        after=after,
        most=most,
    )
    audience = {candidate.user_id for found in candidates.values() for candidate in found}
    actors = {each.event.actor_id for each in asked if each.event.actor_id}
    threads = {
        row[0]: Thread(*row)
        for row in _rows(connection, _THREADS, (each.event.thread_id for each in asked))
    }
    documents = (each.resource_id for each in asked if each.project_id is None)
    resources = {row[0]: Resource(*row) for row in _rows(connection, _RESOURCES, documents)}
    project_ids = {thread.project_id for thread in threads.values()}
    project_ids |= {resource.project_id for resource in resources.values()}
    project_ids |= {each.project_id for each in asked}
    return Facts(
        candidates=candidates,
        people={row[0]: Person(*row) for row in _rows(connection, _PEOPLE, audience | actors)},
        projects={row[0]: Project(*row) for row in _rows(connection, _PROJECTS, project_ids)},
        threads=threads,
        resources=resources,
        preferences=_preferences(connection, preference, audience),
    )


def told_up_to(connection: Connection[Any], event_id: EventId) -> UserId | None:
    """Return the last recipient of an event that is processed in pages; None before page one."""
    rows = connection.execute(_TOLD_UP_TO, {"event": event_id}).fetchall()
    return rows[0][0] if rows else None


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
