"""Checks of the pipeline: that it processes events, and that no other program does."""

from typing import Final

from pipeline.clients.postgres.sql import load
from pipeline.domain.units import counted_waiting, duration
from pipeline.ops.doctor.check import Check, Finding, failed, ok, warning
from pipeline.ops.doctor.installation import Installation
from pipeline.ops.status.figures import OtherProgram, Pipeline
from pipeline.ops.status.read import OTHER_PROGRAM, PIPELINE

# A healthy stream needs milliseconds. catch-up --every 60s needs a minute more.
LATE_SECONDS: Final = 120
DEAD_SECONDS: Final = 300
# How long another program counts as alive after its last row.
ALIVE_SECONDS: Final = 3_600
_LAST_OF_OURS: Final = load("pipeline.ops.doctor", "last_of_ours")
_CATCH_UP: Final = "python -m pipeline catch-up"


def judge_pipeline(seen: Pipeline) -> Finding:
    """Judge whether events wait too long, and say why they do."""
    done = _last_done(seen)
    oldest = seen.oldest_seconds
    if oldest is None or oldest < LATE_SECONDS:
        waiting = counted_waiting(seen.waiting, "event") if seen.waiting else "no event waits"
        return ok(f"{waiting}; {done}")
    words = f"{counted_waiting(seen.waiting, 'event')}, the oldest for {duration(oldest)}"
    judge = failed if oldest >= DEAD_SECONDS else warning
    if seen.passed_over:
        passed = f"{seen.passed_over:,} passed over: younger events are finished"
        return judge(f"{words}; {passed}", f"{_CATCH_UP}, harmless if Pub/Sub still delivers them")
    if not seen.versions:
        return judge(
            f"{words}; no pipeline is connected, {done}",
            f"start it: python -m pipeline run; until then: {_CATCH_UP}",
        )
    connected = f"version {', '.join(seen.versions)} is connected, {done}"
    return judge(
        f"{words}; {connected}",
        "if slot or heartbeat is ✗, fix that first; else see the pipeline's log, and in"
        f" pg_stat_activity what it waits for; until then: {_CATCH_UP}",
    )


def judge_other(other: OtherProgram | None, *, is_alone: bool) -> Finding:
    """Judge whether another program processes the same events, so that people are told twice."""
    if other is None or other.seconds > ALIVE_SECONDS:
        return ok("no other program works on these events")
    last = f"{other.name} worked on events {duration(other.seconds)} ago"
    if is_alone:
        return warning(f"{last}; this pipeline has not", "follow docs/changing-over.md")
    return failed(
        f"{last}, and so does this pipeline: people are told twice, messages are counted twice",
        "stop it, as docs/changing-over.md says",
    )


def _last_done(seen: Pipeline) -> str:
    if seen.done_seconds is None:
        return "no event was finished lately"
    return f"the last event was finished {duration(seen.done_seconds)} ago"


def _pipeline(installation: Installation) -> Finding:
    [row] = installation.rows(PIPELINE)
    return judge_pipeline(Pipeline(**row._asdict()))


def _other(installation: Installation) -> Finding:
    rows = installation.rows(OTHER_PROGRAM)
    other = OtherProgram(**rows[0]._asdict()) if rows else None
    [ours] = installation.rows(_LAST_OF_OURS)
    return judge_other(other, is_alone=ours.seconds is None or ours.seconds > ALIVE_SECONDS)


CHECKS: Final = (
    Check("pipeline", "notification_processing and pg_stat_activity", _pipeline, needs_fanout=True),
    Check("other program", "notification_processing.processor_id", _other, needs_fanout=True),
)
