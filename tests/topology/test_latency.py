"""What delays an event: only what it needs itself. These tests measure times, so they run alone."""

import time
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import psycopg

from pipeline.domain.identifiers import EventId
from pipeline.domain.message import message_for
from pipeline.sources.waiting_room import BACKOFF
from tests.deadline import wait_until
from tests.golden.stage import Stage
from tests.golden.world import P1, R1, T1, T2, U1
from tests.streams import Broker, Stream
from tests.topology.uploads import completed, upload, wait_for, wait_for_letters

FED_A_SECOND = 50
FED_SECONDS = 4
FED = FED_A_SECOND * FED_SECONDS


def feed(stage: Stage, events: Broker, *, deleted: bool) -> list[int]:
    """Insert and announce an event fifty times a second, and one more that is deleted at once.

    Returns:
        The events that still exist.
    """
    kept = []
    started = time.monotonic()
    with stage.database.connect() as connection:
        for number in range(FED):
            time.sleep(max(0.0, started + number / FED_A_SECOND - time.monotonic()))
            sent = []
            if deleted and number % FED_A_SECOND == 0:
                (gone,) = connection.execute(
                    "INSERT INTO domain_events (event_type) VALUES ('document_uploaded')"
                    " RETURNING id"
                ).fetchall()[0]
                connection.execute("DELETE FROM domain_events WHERE id = %s", [gone])
                sent.append(message_for(EventId(gone)))
            (event,) = connection.execute(
                "INSERT INTO domain_events (event_type, actor_id, project_id, resource_id)"
                " VALUES ('document_uploaded', %s, %s, %s) RETURNING id",
                [U1, P1, R1],
            ).fetchall()[0]
            kept.append(event)
            events.publish([*sent, message_for(EventId(event))])
    return kept


def median_latency(stage: Stage, events: Broker, *, deleted: bool) -> float:
    """Return the median seconds from an event's commit to its rows, for the events that are fed."""
    first = upload(stage)
    events.publish(stage.messages(first))
    wait_for(stage, {first})
    fed = feed(stage, events, deleted=deleted)
    wait_for(stage, set(fed))
    ((median,),) = stage.rows(
        "SELECT percentile_cont(0.5) WITHIN GROUP ("
        " ORDER BY extract(epoch FROM completed_at - event_created_at))"
        " FROM notification_processing WHERE event_id = ANY(%s)",
        fed,
    )
    return float(median)


def test_events_deleted_after_they_were_announced_hold_up_nobody(
    stage: Stage, events: Broker, stream: Stream, tmp_path: Path
) -> None:
    with stream:
        without = median_latency(stage, events, deleted=False)
        beside = median_latency(stage, events, deleted=True)
        wait_for_letters(stage, FED_SECONDS)
    assert stage.rows("SELECT DISTINCT error_class FROM event_dead_letters") == [("UnknownEvent",)]
    assert beside < 5 * without, (beside, without)
    # The control: a pipeline that waits for a missing row delays the other events of the bundle.
    weakened = "tests.topology.waiting_in_the_bundle"
    with Stream(events, stage.database.writer_dsn, tmp_path / "weakened", module=weakened):
        held_up = median_latency(stage, events, deleted=True)
    assert held_up > 5 * beside, (held_up, beside)


LOCKED_SECONDS = 6
LOCK_COUNTER = "SELECT id FROM notifications WHERE kind = 'thread_activity' FOR UPDATE"


@dataclass(frozen=True, slots=True)
class BesideLock:
    """The results while the application locked a counter row.

    Attributes:
        p99: seconds until an event that needs no locked row is done.
        after: seconds from the end of the lock until the event that needs it is done.
    """

    p99: float
    after: float


def send(stage: Stage, thread: UUID) -> int:
    return stage.emit("chat_message_sent", {}, actor_id=U1, project_id=P1, thread_id=thread)


def lock_a_counter(stage: Stage, events: Broker) -> BesideLock:
    """Hold a counter row while fifty events a second arrive, and one that needs the row."""
    first = send(stage, T1)
    events.publish(stage.messages(first))
    wait_for(stage, {first})
    sent: dict[int, float] = {}
    seen: dict[int, float] = {}

    def look() -> bool:
        # The ledger's times would be too early: the wait is inside the statement.
        seen.update(dict.fromkeys(completed(stage) & sent.keys() - seen.keys(), time.monotonic()))
        return len(seen) == len(sent)

    with psycopg.connect(stage.database.dsn) as application:
        assert application.execute(LOCK_COUNTER.encode()).fetchall()
        concerned = send(stage, T1)
        started = sent[concerned] = time.monotonic()
        events.publish([message_for(EventId(concerned))])
        for number in range(FED_A_SECOND * LOCKED_SECONDS):
            time.sleep(max(0.0, started + number / FED_A_SECOND - time.monotonic()))
            event = send(stage, T2) if number % 2 else upload(stage)
            sent[event] = time.monotonic()
            events.publish([message_for(EventId(event))])
            look()
        assert concerned not in seen
        application.rollback()
    released = time.monotonic()
    wait_until(look, seconds=40, what="all are done")
    took = sorted(seen[event] - sent[event] for event in sent if event != concerned)
    return BesideLock(took[len(took) * 99 // 100], seen[concerned] - released)


def test_a_row_that_the_application_has_locked_holds_up_only_the_event_that_needs_it(
    stage: Stage, events: Broker, stream: Stream, tmp_path: Path
) -> None:
    with stream:
        beside = lock_a_counter(stage, events)
        assert stream.stop() == 0
    assert stage.rows(
        "SELECT DISTINCT payload -> 'count' FROM notifications WHERE counter_thread_id = %s", T1
    ) == [(2,)]
    assert stage.rows("SELECT count(*) FROM event_dead_letters") == [(0,)]
    assert "restarting in" not in stream.log
    assert "trying again" not in stream.log
    assert beside.after < BACKOFF.longest + 5, beside
    # The control: a pipeline that waits for the lock delays the other events of the bundle.
    weakened = "tests.topology.waiting_for_the_lock"
    with Stream(events, stage.database.writer_dsn, tmp_path / "weakened", module=weakened):
        held_up = lock_a_counter(stage, events)
    assert held_up.p99 > LOCKED_SECONDS / 2, (held_up, beside)
    assert beside.p99 < held_up.p99 / 3, (held_up, beside)
