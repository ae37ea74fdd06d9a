from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.golden.stage import SIX_MINUTES, D, E, N, Stage
from tests.golden.world import P1, U1, U2, U4, WORKSPACE


def nudged(stage: Stage, **payload: object) -> int:
    return aged(stage, SIX_MINUTES, **payload)


def aged(stage: Stage, age: timedelta, **payload: object) -> int:
    default = {
        "user_id": str(U2),
        "resume_type": "project",
        "completion_percent": 0,
        "nudge_tier": 1,
    }
    return stage.emit("resume_incomplete_nudge", default | payload, age=age, project_id=P1)


def expected(event: int, *, label: str = "Project", percent: int = 0, tier: int = 1) -> tuple[N, E]:
    """The two rows of one nudge to U2."""
    title = f"Complete your {label} Resume"
    about: dict[str, Any] = {
        "resume_type": label.lower(),
        "completion_percent": percent,
        "nudge_tier": tier,
        "project_name": "Tower",
    }
    body = (
        f"Your {label} resume for **Tower** is **{percent}%** complete."
        " Finish it to generate your OM!"
    )
    payload = {"type": "resume_incomplete_nudge", "project_id": str(P1), **about}
    data = {**about, "resume_type_label": label, "link_url": WORKSPACE}
    return (
        N(U2, event, title, body, WORKSPACE, payload),
        E(U2, event, "resume_incomplete_nudge", "immediate", P1, "Tower", f"{title} - Tower", data),
    )


def left_out(event: int, reason: str, user: UUID = U2) -> list[D]:
    return [D(user, event, channel, reason) for channel in ("email", "in_app")]


def test_g30_the_owner_is_nudged_in_the_app_and_by_email_at_once(stage: Stage) -> None:
    event = nudged(stage)
    stage.deliver(event)
    notification, email = expected(event)
    assert (stage.notifications(), stage.emails()) == ([notification], [email])
    assert stage.decisions() == []


def test_g31_a_tier_is_told_once_for_each_resume(stage: Stage) -> None:
    first = nudged(stage)
    stage.deliver(first)
    again = nudged(stage)
    tier = nudged(stage, nudge_tier=2)
    borrower = nudged(stage, resume_type="borrower")
    stage.deliver(again, tier, borrower)
    rows = [expected(first), expected(tier, tier=2), expected(borrower, label="Borrower")]
    assert stage.notifications() == [notification for notification, _ in rows]
    assert stage.emails() == [email for _, email in rows]
    assert stage.decisions() == left_out(again, "already_nudged")


def test_g32_who_owns_nothing_is_not_nudged(stage: Stage) -> None:
    event = nudged(stage, user_id=str(U4))
    stage.deliver(event)
    assert (stage.notifications(), stage.emails()) == ([], [])
    assert stage.decisions() == left_out(event, "not_owner", U4)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("user_id", None),
        ("resume_type", None),
        ("resume_type", ""),
        ("completion_percent", None),
        ("nudge_tier", None),
        ("nudge_tier", 0),
    ],
)
def test_g32_without_any_of_its_fields_nothing_follows(
    stage: Stage, field: str, value: object
) -> None:
    event = nudged(stage, **{field: value})
    stage.deliver(event)
    assert (stage.notifications(), stage.emails()) == ([], [])
    assert stage.reasons() == {event: f"payload.{field} is missing"}


def test_without_a_project_nothing_follows(stage: Stage) -> None:
    payload = {
        "user_id": str(U2),
        "resume_type": "project",
        "completion_percent": 0,
        "nudge_tier": 1,
    }
    event = stage.emit("resume_incomplete_nudge", payload)
    stage.deliver(event)
    assert stage.notifications() == []
    assert stage.reasons() == {event: "the event names no project"}


@pytest.mark.parametrize(("sent", "percent"), [(45.0, 45), (45.9, 45), ("45", 45), (99.9, 99)])
def test_g33_the_percentage_is_written_as_an_integer(
    stage: Stage, sent: object, percent: int
) -> None:
    event = nudged(stage, resume_type="borrower", completion_percent=sent)
    stage.deliver(event)
    notification, email = expected(event, label="Borrower", percent=percent)
    assert (stage.notifications(), stage.emails()) == ([notification], [email])


def test_g34_who_muted_everything_is_not_nudged(stage: Stage) -> None:
    stage.prefer(U2, "muted", channel="*")
    event = nudged(stage)
    stage.deliver(event)
    assert (stage.notifications(), stage.emails()) == ([], [])
    assert stage.decisions() == left_out(event, "muted:global")


