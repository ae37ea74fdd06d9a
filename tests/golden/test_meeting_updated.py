from collections.abc import Iterable
from typing import Any
from uuid import UUID

import pytest

from tests.golden.stage import D, N, Stage
from tests.golden.world import M1, P1, U1, U2, U4, WORKSPACE

START = "2026-03-02T20:00:00+00:00"
BOTH = {
    "timeChanged": True,
    "participantsChanged": True,
    "participantsAdded": 1,
    "participantsRemoved": 0,
}
NEW_TIME = "\nNew time: {{meeting_time}}\n Time has been changed"


def updated(stage: Stage, changes: object, actor: UUID | None = U1) -> int:
    return stage.emit(
        "meeting_updated",
        {"meeting_title": "Kick", "start_time": START, "changes": changes},
        actor_id=actor,
        project_id=P1,
        meeting_id=M1,
    )


def expected(
    users: Iterable[UUID],
    event: int,
    body: str,
    changes: dict[str, Any],
    *,
    actor: UUID | None = U1,
    name: str = "Ann Actor",
) -> list[N]:
    payload = {
        "type": "meeting_update",
        "meeting_id": str(M1),
        "meeting_title": "Kick",
        "start_time": START,
        "organizer_id": actor and str(actor),
        "organizer_name": name,
        "project_id": str(P1),
        "project_name": "Tower",
        "changes": changes,
    }
    title = f"{name} updated a meeting - Tower"
    link = f"{WORKSPACE}?tab=meetings"
    return [N(user, event, title, body, link, payload) for user in sorted(users)]


def test_g25_the_other_participants_are_told_what_has_changed(stage: Stage) -> None:
    event = updated(stage, BOTH)
    stage.deliver(event)
    body = f"**Kick**{NEW_TIME}\n Participants updated"
    assert stage.notifications() == expected((U2, U4), event, body, BOTH)
    assert stage.decisions() == [D(U1, event, "in_app", "actor")]
    assert stage.emails() == []


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        pytest.param({"participantsChanged": True}, "\n Participants updated", id="participants"),
        pytest.param({"timeChanged": True}, NEW_TIME, id="time"),
        pytest.param({"timeChanged": False}, "", id="neither"),
    ],
)
def test_g26_a_time_that_has_not_changed_is_not_called_new(
    stage: Stage, changes: dict[str, Any], lines: str
) -> None:
    event = updated(stage, changes)
    stage.deliver(event)
    assert stage.notifications() == expected((U2, U4), event, f"**Kick**{lines}", changes)


@pytest.mark.parametrize("nothing", [None, ""])
def test_null_and_empty_changes_are_no_changes(stage: Stage, nothing: object) -> None:
    event = updated(stage, nothing)
    stage.deliver(event)
    assert stage.notifications() == expected((U2, U4), event, "**Kick**", {})


def test_g27_without_an_actor_every_participant_is_told(stage: Stage) -> None:
    event = updated(stage, BOTH, actor=None)
    stage.deliver(event)
    body = f"**Kick**{NEW_TIME}\n Participants updated"
    assert stage.notifications() == expected(
        (U1, U2, U4), event, body, BOTH, actor=None, name="Someone"
    )


def test_without_title_time_and_project_the_rest_is_told(stage: Stage) -> None:
    changes = {"timeChanged": True}
    event = stage.emit("meeting_updated", {"changes": changes}, actor_id=U1, meeting_id=M1)
    stage.deliver(event)
    told = {(row.title, row.body, row.link) for row in stage.notifications()}
    body = "**a meeting**\n Time has been changed"
    assert told == {("Ann Actor updated a meeting", body, "/dashboard?tab=meetings")}


def test_each_participant_can_mute_it(stage: Stage) -> None:
    stage.prefer(U4, "muted", name="meeting_updated")
    event = updated(stage, BOTH)
    stage.deliver(event)
    assert {row.user for row in stage.notifications()} == {U2}
    assert D(U4, event, "in_app", "muted:global") in stage.decisions()


def test_without_a_meeting_nothing_follows(stage: Stage) -> None:
    event = stage.emit("meeting_updated", {"changes": BOTH}, actor_id=U1, project_id=P1)
    stage.deliver(event)
    assert stage.notifications() == []
    assert stage.reasons() == {event: "the event names no meeting"}


def test_numbers_of_the_changes_arrive_as_they_were_sent(stage: Stage) -> None:
    event = stage.emit("meeting_updated", {}, actor_id=U1, project_id=P1, meeting_id=M1)
    changes = '{"of": [12345678901234567890123, 0.10, {"x": -0.0}], "timeChanged": 1.50}'
    stage.execute(
        "UPDATE domain_events SET payload = jsonb_build_object('changes', %s::jsonb)", changes
    )
    stage.deliver(event)
    same = (
        "SELECT DISTINCT (notification.payload -> 'changes')::text"
        " = (event.payload -> 'changes')::text"
        " FROM notifications AS notification JOIN domain_events AS event"
        " ON event.id = notification.event_id"
    )
    assert stage.rows(same) == [(True,)]
    assert "Time has been changed" in (stage.notifications()[0].body or "")
