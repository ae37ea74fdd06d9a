"""The span writer: what it sends, what it leaves out, and what OpenTelemetry's variables change."""

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from opentelemetry.context import Context

from pipeline.clients.otlp import SpanWriter
from pipeline.domain.errors import ConfigurationError
from pipeline.domain.record import EVENTS, RecordKey
from pipeline.domain.trace_ids import TraceIds, trace_of
from pipeline.settings.traces import TraceSettings, traces_url
from tests.collector import Collector, collector
from tests.deadline import wait_until

SECOND = 1_000_000_000


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """A collector, and no variable of OpenTelemetry."""
    for name in ("OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_TRACES_SAMPLER"):
        monkeypatch.delenv(name, raising=False)
    with collector() as made:
        yield made


def writer(received: Collector, *, queue_size: int = 2_048) -> SpanWriter:
    url = traces_url(received.endpoint)
    return SpanWriter(TraceSettings(url=url, service="fanout-test", queue_size=queue_size))


def ids(number: int) -> TraceIds:
    return trace_of(RecordKey(EVENTS, str(number)), 0)


def write(spans: SpanWriter, number: int) -> None:
    """Write the two spans of a trace, the child first."""
    about = {"fanout.event.id": number}
    of = ids(number)
    root = spans.below(of.trace, of.root)
    spans.write("fetch", root, start=SECOND, end=2 * SECOND, attributes=about)
    spans.write_root(
        "event", of.trace, of.root, start=0, end=3 * SECOND, attributes=about, failed=True
    )


def test_the_spans_of_an_event_are_one_tree_with_the_ids_that_follow_from_it(
    received: Collector,
) -> None:
    spans = writer(received)
    write(spans, 1)
    write(spans, 2)
    spans.close(10)
    for number in (1, 2):
        [(trace, found)] = received.traces(number).items()
        root, child = found
        assert trace == f"{ids(number).trace:032x}"
        assert root.id == child.parent == f"{ids(number).root:016x}"
        assert (root.name, root.parent, root.failed) == ("event", "", True)
        assert (child.name, child.start, child.failed) == ("fetch", SECOND, False)
        assert root.resource["service.name"] == "fanout-test"


def test_threads_that_write_at_once_do_not_mix_their_traces(received: Collector) -> None:
    spans = writer(received, queue_size=10_000)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: write(spans, number), range(1_000)))
    spans.close(10)
    found = {(span.trace, span.id, span.parent) for span in received.spans if span.parent == ""}
    assert found == {
        (f"{ids(number).trace:032x}", f"{ids(number).root:016x}", "") for number in range(1_000)
    }
    below = {(span.trace, span.parent) for span in received.spans if span.parent}
    assert below == {(trace, root) for trace, root, _ in found}


def test_the_next_span_of_the_thread_gets_ids_of_its_own(received: Collector) -> None:
    spans = writer(received)
    write(spans, 1)
    other = spans.provider.get_tracer("another library").start_span("other", Context())
    assert other.get_span_context().trace_id != ids(1).trace
    assert other.get_span_context().span_id != ids(1).root
    spans.close(10)


@pytest.mark.parametrize(("status", "timeout", "waits"), [(400, "10", False), (200, "1", True)])
def test_a_stop_waits_for_the_last_spans_unless_the_collector_refused_those_before(
    received: Collector, monkeypatch: pytest.MonkeyPatch, status: int, timeout: str, *, waits: bool
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", timeout)
    received.status = status
    spans = writer(received)
    write(spans, 1)
    spans.provider.force_flush()
    received.answers.clear()
    write(spans, 2)
    spans.close(60)
    ending = [each for each in threading.enumerate() if each.name == "spans"]
    assert bool(ending) is not waits
    received.answers.set()
    wait_until(lambda: not any(each.is_alive() for each in ending), seconds=60, what="the end")


def test_half_of_the_traces_can_be_left_out_and_each_is_whole_or_not_there(
    received: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.5")
    spans, another = writer(received), writer(received)
    taken = [number for number in range(200) if spans.samples(ids(number).trace)]
    assert 60 < len(taken) < 140
    # Two processes agree.
    assert taken == [number for number in range(200) if another.samples(ids(number).trace)]
    for number in taken:
        write(spans if number % 2 else another, number)
    spans.close(10)
    another.close(10)
    traces = {number: list(received.traces(number).values()) for number in range(200)}
    assert [number for number, found in traces.items() if found] == taken
    assert all(len(spans) == 2 for found in traces.values() for spans in found)


def test_the_name_of_the_service_and_more_come_from_the_environment(
    received: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "notifications")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=staging")
    spans = writer(received)
    write(spans, 1)
    spans.close(10)
    resource = received.spans[0].resource
    assert resource["service.name"] == "notifications"
    assert resource["deployment.environment.name"] == "staging"


def test_a_disabled_sdk_sends_nothing_and_misses_nothing(
    received: Collector, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    spans = writer(received)
    write(spans, 1)
    spans.close(10)
    assert received.bodies == []
    assert caplog.messages == []


def test_spans_that_do_not_fit_in_the_queue_are_counted_and_said_twice_at_most(
    received: Collector, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "64")
    caplog.set_level(logging.WARNING)
    received.answers.clear()
    spans = writer(received, queue_size=64)
    for number in range(1_000):
        write(spans, number)
    received.answers.set()
    spans.close(10)
    lost = 2_000 - len(received.spans)
    assert lost > 1_000
    first, *others = caplog.messages
    assert first.startswith("traces: the collector does not take all spans, so some are lost;")
    assert others == [
        f"traces: the collector did not confirm {lost:,} of 2,000 spans",
    ]


@pytest.mark.parametrize("size", ["-1", "999999"])
def test_a_variable_that_the_sdk_rejects_is_a_readable_error(
    received: Collector, monkeypatch: pytest.MonkeyPatch, size: str
) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", size)
    with pytest.raises(ConfigurationError, match="invalid OTEL_ variable"):
        writer(received)


@pytest.mark.parametrize(
    "url", ["", "collector:4318", "ftp://h", "http://", "http://h:port", "http://user:canary@h:0"]
)
def test_an_address_that_is_none_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        TraceSettings(url=url, service="fanout-test")
    expected = "expected http://host:4318 or https://host"
    assert str(refused.value) == f"invalid OTEL_EXPORTER_OTLP_ENDPOINT: {expected}"
    assert "canary" not in repr(TraceSettings(url="http://user:canary@h", service="x"))