def test_nudges_can_be_muted_by_name_for_one_project(stage: Stage) -> None:
    stage.prefer(U2, "muted", name="resume_incomplete_nudge", project=P1)
    event = nudged(stage)
    stage.deliver(event)
    assert stage.decisions() == left_out(event, "muted:project")


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["in-order", "reversed"])
def test_of_two_like_events_the_earlier_one_tells_in_whatever_order(
    stage: Stage, order: tuple[int, int]
) -> None:
    events = nudged(stage), nudged(stage, nudge_tier="1")
    for number in order:
        stage.deliver(events[number])
    assert stage.notifications() == [expected(events[0])[0]]
    assert stage.emails() == [expected(events[0])[1]]
    assert stage.decisions() == left_out(events[1], "already_nudged")


def test_of_two_like_events_in_one_batch_the_earlier_one_tells(stage: Stage) -> None:
    first, second = nudged(stage), nudged(stage)
    stage.deliver(second, first)
    assert stage.notifications() == [expected(first)[0]]
    assert stage.decisions() == left_out(second, "already_nudged")


def test_an_event_that_comes_to_light_after_a_later_one_notifies_nobody(stage: Stage) -> None:
    late, event = nudged(stage), nudged(stage)
    stage.execute("CREATE TABLE held_back AS SELECT * FROM domain_events WHERE id = %s", late)
    stage.execute("DELETE FROM domain_events WHERE id = %s", late)
    stage.deliver(event)
    stage.execute("INSERT INTO domain_events SELECT * FROM held_back")
    stage.deliver(late)
    assert stage.notifications() == [expected(event)[0]]
    assert stage.decisions() == left_out(late, "already_nudged")


@pytest.mark.parametrize("status", ["dead", "expired", "unrouted"])
def test_an_earlier_event_that_came_to_nothing_stands_in_nobodys_way(
    stage: Stage, status: str
) -> None:
    first, second = nudged(stage), nudged(stage)
    stage.execute("INSERT INTO notification_processing VALUES (%s, %s)", first, status)
    stage.deliver(second)
    assert stage.notifications() == [expected(second)[0]]
    stage.deliver(first)
    assert stage.notifications() == [expected(second)[0]]


@pytest.mark.parametrize("status", ["pending", "processing", "failed"])
def test_an_earlier_event_that_is_not_done_with_is_waited_for(stage: Stage, status: str) -> None:
    first, second = nudged(stage), nudged(stage)
    stage.execute("INSERT INTO notification_processing VALUES (%s, %s)", first, status)
    stage.deliver(second)
    assert stage.notifications() == []
    stage.deliver(first)
    assert stage.notifications() == [expected(first)[0]]


def test_an_earlier_event_that_says_too_little_is_not_waited_for(stage: Stage) -> None:
    nudged(stage, completion_percent=None)
    second = nudged(stage)
    stage.deliver(second)
    assert stage.notifications() == [expected(second)[0]]


@pytest.mark.parametrize("deliveries", [1, 2])
def test_a_nudge_that_the_application_took_back_is_told_again(
    stage: Stage, deliveries: int
) -> None:
    first = nudged(stage)
    stage.deliver(first)
    stage.execute("DELETE FROM notifications WHERE payload ->> 'type' = 'resume_incomplete_nudge'")
    again = nudged(stage)
    for _ in range(deliveries):
        stage.deliver(again)
    assert stage.notifications() == [expected(again)[0]]
    assert stage.emails() == [expected(first)[1], expected(again)[1]]


def test_of_five_like_events_of_which_the_first_has_expired_the_second_tells(
    stage: Stage,
) -> None:
    ages = [timedelta(hours=hours) for hours in (25, 19, 13, 7, 1)]
    expired, told, *others = [aged(stage, age) for age in ages]
    stage.deliver()
    assert stage.ledger()[expired] == "expired"
    assert (stage.notifications(), stage.emails()) == ([expected(told)[0]], [expected(told)[1]])
    assert stage.decisions() == [
        each for event in others for each in left_out(event, "already_nudged")
    ]


@pytest.mark.parametrize(
    "malformed",
    [
        {"completion_percent": "half"},
        {"completion_percent": -1},
        {"completion_percent": 1e12},
        {"completion_percent": [45]},
        {"user_id": f"{U2}0"},
    ],
    ids=str,
)
def test_of_five_like_events_of_which_the_first_is_malformed_the_second_tells(
    stage: Stage, malformed: dict[str, object]
) -> None:
    dead, told, *others = [nudged(stage, **malformed), *(nudged(stage) for _ in range(4))]
    stage.deliver()
    assert stage.ledger()[dead] == "dead"
    assert (stage.notifications(), stage.emails()) == ([expected(told)[0]], [expected(told)[1]])
    assert {row.event for row in stage.decisions()} == set(others)


def test_control_an_earlier_event_that_is_merely_old_tells(stage: Stage) -> None:
    old, young = aged(stage, timedelta(hours=23)), nudged(stage)
    stage.deliver(young, old)
    assert stage.notifications() == [expected(old)[0]]


