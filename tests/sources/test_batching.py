"""Batches on Dataflow with a test clock: how long messages wait, and which are together."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

import apache_beam as beam
import pytest
from apache_beam.coders import BytesCoder, TupleCoder, VarIntCoder
from apache_beam.io.gcp.pubsub import PubsubMessage
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability.api import beam_runner_api_pb2 as api
from apache_beam.portability.common_urns import coders, primitives
from apache_beam.runners.direct.direct_runner import BundleBasedDirectRunner
from apache_beam.testing import test_stream
from apache_beam.testing.util import assert_that, equal_to
from apache_beam.transforms.window import TimestampedValue

from pipeline.domain.identifiers import EventId
from pipeline.domain.message import message_for
from pipeline.sources.collect import Batching, Collect, Collected, Sharded
from pipeline.sources.native import (
    ReadFromPubSub,
    ReceiveEvent,
    Shard,
    Spread,
    read_message,
    write_message,
)

SIZE: Final = 5
BATCHING: Final = Batching(size=SIZE)
# The clock of the test stream starts here.
EPOCH: Final = 0.0
HOLD: Final = Batching().hold.total_seconds()
STANDARD: Final = {
    coders.BYTES.urn,
    coders.ITERABLE.urn,
    coders.KV.urn,
    coders.STRING_UTF8.urn,
    coders.VARINT.urn,
}


_drained: list[list[int]] = []


class Clock:
    """A clock that stands still. The processing time of the stream advances."""

    def __call__(self) -> float:
        return EPOCH


def stream() -> test_stream.TestStream:
    events = test_stream.TestStream(coder=TupleCoder((VarIntCoder(), BytesCoder())))
    events.advance_watermark_to(0)
    return events


def sent(*ids: int, shard: int = 0) -> list[TimestampedValue[Sharded]]:
    messages = [message_for(EventId(event_id)) for event_id in ids]
    return [TimestampedValue((shard, write_message(each)), 0) for each in messages]


def batches(events: test_stream.TestStream, *expected: list[int]) -> None:
    """Run the batching and assert the batches and their places in the stream."""
    options = PipelineOptions(flags=["--streaming"])
    with beam.Pipeline(runner=BundleBasedDirectRunner(), options=options) as pipeline:
        found = (
            pipeline | events | beam.Map(_typed) | Collect(BATCHING, clock=Clock()) | beam.Map(_ids)
        )
        assert_that(found, equal_to(list(expected)))


def _typed(element: Sharded) -> Sharded:
    # The stream of the test has no element type.
    return element


def _drain(ids: list[int]) -> None:
    _drained.append(ids)


def _ids(collected: Collected) -> list[int]:
    return sorted(int(read_message(each).attributes["id"]) for each in collected[1])


def test_a_full_batch_waits_for_nothing() -> None:
    events = stream().add_elements(sent(*range(1, SIZE + 1)))
    batches(events.advance_watermark_to_infinity(), [1, 2, 3, 4, 5])


def test_a_lone_message_is_held_no_longer_than_the_hold() -> None:
    # A message after the hold is in a new batch: the first one has left.
    events = stream().add_elements(sent(1)).advance_processing_time(HOLD)
    events.add_elements(sent(2))
    batches(events.advance_watermark_to_infinity(), [1], [2])


def test_control_within_the_hold_two_messages_are_one_batch() -> None:
    events = stream().add_elements(sent(1)).advance_processing_time(HOLD / 2)
    events.add_elements(sent(2)).advance_processing_time(HOLD / 2)
    batches(events.advance_watermark_to_infinity(), [1, 2])


def test_the_hold_counts_from_the_first_message_of_a_batch() -> None:
    events = stream().add_elements(sent(1)).advance_processing_time(HOLD * 0.8)
    events.add_elements(sent(2)).advance_processing_time(HOLD * 0.2)
    events.add_elements(sent(3))
    batches(events.advance_watermark_to_infinity(), [1, 2], [3])


def test_a_drain_gives_what_is_held() -> None:
    events = stream().add_elements(sent(1, 2)).advance_watermark_to_infinity()
    options = PipelineOptions(flags=["--streaming"])
    _drained.clear()
    with beam.Pipeline(runner=BundleBasedDirectRunner(), options=options) as pipeline:
        collected = pipeline | events | beam.Map(_typed)
        collected = collected | Collect(BATCHING, clock=Clock())
        # Not with assert_that: this runner continues its steps before the last timers fire.
        collected | beam.Map(_ids) | beam.Map(_drain)
    assert _drained == [[1, 2]]


def test_what_was_given_is_not_late_for_the_steps_that_follow() -> None:
    events = stream().add_elements(sent(1)).advance_processing_time(HOLD)
    events.advance_watermark_to(100)
    options = PipelineOptions(flags=["--streaming"])
    with beam.Pipeline(runner=BundleBasedDirectRunner(), options=options) as pipeline:
        found = (
            pipeline
            | events.advance_watermark_to_infinity()
            | beam.Map(_typed)
            | Collect(BATCHING, clock=Clock())
            | Spread()
            | beam.Map(len)
        )
        # A later step would drop an element behind the watermark.
        assert_that(found, equal_to([1]))


def test_shards_fill_side_by_side() -> None:
    events = stream().add_elements([*sent(1, 3, shard=0), *sent(2, 4, shard=1)])
    batches(events.advance_processing_time(HOLD).advance_watermark_to_infinity(), [1, 3], [2, 4])


def test_ten_thousand_events_at_once_are_at_most_forty_batches() -> None:
    batching = Batching()
    shards = Counter(Shard(batching.shards)((str(event), b""))[0] for event in range(10_000))
    assert len(shards) == batching.shards
    assert sum(-(-number // batching.size) for number in shards.values()) <= 40


def test_between_the_stages_of_a_job_there_are_standard_coders_only() -> None:
    graph = native_graph()
    crossing = [
        pcollection
        for transform in graph.components.transforms.values()
        if transform.spec.urn == primitives.GROUP_BY_KEY.urn or is_stateful(transform)
        for pcollection in transform.inputs.values()
    ]
    assert len(crossing) == 3, "Deduplicate, Collect, Spread"
    for pcollection in crossing:
        coder_id = graph.components.pcollections[pcollection].coder_id
        assert set(urns(graph, coder_id)) <= STANDARD


def test_control_a_reshuffle_would_bring_pickles_across() -> None:
    pipeline = beam.Pipeline(options=PipelineOptions(flags=[], streaming=True))
    pipeline | beam.Create([b"x"]) | beam.Reshuffle()
    graph = pipeline.to_runner_api()
    crossing = [
        pcollection
        for transform in graph.components.transforms.values()
        if transform.spec.urn == primitives.GROUP_BY_KEY.urn
        for pcollection in transform.inputs.values()
    ]
    found = {
        urn
        for pcollection in crossing
        for urn in urns(graph, graph.components.pcollections[pcollection].coder_id)
    }
    assert not found <= STANDARD


def native_graph() -> api.Pipeline:
    pipeline = beam.Pipeline(options=PipelineOptions(flags=[], streaming=True))
    subscription = "projects/my-project/subscriptions/fanout"
    pipeline | ReadFromPubSub(subscription, None, Batching(), timedelta(hours=1))
    return pipeline.to_runner_api()


def is_stateful(transform: api.PTransform) -> bool:
    if transform.spec.urn != primitives.PAR_DO.urn:
        return False
    return bool(api.ParDoPayload.FromString(transform.spec.payload).state_specs)


def urns(graph: api.Pipeline, coder_id: str) -> Iterable[str]:
    coder = graph.components.coders[coder_id]
    yield coder.spec.urn
    for component in coder.component_coder_ids:
        yield from urns(graph, component)


@pytest.mark.parametrize("kept", [False, True])
def test_the_time_of_the_publication_is_kept_where_it_is_asked_for(kept: bool) -> None:  # noqa: FBT001
    published = datetime(2026, 3, 2, 12, 0, 0, 250_000, tzinfo=UTC)
    sent = message_for(EventId(7))
    received = PubsubMessage(sent.data, dict(sent.attributes), publish_time=published)
    key, written = ReceiveEvent(keep_publish_time=kept)(received)
    assert key == "7"
    assert read_message(written) == sent
    assert read_message(written).published_at == (published if kept else None)
