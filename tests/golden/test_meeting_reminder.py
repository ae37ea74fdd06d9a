"""G28 as corrected: the start is a token, because the original writes UTC without saying so."""

from typing import Any

import pytest

from tests.golden.stage import D, N, Stage
from tests.golden.world import M1, P1, U2, WORKSPACE

START = "2026-03-02T20:05:00+00:00"


def reminded(stage: Stage, **payload: object) -> int:
    default = {
        "user_id": str(U2),
        "meeting_title": "Kick",
        "start_time": START,
        "meeting_link": "http://m",
        "reminder_minutes": 30,
    }
    return stage.emit(
        "meeting_reminder", default | payload, actor_id=U2, project_id=P1, meeting_id=M1
    )


def about(**changed: object) -> dict[str, Any]:
    """The payload of the notification."""
    return {
        "type": "meeting_reminder",
        "meeting_id": str(M1),
        "meeting_title": "Kick",
        "start_time": START,
        "meeting_link": "http://m",
        "project_id": str(P1),
        "project_name": "Tower",
        "reminder_minutes": 30,
    } | changed


def test_g28_the_participant_is_told_the_start_in_a_zone_of_their_own(stage: Stage) -> None:
    event = reminded(stage)
    stage.deliver(event)
    body = "**Kick**\nStarts at {{meeting_time}}\nTower"
    assert stage.notifications() == [
        N(U2, event, "Reminder: Meeting in 30 minutes", body, f"{WORKSPACE}?tab=meetings", about())
    ]
    assert (stage.emails(), stage.decisions()) == ([], [])


def test_g29_a_start_that_is_no_time_is_left_out(stage: Stage) -> None:
    payload = {"user_id": str(U2), "start_time": "nope"}
    event = stage.emit("meeting_reminder", payload, actor_id=U2, meeting_id=M1)
    stage.deliver(event)
    told = about(
        meeting_title="a meeting",
        start_time="nope",
        meeting_link=None,
        project_id=None,
        project_name=None,
    )
    assert stage.notifications() == [
        N(U2, event, "Reminder: Meeting in 30 minutes", "**a meeting**", "/dashboard?tab=meetings",
          told)
    ]  # fmt: skip


@pytest.mark.parametrize("empty", [None, ""])
def test_null_and_empty_take_the_defaults(stage: Stage, empty: str | None) -> None:
    event = reminded(
        stage, meeting_title=empty, start_time=empty, meeting_link=empty, reminder_minutes=empty
    )
    stage.deliver(event)
    told = about(meeting_title="a meeting", start_time=None, meeting_link=None)
    assert [(row.body, row.payload) for row in stage.notifications()] == [
        ("**a meeting**\nTower", told)
    ]


@pytest.mark.parametrize(("minutes", "words"), [(5, "5 minutes"), (1, "1 minute")])
def test_the_minutes_are_those_of_the_event(stage: Stage, minutes: int, words: str) -> None:
    stage.deliver(reminded(stage, reminder_minutes=minutes))
    assert [row.title for row in stage.notifications()] == [f"Reminder: Meeting in {words}"]


def test_without_a_participant_nothing_follows(stage: Stage) -> None:
    event = reminded(stage, user_id=None)
    stage.deliver(event)
    assert stage.notifications() == []
    assert stage.reasons() == {event: "payload.user_id is missing"}


def test_who_muted_reminders_is_not_reminded(stage: Stage) -> None:
    stage.prefer(U2, "muted", name="meeting_reminder")
    event = reminded(stage)
    stage.deliver(event)
    assert stage.notifications() == []
    assert stage.decisions() == [D(U2, event, "in_app", "muted:global")]
