"""G65 to G69 and F27: who is reminded of a meeting, when, of what, and how often."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.jobs.job import Counts
from pipeline.jobs.meeting_reminders import MEETING_REMINDERS as JOB
from tests.databases import Databases
from tests.golden.stage import N
from tests.golden.world import P1, U1, U2, U4, WORKSPACE, populate
from tests.jobs.desk import DAY, HOUR, MINUTE, NOW, Desk, Emitted

PEOPLE: Final = (U1, U2, U4)
HALF_AN_HOUR: Final = 30 * MINUTE


def reminded(desk: Desk) -> list[tuple[UUID, int]]:
    """Whom the events name, and the minutes that they say."""
    events = desk.emitted()
    assert {event.event_type for event in events} <= {"meeting_reminder"}
    return sorted(
        (UUID(event.payload["user_id"]), event.payload["reminder_minutes"]) for event in events
    )


def everybody(minutes: int, *people: UUID) -> list[tuple[UUID, int]]:
    return sorted((person, minutes) for person in people or PEOPLE)


def decline(desk: Desk, meeting: UUID, person: UUID) -> None:
    desk.execute(
        "UPDATE meeting_participants SET response_status = 'declined'"
        " WHERE meeting_id = %s AND user_id = %s",
        meeting, person,
    )  # fmt: skip


def move(desk: Desk, meeting: UUID, start: datetime) -> None:
    desk.execute("UPDATE meetings SET start_time = %s WHERE id = %s", start, meeting)


def test_g65_every_participant_is_reminded_once(desk: Desk) -> None:
    meeting = desk.meet(NOW + HALF_AN_HOUR, *PEOPLE)
    decline(desk, meeting, U4)
    assert desk.run(JOB) == Counts(scanned=3, due=3, emitted=3)
    expected = [
        Emitted(
            "meeting_reminder", person, P1, None, meeting,
            {
                "meeting_id": str(meeting),
                "user_id": str(person),
                "meeting_title": "Kick",
                "start_time": "2026-03-02T18:30:00+00:00",
                "end_time": "2026-03-02T19:30:00+00:00",
                "meeting_link": "http://m",
                "reminder_minutes": 30,
                "organizer_id": str(U1),
            },
        )
        for person in PEOPLE
    ]  # fmt: skip
    assert sorted(desk.emitted(), key=str) == sorted(expected, key=str)
    assert desk.rows("SELECT DISTINCT reminder_type, sent_at FROM meeting_reminders_sent") == [
        ("30min", NOW)
    ]
    assert desk.count("meeting_reminders_sent") == 3
    assert desk.run(JOB, now=NOW + 5 * MINUTE) == Counts(scanned=3)
    assert len(desk.emitted()) == 3


def test_g65_fix_who_declined_can_be_left_out(desk: Desk) -> None:
    meeting = desk.meet(NOW + HALF_AN_HOUR, *PEOPLE)
    decline(desk, meeting, U4)
    counts = desk.run(JOB, include_declined=False)
    assert counts == Counts(scanned=3, due=3, emitted=2, skipped=1)
    assert reminded(desk) == everybody(30, U1, U2)


def test_the_organizer_can_be_left_out(desk: Desk) -> None:
    desk.meet(NOW + HALF_AN_HOUR, *PEOPLE)
    desk.run(JOB, include_organizer=False)
    assert reminded(desk) == everybody(30, U2, U4)


@pytest.mark.parametrize("status", ["scheduled", "cancelled", "completed"])
@pytest.mark.parametrize(
    "before",
    [HALF_AN_HOUR + timedelta(seconds=1), timedelta(0), -MINUTE, HALF_AN_HOUR, MINUTE],
    ids=str,
)
def test_g66_only_a_scheduled_meeting_within_the_window_is_reminded_of(
    desk: Desk, status: str, before: timedelta
) -> None:
    desk.meet(NOW + before, *PEOPLE, status=status)
    desk.run(JOB)
    is_due = status == "scheduled" and timedelta(0) < before <= HALF_AN_HOUR
    assert len(reminded(desk)) == (3 if is_due else 0)


@pytest.fixture(scope="module")
def world(databases: Databases) -> Iterator[Desk]:
    """The golden world, for many examples."""
    with databases.migrated() as database:
        with database.connect() as connection:
            populate(connection)
        yield Desk(database)


def one_meeting(world: Desk, start: datetime) -> None:
    """Leave one meeting, of which nobody was reminded."""
    for table in ("domain_events", "meetings", "fanout.meeting_reminders"):
        world.execute(f"DELETE FROM {table}")  # noqa: S608 - of the tests
    world.meet(start, *PEOPLE)


LEADS: Final = st.integers(5, 120)
MOMENT: Final = timedelta(microseconds=1)


@settings(max_examples=30)
@given(offset=st.timedeltas(-HOUR, 3 * HOUR), lead=LEADS)
@example(offset=timedelta(0), lead=30)
@example(offset=MOMENT, lead=30)
@example(offset=30 * MINUTE, lead=30)
@example(offset=30 * MINUTE + MOMENT, lead=30)
def test_whoever_meets_within_the_lead_time_is_reminded_with_the_minutes_that_are_left(
    world: Desk, offset: timedelta, lead: int
) -> None:
    one_meeting(world, NOW + offset)
    (page,) = world.pages(JOB, dry_run=True, lead_minutes=lead)
    is_due = timedelta(0) < offset <= lead * MINUTE
    minutes = [each["reminder_minutes"] for each in page.preview]
    assert minutes == ([math.ceil(offset / MINUTE)] * len(PEOPLE) if is_due else [])


@settings(max_examples=15)
@given(
    offset=st.timedeltas(timedelta(0), 2 * HOUR),
    lead=LEADS,
    skipped=st.sets(st.integers(0, 24), max_size=10),
)
def test_over_all_ticks_each_is_reminded_once_by_the_first_tick_within_the_lead_time(
    world: Desk, offset: timedelta, lead: int, skipped: set[int]
) -> None:
    one_meeting(world, NOW + offset)
    ticks = [NOW + number * 5 * MINUTE for number in range(25) if number not in skipped]
    for tick in ticks:
        world.run(JOB, now=tick, lead_minutes=lead)
    left = (NOW + offset - tick for tick in ticks)
    within = next((each for each in left if timedelta(0) < each <= lead * MINUTE), None)
    expected = [] if within is None else everybody(math.ceil(within / MINUTE))
    assert reminded(world) == expected


def test_g69_a_meeting_that_was_moved_is_reminded_of_again(desk: Desk) -> None:
    start = NOW + HALF_AN_HOUR
    meeting = desk.meet(start, *PEOPLE)
    desk.run(JOB)
    move(desk, meeting, start + DAY)
    assert desk.run(JOB, now=NOW + 5 * MINUTE).due == 0
    assert desk.run(JOB, now=NOW + DAY).emitted == 3
    assert desk.run(JOB, now=NOW + DAY).emitted == 0
    assert desk.count("meeting_reminders_sent") == 3


@pytest.mark.parametrize("moved", [-5 * MINUTE, 5 * MINUTE], ids=["earlier", "later"])
def test_6_6_10_a_meeting_that_was_moved_by_minutes_is_reminded_of_again(
    desk: Desk, moved: timedelta
) -> None:
    meeting = desk.meet(NOW + 20 * MINUTE, *PEOPLE)
    desk.run(JOB)
    move(desk, meeting, NOW + 20 * MINUTE + moved)
    assert desk.run(JOB, now=NOW + 5 * MINUTE).emitted == 3


def test_f27_the_words_say_the_real_lead_time(desk: Desk) -> None:
    meeting = desk.meet(NOW + 27 * MINUTE, U1, U2)
    desk.run(JOB)
    assert reminded(desk) == everybody(27, U1, U2)
    assert desk.run(JOB, now=NOW + 5 * MINUTE).emitted == 0
    desk.deliver()
    body = "**Kick**\nStarts at {{meeting_time}}\nTower"
    told = {
        "type": "meeting_reminder",
        "meeting_id": str(meeting),
        "meeting_title": "Kick",
        "start_time": "2026-03-02T18:27:00+00:00",
        "meeting_link": "http://m",
        "project_id": str(P1),
        "project_name": "Tower",
        "reminder_minutes": 27,
    }
    link = f"{WORKSPACE}?tab=meetings"
    assert [row._replace(event=0) for row in desk.notifications()] == [
        N(person, 0, "Reminder: Meeting in 27 minutes", body, link, told)
        for person in sorted((U1, U2), key=lambda person: ids(desk)[person])
    ]


def ids(desk: Desk) -> dict[UUID, int]:
    """The event of each person."""
    return dict(desk.rows("SELECT actor_id, id FROM domain_events"))


def test_the_minutes_are_those_that_have_begun(desk: Desk) -> None:
    desk.execute("DELETE FROM meetings")
    desk.execute(
        "INSERT INTO meetings (title, start_time, end_time, duration_minutes, organizer_id)"
        " SELECT 'Kick', %s + make_interval(secs => number), %s, 60, %s"
        " FROM generate_series(0, 1801) AS number",
        NOW, NOW + DAY, U1,
    )  # fmt: skip
    desk.execute(
        "INSERT INTO meeting_participants (meeting_id, user_id) SELECT id, %s FROM meetings", U1
    )
    assert desk.run(JOB).emitted == 1800
    assert reminded(desk) == sorted((U1, -(-seconds // 60)) for seconds in range(1, 1801))


def test_a_lead_time_that_the_application_does_not_know_is_reminded_of_without_its_record(
    desk: Desk,
) -> None:
    desk.meet(NOW + 45 * MINUTE, *PEOPLE)
    assert desk.run(JOB, lead_minutes=45).emitted == 3
    assert desk.count("meeting_reminders_sent") == 0
    assert desk.run(JOB, lead_minutes=45).emitted == 0


def test_each_lead_time_is_a_reminder_of_its_own(desk: Desk) -> None:
    desk.meet(NOW + 15 * MINUTE, *PEOPLE)
    assert desk.run(JOB).emitted == 3
    assert desk.run(JOB, lead_minutes=15).emitted == 3
    assert desk.run(JOB, lead_minutes=15).emitted == 0


def test_what_the_application_sent_itself_is_not_sent_again(desk: Desk) -> None:
    meeting = desk.meet(NOW + 25 * MINUTE, U1, U2)
    desk.execute(
        "INSERT INTO meeting_reminders_sent (meeting_id, user_id, reminder_type, sent_at)"
        " VALUES (%s, %s, '30min', %s)",
        meeting, U1, NOW - MINUTE,
    )  # fmt: skip
    desk.run(JOB)
    assert reminded(desk) == [(U2, 25)]


def test_what_the_application_sent_before_the_meeting_was_moved_does_not_count(
    desk: Desk,
) -> None:
    meeting = desk.meet(NOW + 25 * MINUTE, U1)
    desk.execute(
        "INSERT INTO meeting_reminders_sent (meeting_id, user_id, reminder_type, sent_at)"
        " VALUES (%s, %s, '30min', %s)",
        meeting, U1, NOW - DAY,
    )  # fmt: skip
    desk.run(JOB)
    assert reminded(desk) == [(U1, 25)]


def test_a_meeting_without_a_project_is_reminded_of(desk: Desk) -> None:
    meeting = desk.meet(NOW + HALF_AN_HOUR, U1)
    desk.execute("UPDATE meetings SET project_id = NULL, meeting_link = NULL")
    desk.run(JOB)
    (event,) = desk.emitted()
    assert (event.project, event.meeting, event.payload["meeting_link"]) == (None, meeting, None)


def test_a_dry_run_shows_the_reminders_and_writes_nothing(desk: Desk) -> None:
    meeting = desk.meet(NOW + HALF_AN_HOUR, U1, U2)
    decline(desk, meeting, U2)
    (page,) = desk.pages(JOB, dry_run=True, include_declined=False)
    assert page.counts == Counts(scanned=2, due=2, skipped=1)
    assert {each["user_id"]: each["would_notify"] for each in page.preview} == {
        str(U1): True,
        str(U2): False,
    }
    for table in ("domain_events", "meeting_reminders_sent", "fanout.meeting_reminders"):
        assert desk.count(table) == 0


def test_a_small_page_ends_anywhere_and_the_next_goes_on_there(desk: Desk) -> None:
    for minutes in (30, 30, 10, 30):
        desk.meet(NOW + minutes * MINUTE, *PEOPLE)
    pages = desk.pages(JOB, most=2)
    assert [page.counts.scanned for page in pages] == [2] * 6 + [0]
    assert reminded(desk) == sorted(everybody(30) * 3 + everybody(10))


def test_a_meeting_of_an_hour_from_now_is_reminded_of_once_over_all_ticks(desk: Desk) -> None:
    desk.execute("DELETE FROM meetings")
    desk.meet(NOW + HOUR + 2 * MINUTE, *PEOPLE)
    for tick in range(20):
        desk.run(JOB, now=NOW + tick * 5 * MINUTE)
    assert reminded(desk) == everybody(27)


def test_6_6_10_a_tick_that_comes_late_reminds_of_no_meeting_that_has_begun(desk: Desk) -> None:
    clock = datetime.now(UTC)
    desk.meet(clock - MINUTE, U1)
    desk.meet(clock + 10 * MINUTE, U2)
    desk.run(JOB, now=clock - 20 * MINUTE)
    ((person, minutes),) = reminded(desk)
    assert person == U2
    # It takes a moment to get here.
    assert 1 <= minutes <= 10
