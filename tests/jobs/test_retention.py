"""Retention deletes what was kept long enough, and nothing unfinished, whatever runs beside it."""

import json
import os
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.clients.postgres.pool import close_pools
from pipeline.clients.postgres.sql import load
from pipeline.domain.errors import UsageError
from pipeline.jobs.job import Input, Retention
from pipeline.jobs.reactions.retention import REACTION_RETENTION
from pipeline.steps.retention import run_retention
from tests.databases import Database, Databases
from tests.deadline import wait_until
from tests.golden.stage import Stage
from tests.golden.world import P1, R1, T1, U1, U2
from tests.jobs.kept import DAY, FINAL, OLD, UNFINISHED, WORK, YOUNG, Kept, only, total
from tests.programs import Program

LEDGER: Final = "notification_processing"
CLEAR: Final = (
    "TRUNCATE domain_events, notification_processing, event_dead_letters, fanout.age_exemptions,"
    " fanout.retention_marks, fanout.switches CASCADE"
)


@pytest.fixture
def kept(database: Database) -> Iterator[Kept]:
    """An empty database."""
    with database.connect() as connection:
        yield Kept(database, connection)


@pytest.fixture(scope="module")
def shared(databases: Databases) -> Iterator[Kept]:
    """A database for many examples, which each clear it."""
    with databases.migrated() as database:
        with database.connect() as connection:
            yield Kept(database, connection)
        close_pools()


# By age


def told(kept: Kept, event: int, age: timedelta) -> None:
    """Insert a decision about an event."""
    kept.rows(
        "INSERT INTO notification_decisions (event_id, user_id, channel, reason, created_at)"
        " VALUES (%s, %s, 'in_app', 'muted', now() - %s)",
        event, U1, age,
    )  # fmt: skip


def letter(kept: Kept, event: int, *, seen: timedelta, resolved: timedelta | None = None) -> None:
    """Insert a dead letter."""
    kept.rows(
        "INSERT INTO event_dead_letters (letter_key, event_id, stage, error_class, message,"
        " fingerprint, last_seen_at, resolved_at)"
        " VALUES (%s, %s, 'decode', 'InvalidRow', 'no', 'f', now() - %s, now() - %s::interval)",
        f"event:{event}", event, seen, resolved,
    )  # fmt: skip


def exempt(kept: Kept, event: int, age: timedelta, replay: UUID | None = None) -> None:
    """Insert an exemption from the age limit."""
    kept.rows(
        "INSERT INTO fanout.age_exemptions (event_id, replay_id, created_at)"
        " VALUES (%s, %s, now() - %s)",
        event, replay or uuid4(), age,
    )  # fmt: skip


def job_run(kept: Kept, job: str, age: timedelta, state: str = "done") -> None:
    """Insert a run of a job, and an attempt at it."""
    kept.rows(
        "WITH run AS ("
        " INSERT INTO fanout.job_runs (job, scheduled_for, as_of, requested_by, state, finished_at)"
        " SELECT %s, at, at, 'tick', %s, CASE WHEN %s IN ('done', 'dead') THEN at END"
        " FROM (SELECT date_trunc('second', now()) - %s AS at) AS instant"
        " RETURNING job, scheduled_for, created_at)"
        " INSERT INTO fanout.attempts (source, record_id, number, started_at, finished_at, result)"
        " SELECT 'job_runs', job || '@' || to_char("
        "scheduled_for AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS') || 'Z', 1, scheduled_for,"
        " scheduled_for, 'failed' FROM run",
        job, state, state, age,
    )  # fmt: skip


def test_decisions_go_by_age(kept: Kept) -> None:
    kept.insert(1, 2, 3)
    told(kept, 1, 91 * DAY)
    told(kept, 2, 89 * DAY)
    told(kept, 3, 400 * DAY)
    counts = kept.run("notification_decisions")
    assert (counts.scanned, counts.due, counts.emitted) == (3, 2, 2)
    assert kept.rows("SELECT event_id FROM notification_decisions") == [(2,)]


