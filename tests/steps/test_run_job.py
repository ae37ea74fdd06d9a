"""Runs of jobs: one for late ticks, never two at once, page by page, tried again, dead."""

import os
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Final

import pytest

from pipeline.domain.errors import ConfigurationError, PermanentError, TransientError
from pipeline.domain.lease import WorkState
from pipeline.jobs.job import Counts
from pipeline.jobs.tick import Tick, tick_of
from pipeline.steps.job_runs import jobs_to_do
from pipeline.steps.run_job import JobIsBusy, RunEnded
from tests.programs import Program
from tests.steps.runs import JOB, NOON, Floors, Ledger, run_tick

FIVE: Final = timedelta(minutes=5)
TICK: Final = tick_of(JOB, NOON)
NEXT: Final = tick_of(JOB, NOON + FIVE)
ALL: Final = Counts(scanned=30, due=6, emitted=3, skipped=3)


def failing(error: Exception, page: int = 2) -> Callable[[int], None]:
    def before(number: int) -> None:
        if number == page:
            raise error

    return before


def pause(ledger: Ledger) -> None:
    ledger.rows("INSERT INTO fanout.switches (name, state) VALUES (%s, 'paused')", JOB.name)


def resume(ledger: Ledger) -> None:
    ledger.rows("DELETE FROM fanout.switches")


@pytest.mark.parametrize("late", [0, 1, 299])
def test_the_instant_of_a_tick_is_the_last_one_at_or_before_it(late: int) -> None:
    assert tick_of(JOB, NOON + timedelta(seconds=late)) == Tick(job="sweep", scheduled_for=NOON)


def test_an_instant_that_is_given_is_taken() -> None:
    given = NOON - timedelta(days=1, seconds=7)
    assert tick_of(JOB, NOON, given).scheduled_for == given


def test_a_tick_becomes_a_run_that_is_done_page_by_page(ledger: Ledger) -> None:
    work = Floors()
    [ended] = run_tick(ledger.runner(work), JOB, TICK)
    assert (ended.state, ended.run.counts, work.done) == (WorkState.DONE, ALL, [1, 2, 3])
    assert [(each.now, each.after, each.dry_run) for each in work.given] == [(NOON, None, False)]
    columns = "state, requested_by, scanned, due, emitted, skipped, failed, attempts, cursor"
    assert ledger.rows(f"SELECT {columns} FROM fanout.job_runs") == [  # noqa: S608
        ("done", "tick", 30, 6, 3, 3, 0, 1, "2")
    ]
    assert ledger.attempts() == [(1, "done", None, None)]


def test_a_tick_that_is_delivered_again_runs_nothing(ledger: Ledger) -> None:
    work = Floors()
    run_tick(ledger.runner(work), JOB, TICK)
    assert run_tick(ledger.runner(work), JOB, TICK) == []
    assert (len(work.given), ledger.states()) == (1, ["done"])


def test_ticks_that_come_late_are_one_run_of_the_last_of_them(ledger: Ledger) -> None:
    work = Floors()
    pause(ledger)
    for late in range(3):
        assert run_tick(ledger.runner(work), JOB, tick_of(JOB, NOON + late * FIVE)) == []
    resume(ledger)
    [ended] = ledger.runner(work).run_due(JOB)
    assert ended.run.scheduled_for == NOON + 2 * FIVE
    assert ledger.states() == ["cancelled", "cancelled", "done"]
    [reasons] = ledger.rows(
        "SELECT DISTINCT reason, attempts FROM fanout.job_runs WHERE state = 'cancelled'"
    )
    assert reasons == ("a later tick does its work", 0)


def test_a_tick_that_is_overtaken_by_a_later_one_runs_nothing(ledger: Ledger) -> None:
    work = Floors()
    run_tick(ledger.runner(work), JOB, NEXT)
    assert run_tick(ledger.runner(work), JOB, TICK) == []
    assert (len(work.given), ledger.states()) == (1, ["cancelled", "done"])


def test_a_job_never_overlaps_itself_and_what_came_meanwhile_runs_afterwards(
    ledger: Ledger,
) -> None:
    meanwhile: list[list[RunEnded]] = []

    def tick_again(number: int) -> None:
        if number == 2 and not meanwhile:
            meanwhile.append(run_tick(ledger.runner(Floors()), JOB, NEXT))
            assert ledger.states() == ["leased", "pending"]

    ended = run_tick(ledger.runner(Floors(before=tick_again)), JOB, TICK)
    assert meanwhile == [[]]
    assert [each.run.scheduled_for for each in ended] == [NOON, NOON + FIVE]
    assert ledger.states() == ["done", "done"]


