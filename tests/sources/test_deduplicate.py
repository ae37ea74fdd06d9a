"""Deduplicate with a test clock: which messages pass, and when a key is forgotten."""

from datetime import timedelta
from typing import Final

import apache_beam as beam
import pytest
from apache_beam.coders import BytesCoder, StrUtf8Coder, TupleCoder
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.direct.direct_runner import BundleBasedDirectRunner
from apache_beam.testing import test_stream
from apache_beam.testing.util import assert_that, equal_to
from apache_beam.transforms.window import TimestampedValue

from pipeline.domain.identifiers import EventId
from pipeline.domain.message import Message, message_for
from pipeline.sources.deduplicate import Deduplicate, Keyed
from pipeline.sources.native import read_message, write_message
from tests.builders import message

HORIZON: Final = timedelta(minutes=10)
SECONDS: Final = HORIZON.total_seconds()


def stream() -> test_stream.TestStream:
    """A stream in which a test sets the elements and the watermark one by one."""
    events = test_stream.TestStream(coder=TupleCoder((StrUtf8Coder(), BytesCoder())))
    events.advance_watermark_to(0)
    return events


def keyed(sent: Message) -> Keyed:
    """Make a message as the source outputs it."""
    return sent.dedup_key, write_message(sent)


def at(seconds: float, event_id: str, replay: str | None = None) -> TimestampedValue[Keyed]:
    """Make a message of an event that was created ``seconds`` after the start."""
    sent = message_for(EventId(int(event_id)), replay=replay)
    return TimestampedValue(keyed(sent), seconds)


def passing(events: test_stream.TestStream, *expected: str) -> None:
    """Run the step and assert the event ids that it outputs, one per message that passes."""
    options = PipelineOptions(flags=["--streaming"])
    with beam.Pipeline(runner=BundleBasedDirectRunner(), options=options) as pipeline:
        keyed_messages = pipeline | events | beam.Map(_as_keyed)
        passed = keyed_messages | Deduplicate(HORIZON) | beam.Map(_event_id)
        assert_that(passed, equal_to(list(expected)))


def _as_keyed(element: Keyed) -> Keyed:
    # The stream of the test has no element type.
    return element


def _event_id(passed: Keyed) -> str:
    return read_message(passed[1]).attributes.get("id", "none")


def test_a_message_that_comes_again_within_the_horizon_is_dropped() -> None:
    events = stream().add_elements([at(0, "1"), at(0, "1"), at(1, "2")])
    events.advance_watermark_to(SECONDS - 1).add_elements([at(0, "1"), at(1, "2")])
    passing(events.advance_watermark_to_infinity(), "1", "2")


def test_beyond_the_horizon_it_passes_again_and_is_left_to_the_ledger() -> None:
    events = stream().add_elements([at(0, "1"), at(1, "2")])
    events.advance_watermark_to(SECONDS + 0.5).add_elements([at(SECONDS, "1"), at(SECONDS, "2")])
    passing(events.advance_watermark_to_infinity(), "1", "2", "1")


def test_the_horizon_counts_from_the_first_not_from_the_last_of_the_repeated() -> None:
    events = stream().add_elements([at(0, "1")])
    events.advance_watermark_to(SECONDS - 1).add_elements([at(SECONDS - 1, "1")])
    events.advance_watermark_to(SECONDS + 1).add_elements([at(SECONDS + 1, "1")])
    passing(events.advance_watermark_to_infinity(), "1", "1")


def test_a_replayed_message_passes_once_for_each_replay() -> None:
    replayed = [at(0, "1", replay) for replay in ("a", "a", "b")]
    events = stream().add_elements([at(0, "1"), *replayed])
    passing(events.advance_watermark_to_infinity(), "1", "1", "1")


def test_a_late_message_passes_and_its_key_is_not_kept() -> None:
    events = stream().advance_watermark_to(10 * SECONDS)
    events.add_elements([at(0, "1")]).advance_watermark_to(10 * SECONDS + 1)
    events.add_elements([at(0, "1")])
    passing(events.advance_watermark_to_infinity(), "1", "1")


def test_messages_without_an_id_are_told_apart_by_their_content() -> None:
    bodies = [b"one", b"two", b"one"]
    nameless = [TimestampedValue(keyed(message(data=body, event_id=None)), 0) for body in bodies]
    passing(stream().add_elements(nameless).advance_watermark_to_infinity(), "none", "none")


def test_a_drain_ends_while_keys_are_still_remembered() -> None:
    events = stream().add_elements([at(0, str(number)) for number in range(100)])
    passing(events.advance_watermark_to_infinity(), *map(str, range(100)))


def test_control_without_the_step_every_message_passes() -> None:
    with pytest.raises(Exception, match="Failed assert"):
        passing(stream().add_elements([at(0, "1")] * 2).advance_watermark_to_infinity(), "1", "1")