def test_letters_go_by_when_they_were_resolved_and_open_ones_stay(kept: Kept) -> None:
    letter(kept, 1, seen=OLD)
    letter(kept, 2, seen=OLD, resolved=OLD)
    letter(kept, 3, seen=OLD, resolved=YOUNG)
    letter(kept, 4, seen=YOUNG)
    counts = kept.run("event_dead_letters")
    assert (counts.emitted, counts.skipped) == (1, 2)
    assert kept.rows("SELECT event_id FROM event_dead_letters ORDER BY 1") == [(1,), (3,), (4,)]


def test_an_exemption_stays_until_its_event_is_final(kept: Kept) -> None:
    kept.insert(1, state="completed")
    kept.insert(2, state="paused")
    kept.insert(3, state=None)
    kept.insert(4, state="expired")
    for event in (1, 2, 3, 5):
        exempt(kept, event, OLD)
    exempt(kept, 4, YOUNG)
    counts = kept.run("fanout.age_exemptions")
    assert (counts.emitted, counts.skipped) == (2, 2)
    assert kept.rows("SELECT event_id FROM fanout.age_exemptions ORDER BY 1") == [(2,), (3,), (4,)]


def test_runs_of_jobs_go_by_age_but_not_unfinished_ones_and_not_the_last(kept: Kept) -> None:
    job_run(kept, "sweep", 120 * DAY)
    job_run(kept, "sweep", 110 * DAY, "waiting")
    job_run(kept, "sweep", 100 * DAY)
    job_run(kept, "scrub", 120 * DAY, "dead")
    job_run(kept, "scrub", YOUNG)
    job_run(kept, "polish", 400 * DAY)
    counts = kept.run("fanout.job_runs", "fanout.attempts")
    states = kept.rows("SELECT job, state FROM fanout.job_runs ORDER BY job, scheduled_for")
    assert states == [
        ("polish", "done"), ("scrub", "done"), ("sweep", "waiting"), ("sweep", "done"),
    ]  # fmt: skip
    left = kept.rows("SELECT split_part(record_id, '@', 1) FROM fanout.attempts ORDER BY 1")
    assert left == [("scrub",), ("sweep",)], "of the unfinished run, and the young one"
    assert counts.emitted == 2 + 4


def test_replays_go_by_age_unless_an_event_of_theirs_is_exempt(kept: Kept) -> None:
    ids = [uuid4() for _ in range(4)]
    ages = [400 * DAY, 400 * DAY, 400 * DAY, YOUNG]
    for replay, age, ends in zip(ids, ages, [True, True, False, True], strict=True):
        kept.rows(
            "INSERT INTO fanout_replays (id, selector, planned, started_at, finished_at)"
            " VALUES (%s, '{}', 1, now() - %s, CASE WHEN %s THEN now() - %s END)",
            replay, age, ends, age,
        )  # fmt: skip
    exempt(kept, 1, OLD, ids[1])
    assert kept.run("fanout_replays").emitted == 2
    assert {row[0] for row in kept.rows("SELECT id FROM fanout_replays")} == {ids[1], ids[3]}


# Dedupe rows


def test_reminders_go_only_when_the_meeting_is_over(stage: Stage) -> None:
    kept = Kept(stage.database)
    over, moved = uuid4(), uuid4()
    for meeting, end in ((over, -OLD), (moved, DAY)):
        kept.rows(
            "INSERT INTO meetings (id, title, start_time, end_time, duration_minutes,"
            " organizer_id) VALUES (%s, 'Kick', now() + %s, now() + %s, 60, %s)",
            meeting, end, end, U1,
        )  # fmt: skip
    gone = uuid4()
    for meeting, start in ((over, OLD), (moved, OLD), (gone, OLD), (gone, -DAY)):
        kept.rows(
            "INSERT INTO fanout.meeting_reminders (meeting_id, user_id, start_time, lead_minutes)"
            " VALUES (%s, %s, now() - %s, 30)",
            meeting, U1, start,
        )  # fmt: skip
    counts = kept.run("fanout.meeting_reminders")
    assert (counts.emitted, counts.skipped) == (2, 1)
    left = kept.rows("SELECT meeting_id FROM fanout.meeting_reminders")
    assert sorted(left) == sorted([(moved,), (gone,)])


