"""The traces of a bundle, step by step, at a loopback collector."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, NoReturn

import pytest

from pipeline.clients.otlp import SpanWriter
from pipeline.domain.errors import StatementTimeout, TransientError
from pipeline.domain.identifiers import EventId, EventType
from pipeline.domain.message import Message, message_for, microseconds
from pipeline.domain.wake_up import WakeUp
from pipeline.fanout.batches import Decided, Fetched
from pipeline.fanout.outcome import Outcome, OutcomePage, Status
from pipeline.fanout.row import Row
from pipeline.settings.traces import TraceSettings, traces_url
from pipeline.sinks.outcomes import Written
from pipeline.sinks.traced import traced_write
from pipeline.steps.fetch import Batch
from pipeline.steps.traces.bundle import EventTraces
from tests.collector import Collector, ReceivedSpan, collector

TYPE: Final = EventType("document_uploaded")
MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Bundle:
    """One bundle, and what the collector gets of it."""

    spans: SpanWriter
    received: Collector
    traces: EventTraces

    def sent(self, event_id: int) -> list[ReceivedSpan]:
        """End the process, and return the spans of an event. All are in one trace."""
        self.spans.close(10)
        [found] = self.received.traces(event_id).values()
        return found


@pytest.fixture
def bundle() -> Iterator[Bundle]:
    """A bundle, and a collector for its spans."""
    with collector() as received:
        url = traces_url(received.endpoint)
        spans = SpanWriter(TraceSettings(url=url, service="fanout-test"))
        yield Bundle(spans, received, EventTraces(spans))
        spans.close(10)


def wake_up(
    event_id: int, created: datetime, *, replay: str | None = None, published: datetime | None
) -> WakeUp:
    sent = message_for(EventId(event_id), created, replay=replay)
    return WakeUp.of(Message(sent.data, sent.attributes, published))


def found(*ids: int, created: datetime) -> Callable[[], Batch]:
    """Return what reads the rows of these events, created at one time."""
    moment = microseconds(created)
    rows = [Row(EventId(each), TYPE, moment) for each in ids]
    return lambda: Batch(Fetched(rows), times={row.id: row.created_at for row in rows})


def fail_to_read() -> NoReturn:
    raise StatementTimeout("it took too long")


def outcome(event_id: int, page: OutcomePage | None = None) -> Outcome:
    return Outcome(event_id=EventId(event_id), event_type=TYPE, status=Status.COMPLETED, page=page)


def test_rows_that_cannot_be_read_now_are_an_error_in_the_trace_of_the_later_success(
    bundle: Bundle,
) -> None:
    created = datetime.now(UTC) - MINUTE
    given = [wake_up(1, created, published=created + MINUTE / 2)]
    with pytest.raises(TransientError):
        bundle.traces.fetch(given, fail_to_read)
    bundle.traces.fetch(given, found(1, created=created))
    failed, passed = (span for span in bundle.sent(1) if span.name == "fetch")
    assert (failed.failed, passed.failed) == (True, False)
    assert failed.attributes["error.type"] == "StatementTimeout"


def test_a_replay_whose_row_cannot_be_read_is_in_no_trace_since_its_time_is_not_the_rows(
    bundle: Bundle,
) -> None:
    now = datetime.now(UTC)
    given = [wake_up(1, now, replay="a", published=now), wake_up(2, now, published=now)]
    with pytest.raises(TransientError):
        bundle.traces.fetch(given, fail_to_read)
    assert bundle.sent(2)
    assert bundle.received.traces(1) == {}


def test_events_that_are_decided_before_an_error_are_not_part_of_it(bundle: Bundle) -> None:
    def portions() -> Iterator[Decided]:
        yield Decided([outcome(1)])
        fail_to_read()

    created = datetime.now(UTC) - MINUTE
    ids = [EventId(1), EventId(2)]
    given = [wake_up(each, created, published=created) for each in ids]
    bundle.traces.fetch(given, found(*ids, created=created))
    decided = bundle.traces.portions(
        "decide", ids, portions(), of=lambda each: ([o.event_id for o in each.outcomes], ())
    )
    with pytest.raises(TransientError):
        list(decided)
    states = {
        each: [span.failed for span in bundle.sent(each) if span.name == "decide"] for each in ids
    }
    assert states == {1: [False], 2: [True]}


def test_the_time_in_which_other_steps_use_a_portion_is_not_of_the_stage(bundle: Bundle) -> None:
    created = datetime.now(UTC) - MINUTE
    ids = [EventId(1), EventId(2)]
    given = [wake_up(each, created, published=created) for each in ids]
    bundle.traces.fetch(given, found(*ids, created=created))
    used = []
    for _ in bundle.traces.portions(
        "decide",
        ids,
        iter([Decided([outcome(each)]) for each in ids]),
        of=lambda each: ([o.event_id for o in each.outcomes], ()),
    ):
        used += [time.time_ns(), time.time_ns()]
    [first] = [span for span in bundle.sent(1) if span.name == "decide"]
    [second] = [span for span in bundle.sent(2) if span.name == "decide"]
    assert first.end <= used[0]
    assert second.start >= used[1]


def test_an_event_that_is_written_in_pages_ends_with_the_last_one(bundle: Bundle) -> None:
    created = datetime.now(UTC) - MINUTE
    bundle.traces.fetch([wake_up(1, created, published=created)], found(1, created=created))
    for last in (False, False, True):
        page = outcome(1, OutcomePage(None, None, last))
        traced_write(bundle.traces, [page], lambda page=page: Written([(page, 1)]))  # type: ignore[misc]
    names = [span.name for span in bundle.sent(1)]
    assert names == ["event", "capture", "waiting", "fetch", "write", "write", "write"]


@pytest.mark.parametrize(
    ("created", "published"), [(MINUTE, MINUTE), (MINUTE, -MINUTE), (-MINUTE, -2 * MINUTE)]
)
def test_clocks_that_differ_leave_the_stages_in_order(
    bundle: Bundle, created: timedelta, published: timedelta
) -> None:
    now = datetime.now(UTC)
    bundle.traces.fetch(
        [wake_up(1, now + created, published=now + published)], found(1, created=now + created)
    )
    traced_write(bundle.traces, [outcome(1)], lambda: Written([(outcome(1), 1)]))
    root, *others = bundle.sent(1)
    assert [span.name for span in others] == ["capture", "waiting", "fetch", "write"]
    assert all(root.start <= span.start <= span.end <= root.end for span in others)


def test_an_event_before_the_epoch_starts_when_it_is_published(bundle: Bundle) -> None:
    published = datetime.now(UTC) - MINUTE
    created = datetime(1969, 1, 1, tzinfo=UTC)
    bundle.traces.fetch([wake_up(1, created, published=published)], found(1, created=created))
    traced_write(bundle.traces, [outcome(1)], lambda: Written([(outcome(1), 1)]))
    assert bundle.sent(1)[0].start == microseconds(published) * 1000
