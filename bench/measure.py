"""The measurements, each with its baseline."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from google.pubsub_v1.types import PubsubMessage

from bench.baselines import poll_one_by_one, write_raw
from bench.installation import Installation
from bench.machine import median
from local import topics

CATCH_UP_EVENTS: Final = 20_000
STREAM_EVENTS: Final = 20_000
POLLED_EVENTS: Final = 300
STEADY_RATE: Final = 200
STEADY_SECONDS: Final = 15
SINGLE_EVENTS: Final = 200
RUNS: Final = 3
TIMEOUT_SECONDS: Final = 180.0


@dataclass(frozen=True, slots=True)
class Throughput:
    """Events a second: the median of several runs, and every run."""

    runs: Sequence[float]

    @property
    def median(self) -> float:
        """The median run."""
        return median(list(self.runs))


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds between two moments, for each event."""

    samples: Sequence[float] = field(repr=False)

    def percentile(self, share: float) -> float:
        """Return the time that this share of the events did not exceed."""
        ordered = sorted(self.samples)
        return ordered[min(len(ordered) - 1, round(share * len(ordered)))]


def measure_catch_up(bench: Installation) -> tuple[Throughput, Throughput]:
    """Measure bounded runs, each followed by a raw write of its rows; events a second."""
    ours, raw = [], []
    for _ in range(RUNS):
        events = bench.world.insert_events(CATCH_UP_EVENTS)
        ours.append(CATCH_UP_EVENTS / bench.catch_up()["seconds"])
        bench.world.check(CATCH_UP_EVENTS)
        raw.append(CATCH_UP_EVENTS / write_raw(bench.world, events))
        bench.world.forget()
    return Throughput(ours), Throughput(raw)


def measure_polling(bench: Installation) -> Throughput:
    """Measure polling one event at a time, in the replaced system's style; events a second."""
    runs = []
    for _ in range(RUNS):
        events = bench.world.insert_events(POLLED_EVENTS)
        runs.append(POLLED_EVENTS / poll_one_by_one(bench.world, events))
        bench.world.forget()
    return Throughput(runs)


def measure_stream(bench: Installation) -> tuple[Throughput, Latency]:
    """Measure the one-machine stream, fed like change data capture: at its limit, then steadily."""
    with bench.stream():
        warm_up(bench)
        runs = [burst(bench) for _ in range(RUNS)]
        return Throughput(runs), steady(bench)


def warm_up(bench: Installation) -> None:
    """Let a new stream process some events."""
    publish(bench, bench.world.insert_events(100))
    wait_until_done(bench, 100, since=0)
    bench.world.forget()


def burst(bench: Installation) -> float:
    """Send ``STREAM_EVENTS`` at once through a running stream; return events a second."""
    events = bench.world.insert_events(STREAM_EVENTS)
    started = time.perf_counter()
    publish(bench, events)
    wait_until_done(bench, STREAM_EVENTS, since=events[0] - 1)
    seconds = time.perf_counter() - started
    bench.world.check(STREAM_EVENTS)
    bench.world.forget()
    return STREAM_EVENTS / seconds


def steady(bench: Installation, seconds: int = STEADY_SECONDS) -> Latency:
    """Publish at ``STEADY_RATE``; measure from just before the publish to the row's time stamp."""
    number = STEADY_RATE * seconds
    events = bench.world.insert_events(number)
    published: dict[int, float] = {}
    start = time.perf_counter()
    for position, event in enumerate(events):
        due = start + position / STEADY_RATE
        time.sleep(max(0.0, due - time.perf_counter()))
        published[event] = time.time()
        publish(bench, [event])
    wait_until_done(bench, number, since=events[0] - 1)
    rows = bench.world.connection.execute(
        "SELECT event_id, extract(epoch FROM completed_at)::float8 FROM notification_processing"
    )
    samples = [(written - published[event]) * 1000 for event, written in rows]
    bench.world.forget()
    return Latency(samples)


def measure_end_to_end(bench: Installation) -> Latency:
    """Measure single events, one every 50 ms, from commit in domain_events to their rows."""
    with bench.stream():
        first = bench.world.insert_events(20)
        wait_until_done(bench, len(first), since=0)
        since = first[-1]
        for _ in range(SINGLE_EVENTS):
            bench.world.insert_events(1)
            time.sleep(0.05)
        wait_until_done(bench, SINGLE_EVENTS, since=since)
    rows = bench.world.connection.execute(
        "SELECT extract(epoch FROM completed_at - event_created_at)::float8 * 1000"
        " FROM notification_processing WHERE event_id > %s",
        [since],
    )
    samples = [row[0] for row in rows]
    bench.world.forget()
    return Latency(samples)


def publish(bench: Installation, events: Sequence[int]) -> None:
    """Send the wake-ups of events with ids in a row, as change data capture would."""
    rows = bench.world.connection.execute(
        "SELECT id, event_type, convert_to(jsonb_build_object('type', event_type,"
        " 'actor_id', actor_id, 'project_id', project_id, 'resource_id', resource_id,"
        " 'thread_id', thread_id, 'created_at', created_at, 'payload', payload::text)::text,"
        " 'UTF8') FROM domain_events WHERE id BETWEEN %s AND %s",
        [events[0], events[-1]],
    ).fetchall()
    messages = [
        PubsubMessage(data=data, attributes={"id": str(event), "event_type": event_type})
        for event, event_type, data in rows
    ]
    for position in range(0, len(messages), 1000):
        bench.publisher.publish(
            topic=topics.topic_path(topics.EVENTS), messages=messages[position : position + 1000]
        )


def wait_until_done(bench: Installation, number: int, *, since: int) -> None:
    """Wait until that many events above an id have a ledger row."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while bench.world.done(since) < number:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{number} events were not processed within {TIMEOUT_SECONDS:.0f} s")
        time.sleep(0.05)