def test_nudges_of_a_thread_go_only_when_it_has_moved_on(stage: Stage) -> None:
    kept = Kept(stage.database)

    def nudge(thread: UUID, user: UUID, age: timedelta) -> None:
        kept.rows(
            "INSERT INTO fanout.thread_nudges (thread_id, user_id, latest_message_at, created_at)"
            " VALUES (%s, %s, now() - %s, now() - %s)",
            thread, user, age, age,
        )  # fmt: skip

    nudge(T1, U1, OLD)
    nudge(uuid4(), U1, OLD)
    nudge(T1, U2, OLD)
    nudge(T1, U2, YOUNG)
    counts = kept.run("fanout.thread_nudges")
    assert (counts.emitted, counts.skipped) == (2, 1), "the thread is gone; a later nudge"
    assert sorted(kept.rows("SELECT thread_id, user_id FROM fanout.thread_nudges")) == sorted(
        [(T1, U1), (T1, U2)]
    )
    kept.rows(
        "INSERT INTO project_messages (thread_id, user_id, content) VALUES (%s, %s, 'hi')", T1, U2
    )
    assert kept.run("fanout.thread_nudges").emitted == 1
    assert kept.rows("SELECT user_id FROM fanout.thread_nudges") == [(U2,)]


def test_nudges_about_a_resume_go_only_when_it_was_edited_later(stage: Stage) -> None:
    kept = Kept(stage.database)

    def nudge(project: UUID, kind: str, age: timedelta, tier: int = 1) -> None:
        kept.rows(
            "INSERT INTO fanout.resume_nudges"
            " (user_id, project_id, resume_type, anchor, tier, created_at)"
            " VALUES (%s, %s, %s, now() - %s, %s, now() - %s)",
            U1, project, kind, age, tier, age,
        )  # fmt: skip

    nudge(P1, "project", OLD, tier=1)
    nudge(P1, "project", OLD, tier=2)
    nudge(P1, "borrower", OLD)
    nudge(uuid4(), "project", OLD)
    counts = kept.run("fanout.resume_nudges")
    assert (counts.emitted, counts.skipped) == (2, 2), "the project is gone; a later nudge"
    kept.rows(
        "INSERT INTO project_workspace_activity (user_id, project_id, last_project_resume_edit_at)"
        " VALUES (%s, %s, now())",
        U2, P1,
    )  # fmt: skip
    counts = kept.run("fanout.resume_nudges")
    assert (counts.emitted, counts.skipped) == (1, 1)
    assert kept.rows("SELECT resume_type FROM fanout.resume_nudges") == [("borrower",)]


# Periods


def test_a_period_is_changed_for_one_run(kept: Kept) -> None:
    kept.insert(1)
    told(kept, 1, 40 * DAY)
    assert kept.run("notification_decisions").emitted == 0
    assert kept.run("notification_decisions", decisions_days=39).emitted == 1


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"ledger_days": 6}, "invalid ledger_days '6': expected whole days, at least 7"),
        ({"ledger_days": "90"}, "at least 7 and at most 36500"),
        ({"decisions_days": True}, "at least 7"),
        ({"job_runs_days": 31}, "at least 32"),
        ({"moons_days": 3}, "invalid parameter 'moons_days': expected decisions_days or "),
    ],
)
def test_a_period_that_cannot_be_is_refused_before_anything_is_deleted(
    kept: Kept, changed: dict[str, Any], words: str
) -> None:
    kept.insert(1)
    with pytest.raises(UsageError, match=words):
        kept.run(**changed)
    assert kept.ledger() == [1]


@pytest.mark.parametrize("period", WORK.periods, ids=lambda each: each.table)
def test_every_period_is_allowed_and_says_why(period: Any) -> None:  # noqa: ANN401
    assert period.at_least <= period.days
    assert period.why
    assert all(load("pipeline.steps", name, period.only) for name in period.statements)