def test_who_muted_notifications_gets_one_email_for_two_like_events(stage: Stage) -> None:
    stage.prefer(U2, "muted")
    stage.prefer(U2, "immediate", channel="email")
    first, second = nudged(stage), nudged(stage)
    stage.deliver(first)
    stage.deliver(second)
    assert (stage.notifications(), stage.emails()) == ([], [expected(first)[1]])


def test_every_owner_is_nudged_for_themselves(stage: Stage) -> None:
    events = nudged(stage), nudged(stage, user_id=str(U1))
    stage.deliver(*events)
    assert [(row.user, row.event) for row in stage.notifications()] == [
        (U2, events[0]),
        (U1, events[1]),
    ]


def test_what_the_application_told_itself_is_not_told_again(stage: Stage) -> None:
    first, second = nudged(stage), nudged(stage)
    stage.deliver(first)
    stage.execute("UPDATE notifications SET kind = NULL")
    stage.execute("DELETE FROM notification_processing")
    stage.execute("DELETE FROM pending_emails")
    stage.execute("INSERT INTO notification_processing VALUES (%s, 'completed')", first)
    stage.deliver(second)
    assert stage.notifications() == [expected(first)[0]]


@pytest.mark.parametrize(
    "spelling",
    [
        pytest.param({"user_id": str(U2).upper()}, id="capitals"),
        pytest.param({"nudge_tier": 1.0}, id="a-fraction"),
    ],
)
def test_a_nudge_that_was_spelled_differently_is_the_same_nudge(
    stage: Stage, spelling: dict[str, object]
) -> None:
    stage.prefer(U2, "muted")
    stage.prefer(U2, "immediate", channel="email")
    first, again = nudged(stage, **spelling), nudged(stage)
    stage.deliver(first)
    stage.deliver(again)
    assert [row.event for row in stage.emails()] == [first]


def anchor(age: timedelta) -> str:
    """The time of an edit, as the job writes it."""
    return (datetime.now(UTC) - age).isoformat(timespec="microseconds")


def told(stage: Stage) -> list[int]:
    return [row.event for row in stage.notifications()]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)], ids=["in-order", "reversed"])
@pytest.mark.parametrize("muted", [False, True], ids=["in-app", "by-email-only"])
def test_each_anchor_is_told_once(stage: Stage, order: tuple[int, ...], *, muted: bool) -> None:
    if muted:
        stage.prefer(U2, "muted")
        stage.prefer(U2, "immediate", channel="email")
    first, second = anchor(timedelta(days=3)), anchor(timedelta(days=1))
    events = [nudged(stage, anchor_activity_at=at) for at in (first, first, second)]
    for number in order:
        stage.deliver(events[number])
    assert [row.event for row in stage.emails()] == [events[0], events[2]]
    assert told(stage) == ([] if muted else [events[0], events[2]])
    assert {row.reason for row in stage.decisions() if row.event == events[1]} == {"already_nudged"}


def test_the_notification_says_its_anchor(stage: Stage) -> None:
    event = nudged(stage, anchor_activity_at="2026-03-02T19:00:00+01:00")
    stage.deliver(event)
    (row,) = stage.notifications()
    at = {"anchor_activity_at": "2026-03-02T18:00:00.000000+00:00"}
    assert row.payload == expected(event)[0].payload | at
    assert stage.emails() == [expected(event)[1]]


@pytest.mark.parametrize(("days", "again"), [(1, False), (-1, True)])
def test_what_was_told_without_an_anchor_counts_from_the_anchor_on(
    stage: Stage, days: int, *, again: bool
) -> None:
    first = nudged(stage)
    stage.deliver(first)
    second = nudged(stage, anchor_activity_at=anchor(timedelta(days=days)))
    stage.deliver(second)
    assert told(stage) == ([first, second] if again else [first])


def test_an_event_without_an_anchor_is_like_one_with_any(stage: Stage) -> None:
    first = nudged(stage, anchor_activity_at=anchor(timedelta(days=1)))
    stage.deliver(first)
    second = nudged(stage)
    stage.deliver(second)
    assert told(stage) == [first]
    assert stage.decisions() == left_out(second, "already_nudged")


@pytest.mark.parametrize(
    "anchor_activity_at",
    ["", "yesterday", "2026-03-02", 7, ["x"], "0001-01-01T00:00:00+14:00", "2026-W10-1T00:00Z"],
    ids=str,
)
def test_an_anchor_that_is_no_time_is_none(stage: Stage, anchor_activity_at: object) -> None:
    first = nudged(stage)
    stage.deliver(first)
    second = nudged(stage, anchor_activity_at=anchor_activity_at)
    stage.deliver(second)
    assert stage.ledger() == {first: "completed", second: "completed"}
