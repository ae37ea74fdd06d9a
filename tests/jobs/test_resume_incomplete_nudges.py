"""G77 to G84: who is asked to complete a resume, when, and how often."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from pipeline.jobs.job import Counts
from pipeline.jobs.resume_incomplete_nudges import RESUME_INCOMPLETE_NUDGES as JOB
from tests.databases import Databases
from tests.golden.world import O1, P1, U1, U2, populate
from tests.jobs.desk import DAY, HOUR, NOW, Desk, Emitted

SIX_HOURS: Final = 6 * HOUR
SECOND: Final = timedelta(seconds=1)
A_MOMENT: Final = timedelta(microseconds=1)
TYPES: Final = ("project", "borrower")
# How long a resume has been left alone when each tier begins: G78.
TIERS: Final = (24 * HOUR, 72 * HOUR, 120 * HOUR, 168 * HOUR)
_VERSIONS: Final = {
    "project": "INSERT INTO project_resumes (id, project_id, version_number, completeness_percent)"
    " SELECT %s, %s, count(*) + 1, %s FROM project_resumes",
    "borrower": "INSERT INTO borrower_resumes (id, project_id, version_number,"
    " completeness_percent) SELECT %s, %s, count(*) + 1, %s FROM borrower_resumes",
}


def left(desk: Desk, age: timedelta) -> None:
    """The world of G77: U2 is the only owner, both resumes exist at 50 %, nobody edited them."""
    desk.execute("UPDATE org_members SET role = 'member' WHERE user_id = %s", U1)
    desk.execute("UPDATE projects SET created_at = %s", NOW - age)
    for kind in TYPES:
        resume(desk, kind, 50)


def resume(desk: Desk, kind: str, percent: int, *, is_current: bool = True) -> UUID:
    """Insert a version of a resume. Return its resource."""
    version, resource = uuid4(), uuid4()
    desk.execute(_VERSIONS[kind], version, P1, percent)
    if is_current:
        desk.execute(
            "INSERT INTO resources (id, org_id, project_id, resource_type, name,"
            " current_version_id) VALUES (%s, %s, %s, %s, 'Resume', %s)",
            resource, O1, P1, f"{kind.upper()}_RESUME", version,
        )  # fmt: skip
    return resource


def edited(desk: Desk, kind: str, at: datetime, by: UUID = U2) -> None:
    desk.execute(
        "INSERT INTO project_workspace_activity AS activity (user_id, project_id,"
        " last_project_resume_edit_at, last_borrower_resume_edit_at) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (user_id, project_id) DO UPDATE SET"
        " last_project_resume_edit_at = coalesce("
        "excluded.last_project_resume_edit_at, activity.last_project_resume_edit_at),"
        " last_borrower_resume_edit_at = coalesce("
        "excluded.last_borrower_resume_edit_at, activity.last_borrower_resume_edit_at)",
        by, P1, at if kind == "project" else None, at if kind == "borrower" else None,
    )  # fmt: skip


def told(desk: Desk, at: datetime, kind: str = "project", tier: int = 1, **more: object) -> None:
    """A notification that U2 got from an earlier job, which had no anchors."""
    event = desk.emit("earlier")
    payload = {
        "type": "resume_incomplete_nudge",
        "resume_type": kind,
        "nudge_tier": tier,
        "project_id": str(P1),
        **more,
    }
    desk.execute(
        "INSERT INTO notifications (user_id, event_id, title, created_at, payload)"
        " VALUES (%s, %s, 'Complete', %s, %s)",
        U2, event, at, Jsonb(payload),
    )  # fmt: skip


def nudges(desk: Desk) -> list[Emitted]:
    return [event for event in desk.emitted() if event.event_type != "earlier"]


def asked(desk: Desk) -> list[tuple[str, int]]:
    """Type and tier of each nudge, in order."""
    return [(event.payload["resume_type"], event.payload["nudge_tier"]) for event in nudges(desk)]


def test_g77_the_owner_is_asked_for_both_resumes(desk: Desk) -> None:
    left(desk, 25 * HOUR)
    assert desk.run(JOB) == Counts(scanned=1, due=2, emitted=2)
    about = {
        "user_id": str(U2),
        "completion_percent": 50,
        "nudge_tier": 1,
        "anchor_activity_at": "2026-03-01T17:00:00.000000+00:00",
    }
    assert sorted(desk.emitted(), key=lambda event: str(event.payload["resume_type"])) == [
        Emitted("resume_incomplete_nudge", None, P1, None, None, about | {"resume_type": kind})
        for kind in ("borrower", "project")
    ]
    assert desk.run(JOB, now=NOW + SIX_HOURS) == Counts(scanned=1)


def test_g77_before_a_day_has_passed_nobody_is_asked(desk: Desk) -> None:
    left(desk, 23.99 * HOUR)
    assert desk.run(JOB).due == 0


@pytest.mark.parametrize(
    ("hours", "tier"),
    [
        (24, 1), (71.99, 1), (72, 2), (119.99, 2), (120, 3), (167.99, 3), (168, 4), (1000, 4),
    ],
)  # fmt: skip
def test_g78_the_tier_is_that_of_the_age(desk: Desk, hours: float, tier: int) -> None:
    left(desk, hours * HOUR)
    desk.run(JOB, most_stale_days=60)
    assert sorted(asked(desk)) == [("borrower", tier), ("project", tier)]


@pytest.fixture(scope="module")
def world(databases: Databases) -> Iterator[Desk]:
    """The world of G77, for many examples."""
    with databases.migrated() as database:
        with database.connect() as connection:
            populate(connection)
        desk = Desk(database)
        left(desk, DAY)
        yield desk


AGES: Final = st.timedeltas(timedelta(hours=-1), 15 * DAY)


@settings(max_examples=60)
@given(age=AGES)
@example(age=24 * HOUR)
@example(age=24 * HOUR - A_MOMENT)
@example(age=72 * HOUR)
@example(age=72 * HOUR - A_MOMENT)
@example(age=120 * HOUR)
@example(age=120 * HOUR - A_MOMENT)
@example(age=168 * HOUR)
@example(age=168 * HOUR - A_MOMENT)
@example(age=14 * DAY)
@example(age=14 * DAY + A_MOMENT)
def test_every_age_has_the_tier_that_began_last(world: Desk, age: timedelta) -> None:
    world.execute("UPDATE projects SET created_at = %s", NOW - age)
    (page,) = world.pages(JOB, dry_run=True)
    tier = sum(age >= begins for begins in TIERS) if age <= 14 * DAY else 0
    assert [each["nudge_tier"] for each in page.preview] == ([tier] * 2 if tier else [])


def test_g79_each_resume_has_its_own_newest_edit(desk: Desk) -> None:
    left(desk, 30 * DAY)
    edited(desk, "project", NOW - 80 * HOUR)
    edited(desk, "borrower", NOW - 2 * HOUR)
    desk.run(JOB)
    assert asked(desk) == [("project", 2)]


def test_g81_who_was_told_since_the_edit_is_not_told_again(desk: Desk) -> None:
    left(desk, 30 * DAY)
    edited(desk, "project", NOW - 30 * HOUR)
    told(desk, NOW - 10 * HOUR)
    assert desk.run(JOB).due == 0


def test_g82_who_was_told_before_the_edit_is_told_again_and_keeps_what_they_have(
    desk: Desk,
) -> None:
    left(desk, 30 * DAY)
    edited(desk, "project", NOW - 30 * HOUR)
    told(desk, NOW - 200 * HOUR)
    desk.run(JOB)
    assert asked(desk) == [("project", 1)]
    assert len(desk.notifications()) == 1


def test_g84_without_the_fan_out_each_tier_is_emitted_once(desk: Desk) -> None:
    left(desk, 25 * HOUR)
    for run in range(3):
        desk.run(JOB, now=NOW + run * SIX_HOURS)
    assert sorted(asked(desk)) == [("borrower", 1), ("project", 1)]
    assert desk.count("fanout.resume_nudges") == 2


def test_over_two_weeks_each_tier_is_emitted_once(desk: Desk) -> None:
    left(desk, 0 * DAY)
    for run in range(80):
        desk.run(JOB, now=NOW + run * SIX_HOURS)
    assert [tier for kind, tier in asked(desk) if kind == "project"] == [1, 2, 3, 4]
    assert [tier for kind, tier in asked(desk) if kind == "borrower"] == [1, 2, 3, 4]


def test_6_6_4_after_an_edit_the_tiers_begin_anew_at_once(desk: Desk) -> None:
    left(desk, 25 * HOUR)
    desk.run(JOB)
    for kind in TYPES:
        edited(desk, kind, NOW + HOUR)
    assert desk.run(JOB, now=NOW + 24 * HOUR).due == 0
    assert desk.run(JOB, now=NOW + 25 * HOUR).emitted == 2
    assert sorted(asked(desk)) == [("borrower", 1)] * 2 + [("project", 1)] * 2


def test_6_6_4_through_the_graph_the_second_anchor_is_told_and_a_third_event_is_not(
    desk: Desk,
) -> None:
    left(desk, 25 * HOUR)
    desk.execute("DELETE FROM resources WHERE resource_type = 'BORROWER_RESUME'")
    desk.execute("UPDATE borrower_resumes SET completeness_percent = 100")
    desk.run(JOB)
    desk.deliver()
    edited(desk, "project", NOW + HOUR)
    desk.run(JOB, now=NOW + 25 * HOUR)
    desk.deliver()
    anchors = ["2026-03-01T17:00:00.000000+00:00", "2026-03-02T19:00:00.000000+00:00"]
    assert [row.payload["anchor_activity_at"] for row in desk.notifications()] == anchors
    assert [row.title for row in desk.notifications()] == ["Complete your Project Resume"] * 2
    assert len(desk.emails()) == 2
    # As a job without our table emits it once more.
    again = desk.emit("resume_incomplete_nudge", nudges(desk)[1].payload, project_id=P1)
    desk.deliver(again)
    assert len(desk.notifications()) == 2
    assert [row.reason for row in desk.decisions()] == ["already_nudged"] * 2


def test_6_6_5_an_edit_by_anybody_counts_for_every_owner(desk: Desk) -> None:
    left(desk, 30 * DAY)
    desk.execute("UPDATE org_members SET role = 'owner' WHERE user_id = %s", U1)
    edited(desk, "project", NOW - 80 * HOUR, by=U1)
    edited(desk, "project", NOW - HOUR, by=U2)
    assert desk.run(JOB).due == 0
    assert desk.run(JOB, now=NOW + DAY).emitted == 2
    assert {UUID(each.payload["user_id"]) for each in nudges(desk)} == {U1, U2}


def test_6_6_2_a_project_without_resumes_is_at_nothing_and_stops_nobody(desk: Desk) -> None:
    left(desk, 25 * HOUR)
    desk.execute(
        "INSERT INTO projects (id, name, owner_org_id, created_at) VALUES (%s, 'Bare', %s, %s)",
        UUID(int=1), O1, NOW - 25 * HOUR,
    )  # fmt: skip
    assert desk.run(JOB).emitted == 4
    percents = {(each.project, each.payload["completion_percent"]) for each in nudges(desk)}
    assert percents == {(UUID(int=1), 0), (P1, 50)}


def test_6_6_2_two_resources_of_one_resume_stop_nobody(desk: Desk) -> None:
    left(desk, 25 * HOUR)
    resource = resume(desk, "project", 70)
    desk.execute(
        "UPDATE resources SET updated_at = now() + interval '1 day' WHERE id = %s", resource
    )
    desk.run(JOB)
    found = {
        each.payload["resume_type"]: each.payload["completion_percent"] for each in nudges(desk)
    }
    assert found == {"project": 70, "borrower": 50}


def test_6_6_2_a_current_version_that_is_missing_is_at_nothing(desk: Desk) -> None:
    left(desk, 25 * HOUR)
    desk.execute("DELETE FROM project_resumes")
    desk.execute("DELETE FROM borrower_resumes")
    desk.run(JOB)
    assert {each.payload["completion_percent"] for each in nudges(desk)} == {0}


def test_without_a_current_version_the_newest_one_counts(desk: Desk) -> None:
    left(desk, 25 * HOUR)
    desk.execute("UPDATE resources SET current_version_id = NULL")
    for kind in TYPES:
        resume(desk, kind, 80, is_current=False)
    desk.run(JOB)
    assert {each.payload["completion_percent"] for each in nudges(desk)} == {80}


@pytest.mark.parametrize("percent", [99, 100, 101])
def test_a_resume_that_is_complete_is_left_alone(desk: Desk, percent: int) -> None:
    left(desk, 25 * HOUR)
    desk.execute("UPDATE project_resumes SET completeness_percent = %s", percent)
    desk.run(JOB)
    assert ("project", 1) in asked(desk) if percent < 100 else asked(desk) == [("borrower", 1)]


@pytest.mark.parametrize("age", [14 * DAY, 14 * DAY + SECOND], ids=str)
def test_what_was_left_for_two_weeks_is_left_alone(desk: Desk, age: timedelta) -> None:
    left(desk, age)
    assert desk.run(JOB).emitted == (2 if age == 14 * DAY else 0)


def test_when_whoever_edited_last_is_deleted_nobody_is_asked_for_an_older_anchor(
    desk: Desk,
) -> None:
    left(desk, 30 * DAY)
    edited(desk, "project", NOW - 100 * HOUR, by=U2)
    edited(desk, "project", NOW - 50 * HOUR, by=U1)
    desk.run(JOB)
    assert asked(desk) == [("project", 1)]
    desk.execute("DELETE FROM project_workspace_activity WHERE user_id = %s", U1)
    assert desk.run(JOB).due == 0


def test_a_dry_run_shows_the_nudges_and_writes_nothing(desk: Desk) -> None:
    left(desk, 25 * HOUR)
    (page,) = desk.pages(JOB, dry_run=True)
    assert page.counts == Counts(scanned=1, due=2)
    assert [(each["resume_type"], each["nudge_tier"]) for each in page.preview] == [
        ("borrower", 1),
        ("project", 1),
    ]
    for table in ("domain_events", "fanout.resume_nudges"):
        assert desk.count(table) == 0


def test_a_small_page_ends_anywhere_and_the_next_goes_on_there(desk: Desk) -> None:
    left(desk, 25 * HOUR)
    desk.execute("UPDATE org_members SET role = 'owner'")
    elsewhere = uuid4()
    desk.execute(
        "INSERT INTO orgs (id, name, entity_type) VALUES (%s, 'Empty', 'lender')", elsewhere
    )
    for number in range(4):
        desk.execute(
            "INSERT INTO projects (name, owner_org_id, created_at) VALUES ('P', %s, %s)",
            O1 if number % 2 else elsewhere, NOW - 25 * HOUR,
        )  # fmt: skip
    pages = desk.pages(JOB, most=2)
    # Three projects of three owners, and two of none.
    assert sum(page.counts.scanned for page in pages) == 11
    assert {page.counts.scanned for page in pages[:-1]} == {2}
    assert len(nudges(desk)) == 18
    assert len({str(each) for each in nudges(desk)}) == 18