def test_another_job_does_not_wait(ledger: Ledger) -> None:
    others: list[RunEnded] = []

    def tick_other(number: int) -> None:
        if number == 2 and not others:
            ledger.rows("UPDATE fanout.job_runs SET job = 'other'")
            others.extend(run_tick(ledger.runner(Floors()), JOB, NEXT))

    run_tick(ledger.runner(Floors(before=tick_other)), JOB, TICK)
    assert [each.state for each in others] == [WorkState.DONE]


def test_a_killed_run_goes_on_where_it_was_when_its_lease_has_ended(ledger: Ledger) -> None:
    environment = os.environ | {"DATABASE_URL": ledger.settings.dsn}
    with Program("tests.steps.killed", environment=environment) as worker:
        assert worker.stdout is not None
        assert str(worker.stdout.readline()).strip() == "two pages are done"
        worker.kill()
        worker.wait(timeout=30)
    work = Floors()
    assert list(ledger.runner(work).run_due(JOB)) == []
    ledger.pass_time()
    assert jobs_to_do(ledger.settings) == ["sweep"]
    [ended] = ledger.runner(work).run_due(JOB)
    assert (work.given[0].after, work.done, ended.run.counts) == ("2", [3], ALL)
    assert [attempt[:2] for attempt in ledger.attempts()] == [(1, "lost"), (2, "done")]


def test_who_was_given_up_stops_at_the_next_page_and_leaves_the_run_to_the_other(
    ledger: Ledger,
) -> None:
    other = Floors()

    def take_over(number: int) -> None:
        if number == 2:
            ledger.pass_time()
            list(ledger.runner(other).run_due(JOB))

    work = Floors(before=take_over)
    assert run_tick(ledger.runner(work), JOB, TICK) == []
    assert (work.done, other.done) == ([1, 2], [2, 3])
    assert ledger.states() == ["done"]
    assert [attempt[:2] for attempt in ledger.attempts()] == [(1, "lost"), (2, "done")]


def test_a_run_that_fails_is_tried_again_later_and_later_and_then_is_a_dead_letter(
    ledger: Ledger,
) -> None:
    work = Floors(before=failing(PermanentError("the lift is out of order")))
    run_tick(ledger.runner(work), JOB, TICK)
    for seconds in (60, 120, 240):
        assert ledger.states() == ["waiting"]
        [(pause_,)] = ledger.rows(
            "SELECT extract(epoch FROM next_attempt_at - last)::float8 FROM fanout.job_runs,"
            " (SELECT max(finished_at) FROM fanout.attempts) AS attempt (last)"
        )
        assert pause_ == seconds
        assert list(ledger.runner(work).run_due(JOB)) == []
        ledger.pass_time()
        list(ledger.runner(work).run_due(JOB))
    assert ledger.states() == ["dead"]
    # Pages that are done are not done again.
    assert work.done == [1]
    assert [each.after for each in work.given] == [None, "1", "1", "1"]
    reason = ("PermanentError", "the lift is out of order")
    assert ledger.attempts() == [
        *((number, "failed", *reason) for number in (1, 2, 3)),
        (4, "dead", *reason),
    ]
    columns = "letter_key, event_id, event_type, stage, error_class, message"
    assert ledger.rows(f"SELECT {columns} FROM event_dead_letters") == [  # noqa: S608
        ("job_runs:sweep@2026-03-02T12:00:00Z", None, "sweep", "run_job", *reason)
    ]
    ledger.pass_time()
    assert list(ledger.runner(work).run_due(JOB)) == []


def test_what_makes_it_wait_never_makes_it_dead(ledger: Ledger) -> None:
    work = Floors(before=failing(TransientError("the database is away")))
    run_tick(ledger.runner(work), JOB, TICK)
    for _ in range(5):
        ledger.pass_time()
        list(ledger.runner(work).run_due(JOB))
    assert ledger.states() == ["waiting"]
    assert {result for _, result, *_ in ledger.attempts()} == {"given back"}
    assert ledger.rows("SELECT FROM event_dead_letters") == []
    # It continues as before.
    ledger.pass_time()
    [ended] = ledger.runner(Floors()).run_due(JOB)
    assert (ended.state, ended.run.counts) == (WorkState.DONE, ALL)


def test_one_that_waits_is_given_up_once_a_later_one_is_done(ledger: Ledger) -> None:
    run_tick(ledger.runner(Floors(before=failing(ConfigurationError("no key")))), JOB, TICK)
    [ended] = run_tick(ledger.runner(Floors()), JOB, NEXT)
    assert ended.run.scheduled_for == NOON + FIVE
    ledger.pass_time()
    assert list(ledger.runner(Floors()).run_due(JOB)) == []
    assert ledger.states() == ["cancelled", "done"]


