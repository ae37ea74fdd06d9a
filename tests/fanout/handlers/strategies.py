"""Random payloads, events and facts for any registered handler."""

import json
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from hypothesis import assume
from hypothesis import strategies as st

from pipeline.domain.errors import InvalidRow
from pipeline.domain.identifiers import (
    EventId,
    OrganisationId,
    ProjectId,
    ThreadId,
    UserId,
)
from pipeline.fanout.events import Event
from pipeline.fanout.facts import Candidate, Facts, Person, Project, Thread
from pipeline.fanout.handler import Handler
from pipeline.fanout.reasons import Reason
from pipeline.fanout.row import decode, row_of
from tests.builders import NOON, preference
from tests.payloads import IDS, as_json, ids, payload_objects, texts

user_ids: Final = ids.map(UserId)
project_ids: Final = ids.map(ProjectId)
thread_ids: Final = ids.map(ThreadId)
# Most events name most of these. Each can be missing.
columns: Final = st.fixed_dictionaries(
    {
        "actor_id": st.sampled_from([None, *IDS]),
        "project_id": st.sampled_from([None, *IDS]),
        "resource_id": st.sampled_from([None, *IDS]),
        "thread_id": st.sampled_from([None, *IDS]),
        "meeting_id": st.sampled_from([None, *IDS]),
    }
)
people: Final = st.builds(Person, user_ids, st.none() | texts, texts)
projects: Final = st.builds(Project, project_ids, texts, ids.map(OrganisationId))
threads: Final = st.builds(Thread, thread_ids, st.none() | texts, st.none() | project_ids)


@st.composite
def events(draw: st.DrawFn, handler: Handler[Any]) -> Event[Any]:
    """Any event that the decoder accepts."""
    model, event_type = handler.payload, handler.event_type
    text = json.dumps(draw(payload_objects(model)), default=as_json)
    row = row_of(EventId(1), model, event_type, {}, NOON, **draw(columns))
    try:
        event = decode(replace(row, payload=text, payload_bytes=len(text)), {event_type: model})
    except InvalidRow:
        assume(False)  # noqa: FBT003 - hypothesis' signature
        raise
    assert isinstance(event, Event)
    return event


@st.composite
def facts(draw: st.DrawFn) -> Facts:
    """Facts that may or may not contain the people and things of the event."""
    candidates = draw(
        st.lists(
            st.builds(Candidate, user_ids, st.sampled_from([None] * 3 + [Reason.NO_ACCESS])),
            max_size=4,
        )
    )
    muted = [replace(preference(), id=UUID(int=9))]
    return Facts(
        candidates={EventId(1): candidates},
        people={each.id: each for each in draw(st.lists(people, min_size=4))},
        projects={each.id: each for each in draw(st.lists(projects))},
        threads={each.id: each for each in draw(st.lists(threads))},
        preferences=dict.fromkeys(draw(st.sets(user_ids, max_size=1)), muted),
    )
