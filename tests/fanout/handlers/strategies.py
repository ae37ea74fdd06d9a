"""Random payloads, events and facts for any registered handler."""

import json
from dataclasses import replace
from functools import cache
from typing import Any, Final, cast, get_args, get_origin, get_type_hints
from uuid import UUID

from hypothesis import assume
from hypothesis import strategies as st
from pydantic import BaseModel

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

# So few that the ids of an event are sometimes known and sometimes not.
IDS: Final = tuple(UUID(int=number) for number in range(1, 5))
ids: Final = st.sampled_from(IDS)
texts: Final = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
json_values: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda children: st.lists(children, max_size=2) | st.dictionaries(texts, children, max_size=2),
    max_leaves=3,
)

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


@cache
def payload_objects(model: type[BaseModel]) -> st.SearchStrategy[dict[str, Any]]:
    """Payloads of a producer: each field absent, null, empty, of its type, or the example."""
    hints = get_type_hints(model, include_extras=True)
    others = st.fixed_dictionaries(
        {},
        optional={
            info.alias or field: st.sampled_from([None, ""]) | _values(hints[field])
            for field, info in model.model_fields.items()
        },
    )
    return st.builds(
        lambda sent, other: sent | other,
        st.sampled_from(examples(model)[::-1]),
        st.just({}) | others,
    )


@st.composite
def events(draw: st.DrawFn, handler: Handler[Any]) -> Event[Any]:
    """Any event that the decoder accepts."""
    model, event_type = handler.payload, handler.event_type
    text = json.dumps(draw(payload_objects(model)), default=_as_json)
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


def examples(model: type[BaseModel]) -> list[dict[str, Any]]:
    """The example payloads of a model, and the empty one."""
    extra = model.model_config.get("json_schema_extra")
    documented = extra.get("examples") if isinstance(extra, dict) else None
    return [{}, *cast("list[dict[str, Any]]", documented or [])]


def _values(hint: Any) -> st.SearchStrategy[Any]:  # noqa: ANN401 - hints have no common type
    if hint is Any:
        return json_values
    if get_origin(hint) is dict:
        return st.dictionaries(texts, _values(get_args(hint)[1]), max_size=3)
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return payload_objects(hint)
    typed = st.from_type(hint).map(_storable)
    # Ids of a payload are sometimes in the facts. Numbers may be sent as texts.
    return typed | typed.map(lambda value: str(value) if isinstance(value, int) else value) | ids


def _storable(value: Any) -> Any:  # noqa: ANN401 - any value of a payload
    """The value as jsonb can hold it: Postgres stores no U+0000."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, list | tuple | set | frozenset):
        return type(value)(map(_storable, value))
    return value


def _as_json(value: object) -> object:
    return sorted(map(str, value)) if isinstance(value, frozenset | set) else str(value)
