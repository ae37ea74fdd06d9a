import re
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

import pytest

from pipeline.domain.errors import HandlerFailed
from pipeline.domain.identifiers import ProjectId, ResourceId, UserId
from pipeline.fanout.ask import Asked, ask
from pipeline.fanout.audience import Audience, NamedUser
from pipeline.fanout.decide import Policy, decide
from pipeline.fanout.effects import Effect
from pipeline.fanout.events import Event
from pipeline.fanout.facts import Candidate, Facts, Person
from tests.builders import BOB, Greeted, GreetedHandler, event

PROJECT: Final = ProjectId(UUID(int=7))
DOCUMENT: Final = ResourceId(UUID(int=8))


@dataclass(frozen=True)
class Counting(GreetedHandler):
    """Counts the calls of its methods."""

    asked: Counter[str] = field(default_factory=Counter)

    def audience(self, event: Event[Greeted]) -> Audience:  # noqa: ARG002 - all are told
        self.asked["audience"] += 1
        return NamedUser(BOB)

    def project_id(self, event: Event[Greeted]) -> ProjectId | None:  # noqa: ARG002
        self.asked["project_id"] += 1
        return PROJECT

    def resource_id(self, event: Event[Greeted]) -> ResourceId | None:  # noqa: ARG002
        self.asked["resource_id"] += 1
        return DOCUMENT

    def excluded_user(self, event: Event[Greeted]) -> UserId | None:
        self.asked["excluded_user"] += 1
        return event.actor_id

    def decide(self, event: Event[Greeted], person: Person, facts: Facts) -> Iterable[Effect]:
        self.asked["decide"] += 1
        return super().decide(event, person, facts)


def test_the_answers_stand_beside_the_event() -> None:
    about = event()
    assert ask(Counting(), about) == Asked(
        event=about,
        audience=NamedUser(BOB),
        project_id=PROJECT,
        resource_id=DOCUMENT,
        excluded_user=about.actor_id,
    )


def test_a_handler_is_asked_once_however_many_people_hear_of_the_event() -> None:
    handler, about = Counting(), event()
    people = [
        Person(UserId(UUID(int=number)), f"P{number}", "p@x.test") for number in range(50, 55)
    ]
    known = Facts(
        candidates={about.id: [Candidate(person.id) for person in people]},
        people={person.id: person for person in people},
    )
    decide(handler, ask(handler, about), known, Policy())
    once = dict.fromkeys(("audience", "project_id", "resource_id", "excluded_user"), 1)
    assert handler.asked == once | {"decide": len(people)}


@pytest.mark.parametrize("method", ["audience", "project_id", "resource_id", "excluded_user"])
def test_a_handler_that_raises_is_named_with_its_line_and_without_its_words(method: str) -> None:
    def fail(*_: object) -> None:
        raise ValueError("kanarienvogel")

    failing = type("Failing", (GreetedHandler,), {method: fail})()
    with pytest.raises(HandlerFailed) as told:
        ask(failing, event())
    assert re.fullmatch(r"Failing raised ValueError at test_ask\.py:\d+", str(told.value))


def test_a_handler_that_ends_its_process_fails_its_event_alone() -> None:
    def leave(*_: object) -> None:
        sys.exit(3)

    leaving = type("Leaving", (GreetedHandler,), {"audience": leave})()
    with pytest.raises(HandlerFailed, match=r"^Leaving raised SystemExit at test_ask\.py:\d+$"):
        ask(leaving, event())
