from typing import Final

import pytest

from pipeline.fanout.effects import Delivery
from pipeline.fanout.handlers.project_access_granted import ProjectAccessGrantedHandler
from pipeline.fanout.reasons import Reason
from pipeline.testing import given, prefers
from tests.fanout.handlers.people import ANN, BOB, TOWER, WORKSPACE

GRANTED: Final = ProjectAccessGrantedHandler()
TO_BOB: Final = {"affected_user_id": str(BOB.id), "project_name": "Tower"}


def test_the_person_is_told_in_the_app_and_by_email_at_once() -> None:
    told = given(ANN, BOB, project=TOWER).when(GRANTED, TO_BOB | {"new_permission": "edit"})
    note, email = told.notification(BOB), told.email(BOB)
    assert note.title == email.subject == "You've been added to Tower"
    assert note.body == "You now have **edit** access to **Tower**"
    assert (note.link, email.delivery) == (WORKSPACE, Delivery.IMMEDIATE)
    assert told.reached == {BOB.id}


def test_whoever_gives_themselves_access_is_told_too() -> None:
    assert given(BOB, project=TOWER).when(GRANTED, TO_BOB, actor=BOB).reached == {BOB.id}


def test_the_payloads_project_counts_where_the_event_names_none() -> None:
    muted = prefers(BOB, "muted", within=TOWER)
    sent = TO_BOB | {"project_id": str(TOWER.id)}
    assert given(BOB).when(GRANTED, sent).notification(BOB).link == WORKSPACE
    assert (
        given(BOB, preferences=[muted]).when(GRANTED, sent).skip_reason(BOB) is Reason.MUTED_PROJECT
    )


def test_without_any_project_the_link_leads_to_the_dashboard() -> None:
    assert given(BOB).when(GRANTED, TO_BOB).notification(BOB).link == "/dashboard"


@pytest.mark.parametrize("nothing", [None, ""], ids=repr)
def test_what_is_missing_has_a_word_in_its_place(nothing: str | None) -> None:
    sent = TO_BOB | {"project_name": nothing, "new_permission": nothing}
    body = given(BOB).when(GRANTED, sent).notification(BOB).body
    assert body == "You now have **view** access to **a project**"


def test_a_digest_preference_makes_the_email_wait() -> None:
    waiting = prefers(BOB, "digest", channel="email")
    told = given(BOB, preferences=[waiting]).when(GRANTED, TO_BOB)
    assert told.email(BOB).delivery is Delivery.AGGREGATED


def test_without_a_person_nobody_is_told() -> None:
    told = given(BOB, project=TOWER).when(GRANTED)
    assert (told.reached, told.outcome.reason) == (set(), "payload.affected_user_id is missing")
