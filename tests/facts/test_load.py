from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, get_type_hints
from uuid import UUID

import psycopg
import pytest

from pipeline.domain.identifiers import (
    EventId,
    EventType,
    OrganisationId,
    ProjectId,
    ResourceId,
    UserId,
)
from pipeline.domain.payload import Payload
from pipeline.facts import load_facts
from pipeline.fanout.ask import ask
from pipeline.fanout.audience import Audience, NamedUser
from pipeline.fanout.events import Event
from pipeline.fanout.facts import Candidate, Facts, Person, Project, Thread
from pipeline.fanout.handler import Handler
from pipeline.fanout.handlers import HANDLERS
from pipeline.fanout.preferences import Scope
from tests.builders import Greeted, GreetedHandler, event
from tests.facts.statements import recording_cursor
from tests.golden.stage import Stage
from tests.golden.world import M1, O1, P1, R1, T1, T2, T3, U1, U2, U3
from tests.payloads import examples

MOST_STATEMENTS: Final = 6
BOB: Final = UserId(U2)
UNKNOWN: Final = UUID(int=0x99)
WORLD: Final[dict[object, UUID]] = {
    UserId | None: U2,
    OrganisationId | None: O1,
    ProjectId | None: P1,
    ResourceId | None: R1,
}


@dataclass(frozen=True)
class GreetsBob(GreetedHandler):
    """A handler with an audience of one person."""

    def audience(self, event: Event[Greeted]) -> Audience:  # noqa: ARG002 - all are told
        return NamedUser(BOB)


def load(
    stage: Stage, handler: Handler[Any], events: Sequence[Event[Any]]
) -> tuple[Facts, list[object]]:
    """Load the facts with the role of the pipeline; return them and the statements."""
    statements: list[object] = []
    with psycopg.connect(
        stage.database.writer_dsn, autocommit=True, cursor_factory=recording_cursor(statements)
    ) as connection:
        asked = [ask(handler, event) for event in events]
        return load_facts(connection, asked, handler.preference.name), statements


def naming_what_exists(model: type[Payload]) -> Payload:
    """Return the example payload of the model, with ids of the golden world."""
    hints = get_type_hints(model)
    (*_, documented) = examples(model)
    names = {info.alias or name: hints[name] for name, info in model.model_fields.items()}
    return model.model_validate(
        {key: WORLD.get(names.get(key), value) for key, value in documented.items()}
    )


def batch(handler: Handler[Any], size: int) -> list[Event[Any]]:
    """Return events that each name one thing of every kind."""
    payload = naming_what_exists(handler.payload)
    return [
        event(
            number,
            type=handler.event_type,
            payload=payload,
            actor_id=U1,
            project_id=P1,
            resource_id=R1,
            thread_id=(T1, T2, T3)[number % 3],
            meeting_id=M1,
        )
        for number in range(1, size + 1)
    ]


@pytest.mark.parametrize("handler", [pytest.param(h, id=name) for name, h in HANDLERS.items()])
def test_the_number_of_statements_does_not_depend_on_the_number_of_events(
    stage: Stage, handler: Handler[Any]
) -> None:
    few, statements_for_few = load(stage, handler, batch(handler, 10))
    many, statements_for_many = load(stage, handler, batch(handler, 500))
    assert (len(few.candidates), len(many.candidates)) == (10, 500)
    assert statements_for_many == statements_for_few
    assert 0 < len(statements_for_few) <= MOST_STATEMENTS


def test_nothing_is_asked_for_nothing(stage: Stage) -> None:
    assert load(stage, GreetsBob(), []) == (Facts(), [])


def test_what_the_events_name_is_known(stage: Stage) -> None:
    known, _ = load(stage, GreetsBob(), [event(actor_id=U1, project_id=P1, thread_id=T1)])
    assert known.candidates == {EventId(1): [Candidate(BOB)]}
    assert known.people == {
        U1: Person(UserId(U1), "Ann Actor", "u1@x.test"),
        U2: Person(UserId(U2), "Bob Owner", "u2@x.test"),
    }
    assert known.projects == {P1: Project(ProjectId(P1), "Tower", O1)}  # type: ignore[arg-type]
    assert known.threads == {T1: Thread(T1, "General", P1)}  # type: ignore[arg-type]


def test_the_project_of_a_thread_is_known_even_where_the_event_names_none(stage: Stage) -> None:
    known, _ = load(stage, GreetsBob(), [event(thread_id=T1)])
    assert set(known.projects) == {P1}


def test_what_does_not_exist_is_unknown(stage: Stage) -> None:
    strange = event(actor_id=UNKNOWN, project_id=UNKNOWN, thread_id=UNKNOWN)
    known, _ = load(stage, GreetsBob(), [strange])
    assert set(known.people) == {U2}
    assert (known.projects, known.threads) == ({}, {})


def test_participants_of_a_thread_are_candidates_of_its_events(stage: Stage) -> None:
    handler = HANDLERS[EventType("chat_message_sent")]
    events = [
        event(number, thread_id=thread) for number, thread in ((1, T1), (2, T2), (3, UNKNOWN))
    ]
    known, _ = load(stage, handler, events)
    users = {number: {each.user_id for each in found} for number, found in known.candidates.items()}
    assert users == {1: {U1, U2, U3}, 2: {U1, U2}}


def test_only_preferences_for_the_type_and_for_every_type_are_loaded(stage: Stage) -> None:
    for name in ("greeted", "*", "other"):
        stage.prefer(U2, "muted", name=name, project=P1)
    stage.prefer(U3, "muted")
    known, _ = load(stage, GreetsBob(), [event()])
    rows = known.preferences[BOB]
    assert set(known.preferences) == {U2}
    assert {(row.scope, row.scope_id, row.event_type, row.channel, row.status) for row in rows} == {
        (Scope.PROJECT, P1, name, "in_app", "muted") for name in ("greeted", "*")
    }