def test_no_value_is_in_what_is_kept_of_an_error_that_is_not_ours(ledger: Ledger) -> None:
    work = Floors(before=failing(ValueError("ann@example.test")))
    run_tick(ledger.runner(work), JOB, TICK)
    [(_, _, name, reason)] = ledger.attempts()
    assert name == "ValueError"
    assert re.fullmatch(r"the job raised ValueError at test_run_job\.py:\d+", reason)


def test_a_letter_that_cannot_be_written_leaves_the_run_to_be_tried_again(ledger: Ledger) -> None:
    work = Floors(before=failing(PermanentError("no")))
    run_tick(ledger.runner(work), JOB, TICK)
    ledger.rows("UPDATE fanout.job_runs SET failures = 3")
    ledger.rows("ALTER TABLE event_dead_letters RENAME TO elsewhere")
    ledger.pass_time()
    with pytest.raises(ConfigurationError, match="event_dead_letters"):
        list(ledger.runner(work).run_due(JOB))
    assert ledger.states() == ["leased"]
    ledger.rows("ALTER TABLE elsewhere RENAME TO event_dead_letters")
    ledger.pass_time()
    list(ledger.runner(work).run_due(JOB))
    assert ledger.states() == ["dead"]
    assert len(ledger.rows("SELECT FROM event_dead_letters")) == 1


def test_a_paused_job_runs_nothing_and_goes_on_when_it_is_resumed(ledger: Ledger) -> None:
    work = Floors()
    pause(ledger)
    assert run_tick(ledger.runner(work), JOB, TICK) == []
    assert (ledger.states(), jobs_to_do(ledger.settings)) == (["paused"], [])
    with pytest.raises(JobIsBusy, match="sweep is paused: python -m pipeline resume sweep"):
        ledger.runner(work).run_by_hand(JOB, now=None, changed={})
    resume(ledger)
    assert jobs_to_do(ledger.settings) == ["sweep"]
    [ended] = ledger.runner(work).run_due(JOB)
    assert ended.run.scheduled_for == NOON
    assert jobs_to_do(ledger.settings) == []


def test_a_run_by_hand_has_its_own_time_and_parameters_and_is_not_a_tick(ledger: Ledger) -> None:
    work = Floors()
    for _ in range(2):
        ended = ledger.runner(work).run_by_hand(JOB, now=NOON, changed={"floors": 2})
        assert (ended.state, ended.run.as_of, ended.run.counts) == (WorkState.DONE, NOON, ALL)
    assert [(each.now, each.changed) for each in work.given] == [(NOON, {"floors": 2})] * 2
    # Nor does it take a tick's place.
    [tick] = run_tick(ledger.runner(work), JOB, TICK)
    assert tick.state is WorkState.DONE
    assert ledger.states() == ["done"] * 3


def test_a_run_by_hand_that_fails_is_not_tried_again_and_makes_no_letter(ledger: Ledger) -> None:
    error = PermanentError("the lift is out of order")
    ended = ledger.runner(Floors(before=failing(error))).run_by_hand(JOB, now=None, changed={})
    assert (ended.state, ended.error) == (WorkState.DEAD, error)
    assert ledger.states() == ["dead"]
    assert ledger.rows("SELECT FROM event_dead_letters") == []


def test_a_run_by_hand_does_not_run_beside_another(ledger: Ledger) -> None:
    def by_hand(number: int) -> None:
        if number == 2:
            with pytest.raises(JobIsBusy, match="sweep is running: wait for its end"):
                ledger.runner(Floors()).run_by_hand(JOB, now=None, changed={})

    [ended] = run_tick(ledger.runner(Floors(before=by_hand)), JOB, TICK)
    assert ended.state is WorkState.DONE
    assert ledger.states() == ["done", "cancelled"]


def test_a_run_by_hand_that_is_stopped_is_cancelled(ledger: Ledger) -> None:
    def stop(number: int) -> None:
        if number == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ledger.runner(Floors(before=stop)).run_by_hand(JOB, now=None, changed={})
    assert ledger.states() == ["cancelled"]
    assert ledger.attempts() == [(1, "cancelled", None, "stopped by hand")]


def test_a_preview_writes_nothing_anywhere(ledger: Ledger) -> None:
    work = Floors()
    pages = list(ledger.runner(work).preview(JOB, now=NOON, changed={"floors": 2}))
    assert [each for page in pages for each in page.preview] == [
        {"floor": 1}, {"floor": 2}, {"floor": 3},
    ]  # fmt: skip
    assert work.given[0].dry_run
    assert ledger.states() == []
