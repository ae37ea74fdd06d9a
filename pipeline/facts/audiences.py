"""Resolve audiences to candidates: one statement per kind of audience, however many events."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import orjson
from psycopg import Connection

from pipeline.domain.audience import (
    Audience,
    DocumentViewers,
    MeetingParticipants,
    NamedUser,
    OrganisationOwners,
    ResumeOwner,
    ThreadParticipants,
)
from pipeline.domain.facts import Candidate
from pipeline.domain.identifiers import EventId
from pipeline.domain.reasons import Reason
from pipeline.postgres.sql import load

_STATEMENTS: Final = {
    ThreadParticipants: load("pipeline.facts", "thread_participants"),
    MeetingParticipants: load("pipeline.facts", "meeting_participants"),
    OrganisationOwners: load("pipeline.facts", "organisation_owners"),
    ResumeOwner: load("pipeline.facts", "resume_owners"),
    DocumentViewers: load("pipeline.facts", "document_viewers"),
}


def resolve_audiences(
    connection: Connection[Any], audiences: Mapping[EventId, Audience]
) -> dict[EventId, Sequence[Candidate]]:
    """The candidates of every event, in the order of their ids."""
    candidates: dict[EventId, list[Candidate]] = defaultdict(list)
    for event_id, audience in audiences.items():
        if isinstance(audience, NamedUser):
            candidates[event_id].append(Candidate(audience.user_id))
    for kind, statement in _STATEMENTS.items():
        asked = [
            {"event_id": event_id, **asdict(audience)}
            for event_id, audience in audiences.items()
            if type(audience) is kind
        ]
        if asked:
            rows = connection.execute(statement, {"asked": orjson.dumps(asked).decode()})
            for event_id, user_id, exclusion in rows:
                reason = Reason(exclusion) if exclusion else None
                candidates[event_id].append(Candidate(user_id, reason))
    return dict(candidates)
