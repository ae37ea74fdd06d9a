"""Random payloads, events and facts for whatever handler is registered."""

import json
from dataclasses import replace
from typing import Any, Final, get_type_hints
from uuid import UUID

from hypothesis import assume
from hypothesis import strategies as st
from pydantic import BaseModel

from pipeline.domain.errors import MalformedMessage
from pipeline.domain.events import Event
from pipeline.domain.facts import Candidate, Facts, Person, Project, Thread
from pipeline.domain.handler import Handler
from pipeline.domain.identifiers import (
    EventId,
    MeetingId,
    OrganisationId,
    ProjectId,
    ResourceId,
    ThreadId,
    UserId,
)
from pipeline.domain.reasons import Reason
from pipeline.domain.wire import decode, encode
from tests.builders import NOON, preference

# Few enough that what an event names is sometimes known and sometimes not.
IDS: Final = tuple(UUID(int=number) for number in range(1, 5))
ids: Final = st.sampled_from(IDS)
texts: Final = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)

user_ids: Final = ids.map(UserId)
project_ids: Final = ids.map(ProjectId)
thread_ids: Final = ids.map(ThreadId)
columns: Final = st.fixed_dictionaries(
    {
        "actor_id": st.none() | user_ids,
        "project_id": st.none() | project_ids,
        "resource_id": st.none() | ids.map(ResourceId),
        "thread_id": st.none() | thread_ids,
        "meeting_id": st.none() | ids.map(MeetingId),
    }
)
people: Final = st.builds(Person, user_ids, st.none() | texts, texts)
projects: Final = st.builds(Project, project_ids, texts, ids.map(OrganisationId))
threads: Final = st.builds(Thread, thread_ids, st.none() | texts, st.none() | project_ids)


@st.composite
def payload_objects(draw: st.DrawFn, model: type[BaseModel]) -> dict[str, Any]:
    """What a producer may send: every field absent, null, empty, or of its type."""
    hints = get_type_hints(model, include_extras=True)
    return {
        info.alias or name: value
        for name, info in model.model_fields.items()
        if draw(st.booleans())
        for value in [draw(st.sampled_from([None, ""]) | _values(hints[name]))]
    }


@st.composite
def events(draw: st.DrawFn, handler: Handler[Any]) -> Event[Any]:
    """Any event that the decoder lets through to the handler."""
    payload = json.dumps(draw(payload_objects(handler.payload)), default=_as_json)
    sent = {"created_at": NOON, "payload": payload, **draw(columns)}
    try:
        event = decode(
            encode(EventId(1), handler.event_type, sent), {handler.event_type: handler.payload}
        )
    except MalformedMessage:
        assume(False)  # noqa: FBT003 - hypothesis' signature
        raise
    assert isinstance(event, Event)
    return event


@st.composite
def facts(draw: st.DrawFn) -> Facts:
    """Facts that may or may not know whom and what the event names."""
    candidates = draw(
        st.lists(st.builds(Candidate, user_ids, st.none() | st.sampled_from(Reason)), max_size=4)
    )
    muted = [replace(preference(), id=UUID(int=9))]
    return Facts(
        candidates={EventId(1): candidates},
        people={each.id: each for each in draw(st.lists(people))},
        projects={each.id: each for each in draw(st.lists(projects))},
        threads={each.id: each for each in draw(st.lists(threads))},
        preferences=dict.fromkeys(draw(st.sets(user_ids, max_size=1)), muted),
    )


def _values(hint: Any) -> st.SearchStrategy[Any]:  # noqa: ANN401 - hints have no common type
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return payload_objects(hint)
    typed = st.from_type(hint)
    # Ids of a payload meet those of the facts now and then; numbers may be sent as texts.
    return typed | typed.map(lambda value: str(value) if isinstance(value, int) else value) | ids


def _as_json(value: object) -> object:
    return sorted(map(str, value)) if isinstance(value, frozenset | set) else str(value)
