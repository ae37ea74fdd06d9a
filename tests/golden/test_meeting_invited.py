from typing import Any

import pytest

from tests.golden.stage import D, N, Stage
from tests.golden.world import M1, P1, U1, U2, WORKSPACE

START = "2026-03-02T20:00:00+00:00"


def invited(stage: Stage, payload: dict[str, Any] | None = None) -> int:
    default = {"invited_user_id": str(U2), "meeting_title": "Kick", "start_time": START}
    return stage.emit(
        "meeting_invited", default | (payload or {}), actor_id=U1, project_id=P1, meeting_id=M1
    )


def about(**changed: object) -> dict[str, Any]:
    """The payload of the notification."""
    return {
        "type": "meeting_invitation",
        "meeting_id": str(M1),
        "meeting_title": "Kick",
        "start_time": START,
        "organizer_id": str(U1),
        "organizer_name": "Ann Actor",
        "project_id": str(P1),
        "project_name": "Tower",
    } | changed


def test_g23_the_invited_person_is_told_who_invites_to_what(stage: Stage) -> None:
    event = invited(stage)
    stage.deliver(event)
    title = "Ann Actor invited you to a meeting - Tower"
    link = f"{WORKSPACE}?tab=meetings"
    assert stage.notifications() == [
        N(U2, event, title, "**Kick**\n{{meeting_time}}", link, about())
    ]
    assert (stage.emails(), stage.decisions()) == ([], [])


def test_g24_without_a_project_the_link_is_the_dashboard(stage: Stage) -> None:
    event = stage.emit("meeting_invited", {"invited_user_id": str(U2)}, actor_id=U1, meeting_id=M1)
    stage.deliver(event)
    payload = about(meeting_title="a meeting", start_time=None, project_id=None, project_name=None)
    assert stage.notifications() == [
        N(U2, event, "Ann Actor invited you to a meeting", "**a meeting**",
          "/dashboard?tab=meetings", payload)
    ]  # fmt: skip


@pytest.mark.parametrize("empty", [None, ""])
def test_a_null_or_empty_title_and_start_are_as_good_as_none(
    stage: Stage, empty: str | None
) -> None:
    event = invited(stage, {"meeting_title": empty, "start_time": empty})
    stage.deliver(event)
    assert [(row.body, row.payload) for row in stage.notifications()] == [
        ("**a meeting**", about(meeting_title="a meeting", start_time=None))
    ]


def test_without_an_actor_someone_invites(stage: Stage) -> None:
    payload = {"invited_user_id": str(U2)}
    event = stage.emit("meeting_invited", payload, project_id=P1, meeting_id=M1)
    stage.deliver(event)
    assert [row.title for row in stage.notifications()] == [
        "Someone invited you to a meeting - Tower"
    ]


def test_without_an_invited_person_or_a_meeting_nothing_follows(stage: Stage) -> None:
    unnamed = invited(stage, {"invited_user_id": None})
    nowhere = stage.emit("meeting_invited", {"invited_user_id": str(U2)}, actor_id=U1)
    stage.deliver(unnamed, nowhere)
    assert stage.notifications() == []
    assert stage.reasons() == {
        unnamed: "payload.invited_user_id is missing",
        nowhere: "the event names no meeting",
    }


def test_who_muted_invitations_of_the_project_hears_nothing(stage: Stage) -> None:
    stage.prefer(U2, "muted", name="meeting_invited", project=P1)
    event = invited(stage)
    stage.deliver(event)
    assert stage.notifications() == []
    assert stage.decisions() == [D(U2, event, "in_app", "muted:project")]