def test_a_clock_that_is_ahead_deletes_nothing_more(kept: Kept) -> None:
    kept.insert(1, age=YOUNG)
    told(kept, 1, YOUNG)
    assert kept.run(now=datetime.now(UTC) + 365 * DAY).emitted == 0


# The ledger and its mark


def test_ledger_rows_go_and_catch_up_does_not_take_their_events(kept: Kept) -> None:
    for number, state in enumerate(FINAL):
        kept.insert(number * 10, state=state)
    kept.insert(100, age=YOUNG)
    counts = kept.run(LEDGER)
    assert counts.emitted == 4
    assert (kept.ledger(), kept.mark(), kept.unfinished()) == ([100], 30, [])


def test_control_without_the_mark_catch_up_would_take_them_again(kept: Kept) -> None:
    kept.insert(1, 2, 3)
    kept.run(LEDGER)
    assert kept.unfinished() == []
    kept.rows("DELETE FROM fanout.retention_marks")
    assert kept.unfinished() == [1, 2, 3]


@pytest.mark.parametrize("state", [*UNFINISHED, None])
def test_the_mark_stops_at_an_event_without_a_final_state_and_says_which(
    kept: Kept, state: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    kept.insert(1, 2)
    kept.insert(3, state=state)
    kept.insert(4, 5)
    before = kept.unfinished()
    assert before == [3]
    kept.run(LEDGER)
    assert (kept.ledger(), kept.mark()) == ([4, 5] if state is None else [3, 4, 5], 2)
    assert kept.unfinished() == before
    assert "from event 3 on: it has no final state" in caplog.text
    [page] = [page for page in kept.pages(LEDGER, dry_run=True) if page.preview]
    assert page.preview[0]["held_by_event"] == 3
    # Once it is final, the mark goes on.
    kept.rows("DELETE FROM notification_processing WHERE event_id = 3")
    kept.state(3, state="expired", ended=2 * DAY)
    kept.run(LEDGER)
    assert (kept.ledger(), kept.mark(), kept.unfinished()) == ([], 5, [])


def test_an_event_that_gets_a_low_id_later_is_unfinished_and_its_row_stays(kept: Kept) -> None:
    kept.insert(10, 20, 30)
    kept.run(LEDGER)
    kept.insert(15, state=None, age=timedelta(0))
    kept.insert(16, state=None, age=YOUNG)
    assert kept.unfinished() == [15, 16]
    kept.state(15, 16, state="completed", ended=timedelta(0))
    kept.run(LEDGER)
    assert (kept.ledger(), kept.unfinished()) == ([15, 16], [])


def test_control_a_mark_without_the_time_loses_an_event_that_gets_a_low_id_later(
    kept: Kept,
) -> None:
    kept.insert(10, 20)
    kept.run(LEDGER)
    kept.insert(15, state=None, age=timedelta(0))
    assert kept.unfinished() == [15]
    kept.rows("UPDATE fanout.retention_marks SET created_before = 'infinity'")
    assert kept.unfinished() == []


@pytest.mark.parametrize("created_at", ["infinity", "2999-01-01", None])
def test_an_event_whose_time_is_ahead_holds_nothing_up_and_keeps_its_row(
    kept: Kept, created_at: str | None
) -> None:
    kept.rows("ALTER TABLE domain_events ALTER created_at DROP NOT NULL")
    kept.insert(1, 2, 3)
    kept.rows("UPDATE domain_events SET created_at = %s WHERE id = 2", created_at)
    kept.run(LEDGER)
    kept.run(LEDGER)
    assert (kept.ledger(), kept.mark(), kept.unfinished()) == ([2], 3, [])


@pytest.mark.parametrize("lowest", [-(2**63), -(2**63) + 1, 2**63 - 1])
def test_any_id_can_be_the_first(kept: Kept, lowest: int) -> None:
    kept.insert(lowest, state=None)
    kept.run(LEDGER)
    assert (kept.mark(), kept.unfinished()) == (None, [lowest])
    kept.state(lowest, state="completed", ended=OLD)
    kept.run(LEDGER)
    assert (kept.ledger(), kept.mark(), kept.unfinished()) == ([], lowest, [])


def test_a_row_stays_while_its_event_may_be_replayed_and_for_a_day_after(kept: Kept) -> None:
    kept.insert(1, 2, 3, state="dead")
    kept.insert(4, state="completed", ended=timedelta(hours=23))
    kept.insert(5, state="completed")
    letter(kept, 1, seen=OLD)
    letter(kept, 2, seen=OLD, resolved=OLD)
    exempt(kept, 3, YOUNG)
    counts = kept.run(LEDGER)
    assert (counts.emitted, counts.skipped) == (2, 3)
    assert (kept.ledger(), kept.mark(), kept.unfinished()) == ([1, 3, 4], 5, [])
    # Afterwards they go, although the mark has passed them.
    kept.rows("UPDATE event_dead_letters SET resolved_at = now()")
    kept.rows("DELETE FROM fanout.age_exemptions")
    kept.rows("UPDATE notification_processing SET completed_at = now() - interval '25 hours'")
    assert kept.run(LEDGER).emitted == 3
    assert (kept.ledger(), kept.unfinished()) == ([], [])


def test_an_event_that_is_replayed_below_the_mark_is_unfinished_by_its_row(kept: Kept) -> None:
    kept.insert(1, state="dead")
    letter(kept, 1, seen=OLD)
    kept.run(LEDGER)
    kept.rows("UPDATE notification_processing SET processing_status = 'paused'")
    assert kept.unfinished() == [1]
    kept.run(LEDGER)
    assert (kept.ledger(), kept.unfinished()) == ([1], [1])


def test_pages_of_a_run_share_a_mark(kept: Kept) -> None:
    kept.insert_many(12_000)
    assert len(kept.pages(LEDGER)) > 3
    assert kept.ledger() == []
    [(marks,)] = kept.rows("SELECT count(*) FROM fanout.retention_marks")
    # One more if the hour ended meanwhile.
    assert marks <= 2


# An event of a ledger: how its id differs from the one before, its age in days, its state.
EVENT: Final = st.tuples(
    st.sampled_from([1, 2, 100, 10**12]),
    st.integers(0, 120),
    st.sampled_from([*FINAL, *FINAL, *FINAL, *UNFINISHED, None]),
    st.sampled_from(["", "", "open letter", "exempt", "told in pages", "late"]),
)


@settings(max_examples=60)
@given(events=st.lists(EVENT, max_size=25), days=st.integers(7, 100), paused=st.booleans())
def test_catch_up_finds_after_retention_exactly_what_it_found_before(
    shared: Kept, events: list[tuple[int, int, str | None, str]], days: int, *, paused: bool
) -> None:
    shared.rows(CLEAR)
    if paused:
        shared.rows("INSERT INTO fanout.switches (name, state) VALUES ('moon_rose', 'paused')")
    number, late = 0, []
    for step, age, state, special in events:
        number += step
        if special == "late":
            late.append((number, age % 7))
            continue
        shared.insert(number, state=state, age=age * DAY)
        if special == "open letter":
            letter(shared, number, seen=age * DAY)
        elif special == "exempt":
            exempt(shared, number, age * DAY)
        elif special == "told in pages":
            shared.rows(
                "UPDATE notification_processing SET told = ARRAY[NULL, %s]::uuid[],"
                " processing_status = 'processing', completed_at = NULL WHERE event_id = %s",
                U1, number,
            )  # fmt: skip
    before = shared.unfinished()
    rows = set(shared.ledger())
    shared.run(LEDGER, ledger_days=days)
    assert shared.unfinished() == before
    # They commit now, with ids that are lower than the mark.
    for event, age in late:
        shared.insert(event, state=None, age=age * DAY)
    now = sorted([*before, *(event for event, _ in late)])
    assert shared.unfinished() == now
    shared.run(LEDGER, ledger_days=7)
    shared.run(LEDGER, ledger_days=days)
    assert shared.unfinished() == now
    assert set(shared.ledger()) <= rows


WEAKENED: Final = (
    load("pipeline.steps", "move_mark")
    .replace(b"coalesce(ledger.is_final, false) AND NOT event.is_young AS may_pass",
             b"true AS may_pass")
)  # fmt: skip


def test_control_a_mark_that_passes_unfinished_events_is_caught_losing_one(kept: Kept) -> None:
    assert load("pipeline.steps", "move_mark") != WEAKENED
    kept.insert(1, 3)
    kept.insert(2, state=None)
    before = kept.unfinished()
    with psycopg.connect(kept.database.jobs_dsn, autocommit=True) as connection:
        connection.execute(
            WEAKENED,
            {
                "now": datetime.now(UTC), "days": 90, "after": None, "most": 10, "dry_run": False,
                "keep": False,
            },
        )  # fmt: skip
    assert before == [2]
    assert kept.unfinished() == []


# What others say of such an event


def test_a_message_that_comes_again_after_years_tells_nobody(stage: Stage) -> None:
    kept = Kept(stage.database)
    event = stage.emit(
        "document_uploaded", {}, age=timedelta(minutes=5), actor_id=U1, project_id=P1,
        resource_id=R1,
    )  # fmt: skip
    stage.deliver(event)
    told_before = stage.notifications()
    assert told_before
    stage.execute("UPDATE domain_events SET created_at = now() - interval '100 days'")
    stage.execute("UPDATE notification_processing SET completed_at = now() - interval '100 days'")
    kept.run(LEDGER)
    # Exempt from the age limit, it would be told again.
    exempt(kept, event, timedelta(0))
    stage.deliver(event)
    assert (stage.notifications(), stage.ledger()) == (told_before, {})
    stage.execute("DELETE FROM fanout.retention_marks")
    stage.execute("DELETE FROM notifications")
    stage.deliver(event)
    assert stage.ledger() == {event: "completed"}, "control: without the mark it is told again"
    assert stage.notifications()


def command(dsn: str, *arguments: str) -> str:
    with Program("pipeline", *arguments, environment=os.environ | {"DATABASE_URL": dsn}) as program:
        completed = program.completed(timeout=60)
    assert completed.returncode == 0, completed.stderr
    return completed.stdout


def test_why_says_that_its_row_was_deleted_and_a_replay_takes_it_for_complete(kept: Kept) -> None:
    kept.insert(7)
    kept.run(LEDGER)
    answer = command(kept.database.operator_dsn, "why", "--event", "7")
    assert "finished long ago: retention has deleted its ledger row" in answer
    assert "catch-up" not in answer
    for which in (["--event", "7"], ["--type", "moon_rose", "--missing"]):
        plan = command(kept.database.operator_dsn, "replay", *which)
        assert "moon_rose" not in plan or "complete" in plan, plan


def test_the_queue_does_not_count_it(kept: Kept) -> None:
    def waiting() -> Any:  # noqa: ANN401
        return kept.rows("SELECT waiting FROM fanout_queue WHERE queue = 'events'")

    kept.insert(1, 2, age=8 * DAY)
    kept.insert(3, state=None, age=timedelta(hours=1))
    before = waiting()
    assert kept.run(LEDGER, ledger_days=7).emitted == 2
    kept.insert(0, state=None, age=timedelta(hours=1))
    assert (before, waiting()) == ([(1,)], [(2,)])


def test_the_command_takes_the_periods_and_previews(kept: Kept) -> None:
    kept.insert(1)
    told(kept, 1, 40 * DAY)
    out = command(
        kept.database.jobs_dsn, "job", "retention", "--dry-run", "--set", "decisions_days=30"
    )
    first, *_, last = map(json.loads, out.splitlines())
    assert first == {
        "table": "notification_decisions", "days": 30, "would_delete": 1, "would_keep": 0,
    }  # fmt: skip
    assert (last["due"], last["emitted"]) == (2, 0)
    done = command(kept.database.jobs_dsn, "job", "retention", "--set", "decisions_days=30")
    assert json.loads(done.splitlines()[-1])["emitted"] == 2


def test_the_operations_guide_has_every_period() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    rows = re.findall(r"^\| `([\w. ]+)` \| (\d+) \| `(\w+)` \|", guide, re.MULTILINE)
    assert isinstance(REACTION_RETENTION.work, Retention)
    periods = (*WORK.periods, *REACTION_RETENTION.work.periods)
    assert rows == [(each.table, str(each.days), each.parameter) for each in periods]


# Batches, kills, races, locks


def test_a_run_goes_on_after_any_page(kept: Kept) -> None:
    def fill() -> None:
        kept.rows(CLEAR)
        kept.insert_many(3_000)
        for event in range(1, 5):
            told(kept, event, OLD)

    fill()
    whole = kept.pages()
    assert kept.ledger() == []
    for stop in range(1, len(whole)):
        fill()
        given_ = Input(now=datetime.now(UTC))
        run = run_retention(kept.settings, WORK, given_)
        done = [next(run) for _ in range(stop)]
        rest = kept.pages(after=done[-1].cursor)
        assert total([*done, *rest]).emitted == total(whole).emitted
        assert (kept.ledger(), kept.unfinished()) == ([], [])


def test_a_run_that_is_killed_goes_on_from_where_it_was(kept: Kept) -> None:
    kept.insert_many(20_000)
    run = run_retention(kept.settings, only(LEDGER), Input(now=datetime.now(UTC)))
    assert any(page.counts.emitted for page in run)
    before = kept.ledger()
    assert 0 < len(before) < 20_000
    with (
        kept.database.connect() as holder,
        Program(
            "tests.jobs.retaining",
            environment=os.environ | {"DATABASE_URL": kept.database.jobs_dsn},
        ) as program,
    ):
        # It is killed while the server works on its first batch, and never hears of the end.
        with holder.transaction():
            holder.execute(load("pipeline.steps", "lock_marks"))
            wait_until(lambda: sessions(kept, "Lock"), seconds=60, what="a batch is under way")
            program.kill()
            program.wait(timeout=60)
            assert kept.ledger() == before
        wait_until(lambda: not sessions(kept, "%"), seconds=60, what="the server ends the batch")
    left, mark = kept.ledger(), kept.mark()
    assert 0 < len(left) < len(before), "the server did the whole batch"
    assert mark == left[0] - 1, "nothing above the mark was deleted, nothing below it is left"
    assert kept.unfinished() == []
    assert kept.run(LEDGER).emitted == len(left)
    assert (kept.ledger(), kept.unfinished()) == ([], [])


def sessions(kept: Kept, wait: str) -> int:
    """How many sessions of the jobs are at work, and wait for something like this."""
    [(number,)] = kept.rows(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND usename = %s AND state = 'active' AND coalesce(wait_event_type, '') LIKE %s",
        psycopg.conninfo.conninfo_to_dict(kept.database.jobs_dsn)["user"],
        wait,
    )
    return int(number)


def test_two_runs_at_once_delete_each_row_once(kept: Kept) -> None:
    kept.insert_many(20_000)
    kept.insert(30_000, state=None)
    kept.rows(
        "INSERT INTO notification_decisions (event_id, user_id, channel, reason, created_at)"
        " SELECT id, gen_random_uuid(), 'email', 'muted', created_at FROM domain_events"
        " WHERE id < 2000"
    )
    with ThreadPoolExecutor(2) as pool:
        counts = [each.result() for each in [pool.submit(kept.run) for _ in range(2)]]
    assert sum(each.emitted for each in counts) == 20_000 + 1_999
    assert (kept.ledger(), kept.mark(), kept.unfinished()) == ([], 20_000, [30_000])


def test_the_stream_goes_on_beside_it_and_nothing_is_lost_or_told_twice(stage: Stage) -> None:
    kept = Kept(stage.database)
    kept.insert_many(20_000, first=-20_000)
    done = threading.Event()

    def retain() -> int:
        deleted = kept.run(LEDGER).emitted
        while not done.is_set():
            deleted += kept.run(LEDGER).emitted
        return deleted

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(retain)
        try:
            told_of = []
            for _ in range(5):
                event = stage.emit(
                    "document_uploaded", {}, actor_id=U1, project_id=P1, resource_id=R1
                )
                stage.deliver(event)
                # Old enough at once, and final: the next run may take it.
                stage.execute(
                    "WITH old AS (UPDATE notification_processing SET completed_at ="
                    " now() - interval '99 days' RETURNING event_id)"
                    " UPDATE domain_events SET created_at = now() - interval '99 days'"
                    " WHERE id IN (SELECT event_id FROM old)"
                )
                stage.deliver(event)
                told_of.append(event)
        finally:
            done.set()
        deleted = running.result(timeout=60)
    kept.run(LEDGER)
    assert deleted > 0
    assert kept.unfinished() == []
    people = [(row.event, row.user) for row in stage.notifications()]
    assert len(people) == len(set(people))
    assert {event for event, _ in people} == set(told_of)


def test_a_batch_looks_at_so_many_rows_at_most(kept: Kept) -> None:
    kept.insert_many(30_000)
    assert max(page.counts.scanned for page in kept.pages()) <= 5_000


def test_many_rows_that_stay_end_a_table_whose_oldest_come_first(kept: Kept) -> None:
    kept.insert_many(1)
    kept.rows(
        "INSERT INTO notification_decisions (event_id, user_id, channel, reason, created_at)"
        " SELECT 1, gen_random_uuid(), 'in_app', 'muted', now()"
        " FROM generate_series(1, 120000)"
    )
    scanned = kept.run("notification_decisions").scanned
    assert 100_000 <= scanned <= 105_000


# Dry run and rights


def test_a_dry_run_counts_per_table_and_changes_nothing(stage: Stage) -> None:
    kept = Kept(stage.database)
    kept.insert_many(7_000)
    kept.insert(7_001, state=None)
    told(kept, 1, OLD)
    letter(kept, 2, seen=OLD, resolved=OLD)
    exempt(kept, 3, OLD)
    job_run(kept, "sweep", 120 * DAY)
    job_run(kept, "sweep", 100 * DAY)
    before = kept.everything()
    pages = kept.pages(dry_run=True)
    assert kept.everything() == before
    shown = {each["table"]: each for page in pages for each in page.preview}
    assert list(shown) == [period.table for period in WORK.periods]
    going = {table: each["would_delete"] for table, each in shown.items()}
    assert {table: rows for table, rows in going.items() if rows} == {
        "notification_decisions": 1, "event_dead_letters": 1, "fanout.age_exemptions": 1,
        LEDGER: 7_000, "fanout.attempts": 2, "fanout.job_runs": 1,
    }  # fmt: skip
    assert shown[LEDGER]["held_by_event"] == 7_001
    assert total(pages).emitted == 0
    assert kept.run().emitted == total(pages).due


def test_no_table_of_the_application_loses_a_row(stage: Stage) -> None:
    kept = Kept(stage.database)
    kept.insert_many(100)
    before = kept.everything()
    assert kept.run().emitted == 100
    after = kept.everything()
    changed = {table for table in before if before[table] != after[table]}
    assert changed == {"public.notification_processing", "fanout.retention_marks"}


@pytest.mark.parametrize(
    "table", ["domain_events", "notifications", "pending_emails", "profiles", "meetings"]
)
def test_the_role_may_delete_nothing_of_the_application(kept: Kept, table: str) -> None:
    with (
        psycopg.connect(kept.database.jobs_dsn, autocommit=True) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(f"DELETE FROM public.{table}".encode())  # noqa: S608


def test_only_narrows_the_work() -> None:
    assert [each.table for each in only(LEDGER).periods] == [LEDGER]
