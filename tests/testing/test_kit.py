from dataclasses import replace
from datetime import timedelta
from typing import Final

import pytest

from pipeline.fanout.facts import Project, Thread
from pipeline.fanout.outcome import Status
from pipeline.fanout.preferences import Scope
from pipeline.testing import given, person, prefers, project, thread
from tests.builders import ANN as ANN_ID
from tests.builders import BOB as BOB_ID
from tests.builders import GreetedHandler

GREETED: Final = GreetedHandler()
ANN: Final = replace(person("Ann"), id=ANN_ID)
# The handler names this person.
BOB: Final = replace(person("Bob"), id=BOB_ID)
TOWER: Final = project("Tower")
GENERAL: Final = thread("General", of=TOWER)


def test_the_same_name_is_the_same_thing() -> None:
    assert (person("Ann"), project("Tower")) == (person("Ann"), project("Tower"))
    assert person("Ann") != person("Bob")


def test_only_the_person_whom_the_event_names_is_asked_about() -> None:
    assert given(ANN, BOB).when(GREETED).reached == {BOB.id}


def test_the_payload_passes_through_the_decoder() -> None:
    assert given(BOB).when(GREETED, {"greeting": None}).notification(BOB).title == "hello"


def test_an_event_can_be_too_old() -> None:
    assert given(BOB).when(GREETED, age=timedelta(days=1)).outcome.status is Status.EXPIRED


def test_a_column_that_does_not_exist_is_refused() -> None:
    with pytest.raises(TypeError, match="domain_events has no column projekt_id"):
        given(BOB).when(GREETED, projekt_id=TOWER.id)


def test_more_facts_can_be_known() -> None:
    world = given(BOB).knowing(projects={TOWER.id: TOWER})
    assert world.facts.project_name(TOWER.id) == "Tower"


@pytest.mark.parametrize(
    ("within", "scope"),
    [(None, Scope.GLOBAL), (TOWER, Scope.PROJECT), (GENERAL, Scope.THREAD)],
    ids=["everywhere", "project", "thread"],
)
def test_a_preference_is_of_the_scope_that_it_names(
    within: Project | Thread | None, scope: Scope
) -> None:
    who, row = prefers(BOB, "muted", within=within)
    assert (who, row.scope, row.scope_id) == (BOB, scope, within.id if within else None)


def test_what_someone_did_not_get_is_a_failure_that_says_what_they_got() -> None:
    told = given(BOB).when(GREETED)
    with pytest.raises(AssertionError, match=r"^0 effects of the kind ThreadActivity for Bob: "):
        told.count(BOB)
    with pytest.raises(AssertionError, match=r"^no single skip of Bob: Notification\("):
        told.skip_reason(BOB)


def test_someone_who_was_not_considered_has_no_skip() -> None:
    with pytest.raises(AssertionError, match="no single skip of Ann"):
        given(ANN, BOB).when(GREETED).skip_reason(ANN)
