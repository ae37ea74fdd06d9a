"""A pass of catch-up finds every unfinished event, with any ids."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Final

import apache_beam as beam
import psycopg
import pytest
from apache_beam.testing.util import assert_that, equal_to

from pipeline.clients.postgres.pool import close_pools
from pipeline.clients.postgres.sql import load
from pipeline.domain.identifiers import EventType
from pipeline.domain.wake_up import WakeUp
from pipeline.settings import DatabaseSettings
from pipeline.sources.read_unfinished import ReadUnfinished
from pipeline.sources.unfinished import (
    BATCH_SIZE,
    RANGE_SIZE,
    IdRange,
    Selection,
    count_unfinished,
    read_ranges,
    read_unfinished,
)
from tests.databases import Database
from tests.transforms.graphs import new_pipeline

LARGEST: Final = 2**63 - 1
LOWEST: Final = -(2**63)
EVERYTHING: Final = Selection()
FINAL: Final = ("completed", "expired", "unrouted", "dead")


@dataclass(frozen=True, slots=True)
class Events:
    """The events of a database, and the passes over them with the role of the pipeline."""

    database: Database
    settings: DatabaseSettings

    def insert(self, *ids: int, created_at: str | None = "2026-03-02 12:00+00") -> None:
        """Insert events with these ids."""
        self.execute(
            "INSERT INTO domain_events (id, event_type, created_at)"
            " SELECT id, 'moon_rose', %s FROM unnest(%s::bigint[]) AS given (id)",
            created_at,
            list(ids),
        )

    def insert_many(self, number: int, *, every: int = 1, after: int = 0) -> None:
        """Insert a number of events with a fixed gap between their ids."""
        self.execute(
            "INSERT INTO domain_events (id, event_type)"
            " SELECT %s::bigint + number * %s, 'moon_rose' FROM generate_series(1, %s) AS number",
            after,
            every,
            number,
        )

    def execute(self, statement: str, *parameters: object) -> None:
        with self.database.asking() as connection:
            connection.execute(statement.encode(), parameters or None)

    def batches(self, selection: Selection = EVERYTHING) -> list[list[WakeUp]]:
        """Return the batches that a pass reads."""
        return list(read_unfinished(self.settings, selection))

    def found(self, **selection: Any) -> Sequence[int | None]:  # noqa: ANN401 - each field has its type
        """Return the ids that a pass reads, in order. Asserts that it counts as many."""
        chosen = Selection(**selection)
        ids = [each.event_id for batch in self.batches(chosen) for each in batch]
        assert count_unfinished(self.settings, chosen) == len(ids)
        return ids


@pytest.fixture
def events(database: Database) -> Iterator[Events]:
    """A database without events, in which an event may have no time."""
    made = Events(database, DatabaseSettings(dsn=database.writer_dsn))
    made.execute("ALTER TABLE domain_events ALTER created_at DROP NOT NULL")
    yield made
    close_pools()


def check(ranges: Sequence[IdRange], lowest: int, highest: int) -> None:
    """Assert that the ranges cover the lowest to the highest id without a gap."""
    assert all(one.after < one.last for one in ranges)
    assert all(one.last == following.after for one, following in pairwise(ranges))
    assert ranges[0].after < lowest
    assert ranges[-1].last == highest


def test_without_events_there_is_nothing_to_read(events: Events) -> None:
    assert list(read_ranges(events.settings)) == []
    assert events.found() == []


@pytest.mark.parametrize("event_id", [1, -1, 0, 10**10, LARGEST, LOWEST + 1])
def test_an_event_is_found_whatever_its_id(events: Events, event_id: int) -> None:
    events.insert(event_id)
    assert events.found() == [event_id]


def test_the_lowest_id_of_all_is_found(events: Events) -> None:
    events.insert(LOWEST, LOWEST + 1, 7)
    assert events.found() == [LOWEST, LOWEST + 1, 7]


def test_gaps_of_any_size_are_one_step(events: Events) -> None:
    ids = [LOWEST + 1, -(10**10), -1, 1, 2, 10**10, 10**18, LARGEST - 1, LARGEST]
    events.insert(*ids)
    (whole,) = read_ranges(events.settings)
    check([whole], ids[0], ids[-1])
    assert events.found() == ids


def test_a_range_has_so_many_rows_whatever_the_gaps_between_their_ids(events: Events) -> None:
    number = 2 * RANGE_SIZE + 10
    events.insert_many(number, every=10**12, after=-(10**16))
    ranges = list(read_ranges(events.settings))
    check(ranges, -(10**16) + 10**12, -(10**16) + number * 10**12)
    assert [(one.last - one.after) // 10**12 for one in ranges[1:]] == [RANGE_SIZE, 10]
    batches = events.batches()
    found = [each.event_id or 0 for batch in batches for each in batch]
    assert found == [-(10**16) + place * 10**12 for place in range(1, number + 1)]
    assert max(map(len, batches)) == BATCH_SIZE
    assert len(batches) == 2 * RANGE_SIZE // BATCH_SIZE + 1


def test_a_full_last_range_is_followed_by_none(events: Events) -> None:
    events.insert_many(RANGE_SIZE)
    assert list(read_ranges(events.settings)) == [IdRange(0, RANGE_SIZE)]


def test_a_range_of_finished_events_does_not_end_the_pass(events: Events) -> None:
    events.insert_many(RANGE_SIZE + 1)
    events.execute(
        "INSERT INTO notification_processing (event_id, processing_status)"
        " SELECT id, 'completed' FROM domain_events WHERE id <= %s",
        RANGE_SIZE,
    )
    assert events.found() == [RANGE_SIZE + 1]


def test_events_that_arrive_during_a_pass_do_not_prolong_it(events: Events) -> None:
    events.insert_many(RANGE_SIZE + 1)
    ranges = read_ranges(events.settings)
    first = next(ranges)
    events.insert(*range(RANGE_SIZE + 2, RANGE_SIZE + 50), LARGEST)
    assert [first, *ranges] == [IdRange(0, RANGE_SIZE), IdRange(RANGE_SIZE, RANGE_SIZE + 1)]


def test_events_that_are_deleted_during_a_pass_do_not_stop_it(events: Events) -> None:
    events.insert_many(RANGE_SIZE + 100)
    ranges = read_ranges(events.settings)
    first = next(ranges)
    events.execute("DELETE FROM domain_events WHERE id > %s", RANGE_SIZE)
    assert [first, *ranges] == [IdRange(0, RANGE_SIZE), IdRange(RANGE_SIZE, RANGE_SIZE + 100)]


def test_a_wake_up_of_the_ledger_has_no_message_and_is_not_waited_for(events: Events) -> None:
    events.insert(7)
    ((wake_up,),) = events.batches()
    assert wake_up == WakeUp(wake_up.event_id, waited=True)
    assert (wake_up.event_id, wake_up.message, wake_up.receipt) == (7, None, None)


@pytest.mark.parametrize("status", [*FINAL, "pending", "processing", "failed"])
def test_an_event_with_a_final_state_is_not_read(events: Events, status: str) -> None:
    events.insert(1, 2)
    events.execute(
        "INSERT INTO notification_processing (event_id, processing_status) VALUES (1, %s)", status
    )
    assert events.found() == ([2] if status in FINAL else [1, 2])


@pytest.mark.parametrize(
    "created_at",
    ["infinity", "-infinity", "4713-01-01 00:00 BC", "294276-12-31 23:59:59+00", None],
)
def test_an_event_is_found_whenever_it_says_it_happened(
    events: Events, created_at: str | None
) -> None:
    events.insert(1, created_at=created_at)
    assert events.found() == [1]
    assert events.found(older_than=timedelta(minutes=5)) == [1]
    assert events.found(event_type=EventType("moon_rose")) == [1]


@pytest.mark.parametrize(
    ("age", "found"),
    [
        (timedelta(hours=1), True),
        (timedelta(minutes=4), False),
        (timedelta(0), False),
        # The clock of the producer may be a little ahead.
        (timedelta(minutes=-4), False),
        (timedelta(minutes=-6), True),
        (timedelta(days=-3_650), True),
    ],
    ids=str,
)
def test_what_is_young_is_left_to_the_stream_and_what_is_dated_far_ahead_is_not(
    events: Events,
    age: timedelta,
    found: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    events.insert(1, created_at=(datetime.now(UTC) - age).isoformat())
    assert events.found(older_than=timedelta(minutes=5)) == ([1] if found else [])
    assert events.found() == [1]


def test_only_the_selected_events_are_found(events: Events) -> None:
    for number, moment in enumerate(("-infinity", "2026-03-01", "2026-03-02", "infinity", None)):
        events.insert(number, created_at=moment)
    events.execute("UPDATE domain_events SET event_type = 'sun_rose' WHERE id = 2")
    second = datetime(2026, 3, 2, tzinfo=UTC)
    events.execute("UPDATE domain_events SET created_at = %s WHERE id = 2", second)
    assert events.found(since=second) == [2, 3]
    assert events.found(until=second) == [0, 1]
    assert events.found(until=second, since=second - timedelta(days=2)) == [1]
    assert events.found(event_type=EventType("sun_rose")) == [2]
    assert events.found(event_type=EventType("sun_rose"), until=second) == []


@dataclass(frozen=True, slots=True)
class Times:
    """Returns True the given number of times."""

    number: int
    asked: list[None] = field(default_factory=list)

    def __call__(self) -> bool:
        self.asked.append(None)
        return len(self.asked) <= self.number


@pytest.mark.parametrize("wanted", [0, 2, 10])
def test_what_is_not_wanted_any_more_is_not_read(events: Events, wanted: int) -> None:
    events.insert_many(2 * BATCH_SIZE + 1)
    pipeline = new_pipeline()
    source = ReadUnfinished(events.settings, EVERYTHING, Times(wanted))
    sizes = pipeline | "Read" >> source | "Sizes" >> beam.Map(len)
    assert_that(sizes, equal_to([BATCH_SIZE, BATCH_SIZE, 1][:wanted]))
    pipeline.run().wait_until_finish()


def test_a_pass_looks_at_each_range_by_its_key(events: Events) -> None:
    events.insert_many(RANGE_SIZE + 1, every=1_000)
    events.execute("ANALYZE")
    with psycopg.connect(events.database.writer_dsn, autocommit=True) as connection:
        (last,) = list(read_ranges(events.settings))[1:]
        for statement in (
            load("pipeline.sources", "unfinished_events", only="ids"),
            load("pipeline.sources", "next_range"),
            load("pipeline.sources", "last_event_id"),
        ):
            parameters = {
                **EVERYTHING.parameters,
                "after": last.after,
                "last": last.last,
                "rows": RANGE_SIZE,
            }
            lines = connection.execute(b"EXPLAIN " + statement, parameters).fetchall()
            plan = "\n".join(line for (line,) in lines)
            assert "domain_events_pkey" in plan
            assert "Seq Scan on domain_events" not in plan
