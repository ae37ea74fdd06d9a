"""Resolves audiences to candidates: one statement per kind of audience for any number of events."""

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, Final

import orjson
from psycopg import Connection

from pipeline.clients.postgres.sql import load
from pipeline.domain.identifiers import EventId, UserId
from pipeline.fanout.audience import (
    Audience,
    DocumentViewers,
    MeetingParticipants,
    NamedUser,
    OrganisationOwners,
    ResumeOwner,
    ThreadParticipants,
)
from pipeline.fanout.facts import Candidate
from pipeline.fanout.reasons import Reason

_STATEMENTS: Final = {
    ThreadParticipants: load("pipeline.facts", "thread_participants"),
    MeetingParticipants: load("pipeline.facts", "meeting_participants"),
    OrganisationOwners: load("pipeline.facts", "organisation_owners"),
    ResumeOwner: load("pipeline.facts", "resume_owners"),
    DocumentViewers: load("pipeline.facts", "document_viewers"),
}


def resolve_audiences(
    connection: Connection[Any],
    audiences: Mapping[EventId, Audience],
    *,
    expired_before: datetime | None = None,
    after: UserId | None = None,
    most: int | None = None,
) -> dict[EventId, Sequence[Candidate]]:
    """Return the candidates of every event, in the order of their ids.

    Events with the same audience, such as the messages of one thread, are resolved once.

    Args:
        connection: in autocommit.
        audiences: by event.
        expired_before: an event before this time does not exclude a repeated one.
        after: only candidates with a greater user id.
        most: the maximum number of candidates for each event. None: all.
    """
    bounds = {"expired_before": expired_before, "after": after, "most": most}
    candidates: dict[EventId, Sequence[Candidate]] = {}
    for kind, sharing in _by_kind(audiences).items():
        if kind is NamedUser:
            found = {events[0]: [Candidate(asked.user_id)] for asked, events in sharing}
        elif kind in _STATEMENTS:
            found = _find(connection, _STATEMENTS[kind], sharing, bounds)
        else:
            continue
        for _, events in sharing:
            if events[0] in found:
                candidates |= dict.fromkeys(events, found[events[0]])
    return candidates


def _by_kind(
    audiences: Mapping[EventId, Audience],
) -> dict[type, list[tuple[Any, list[EventId]]]]:
    """Return the distinct audiences of each kind, each with the events that share it."""
    sharing: dict[Hashable, tuple[Audience, list[EventId]]] = {}
    for event_id, audience in audiences.items():
        # Whether a nudge is a repeated one depends on the event itself.
        key = (audience, event_id) if isinstance(audience, ResumeOwner) else audience
        sharing.setdefault(key, (audience, []))[1].append(event_id)
    kinds: dict[type, list[tuple[Any, list[EventId]]]] = defaultdict(list)
    for audience, events in sharing.values():
        kinds[type(audience)].append((audience, events))
    return kinds


def _find(
    connection: Connection[Any],
    statement: bytes,
    sharing: list[tuple[Any, list[EventId]]],
    bounds: Mapping[str, object],
) -> dict[EventId, list[Candidate]]:
    """Return the candidates of each audience, by the first event that has it."""
    asked = [
        {"event_id": events[0]}
        | {field.name: getattr(audience, field.name) for field in fields(audience)}
        for audience, events in sharing
    ]
    candidates: dict[EventId, list[Candidate]] = defaultdict(list)
    parameters = {"asked": orjson.dumps(asked).decode(), **bounds}
    for event_id, user_id, exclusion in connection.execute(statement, parameters):
        reason = Reason(exclusion) if exclusion else None
        candidates[event_id].append(Candidate(user_id, reason))
    return candidates
