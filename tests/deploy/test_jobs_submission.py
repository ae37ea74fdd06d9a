"""The graph of the scheduled jobs, as Dataflow gets it."""

from difflib import unified_diff
from pathlib import Path
from typing import Any, Final

import apache_beam as beam
import pytest
from apache_beam.io.gcp.pubsub import PubsubMessage
from apache_beam.portability.api import beam_runner_api_pb2 as api
from apache_beam.utils.timestamp import Timestamp
from google.protobuf.json_format import MessageToDict  # type: ignore[import-untyped]

from pipeline.domain.wake_up import WakeUp
from pipeline.jobs.table import JOBS
from pipeline.runtime.launch.job import build, options_of
from pipeline.sources.native import open_batch
from pipeline.sources.native_ticks import Receive
from tests.deploy.launches import GIVEN, description, faults, flags, input_coder

GOLDEN: Final = Path(__file__).with_name("dataflow_graph_jobs.txt")
NOON: Final = Timestamp.from_rfc3339("2026-03-02T12:00:00Z")


@pytest.fixture(scope="module")
def graph() -> api.Pipeline:
    built: api.Pipeline = build(options_of(flags("--dry_run=true", graph="jobs"))).to_runner_api()
    return built


def test_every_step_has_the_name_by_which_a_running_job_knows_it(graph: api.Pipeline) -> None:
    lines = GOLDEN.read_text().splitlines()
    expected = [line for line in lines if not line.startswith("#")]
    changed = "\n".join(
        unified_diff(expected, description(graph), GOLDEN.name, "the graph", "", "", 1, "")
    )
    assert not changed, f"An update of a running job matches steps by name:\n{changed}"


def test_dataflow_can_run_and_update_every_step(graph: api.Pipeline) -> None:
    assert faults(graph) == []


def test_what_waits_between_the_stages_has_coders_that_every_version_can_read(
    graph: api.Pipeline,
) -> None:
    assert input_coder(graph, "ReadTicks/Group") == "kv(varint, bytes)"
    assert input_coder(graph, "ReadTicks/Open") == "kv(varint, iterable(bytes))"


def test_ticks_come_from_dataflows_own_source_and_have_no_id_of_ours(graph: api.Pipeline) -> None:
    transforms = graph.components.transforms.values()
    [read] = [each for each in transforms if "pubsub_read" in each.spec.urn]
    payload: dict[str, Any] = MessageToDict(api.PubSubReadPayload.FromString(read.spec.payload))
    assert payload == {"subscription": GIVEN["subscription"], "withAttributes": True}


def received(**attributes: str) -> dict[int, list[WakeUp]]:
    """What a message becomes, by its key."""
    message = PubsubMessage(b"", attributes)
    return {key: open_batch([data]) for key, data in Receive(tuple(JOBS)).process(message, NOON)}


def test_a_tick_wakes_every_job_under_a_key_of_its_own_so_that_none_waits_for_another() -> None:
    found = [each.message for [each] in received(job="retention").values()]
    assert [message.attributes["job"] for message in found if message] == [
        "retention",
        *(name for name in JOBS if name != "retention"),
    ]
    looks = ["only_look" in message.attributes for message in found if message]
    assert looks == [False, *[True] * (len(JOBS) - 1)]
    # Where the message has no publish time, the source's own is that.
    assert found[0] is not None
    assert found[0].published_at == NOON.to_utc_datetime(has_tz=True)


@pytest.mark.parametrize("attributes", [{}, {"job": "canary"}])
def test_a_message_that_is_no_tick_wakes_no_job(attributes: dict[str, str]) -> None:
    [[wake_up]] = received(**attributes).values()
    assert wake_up.message is not None
    assert wake_up.message.attributes == attributes


def test_control_a_key_that_is_pickled_is_found() -> None:
    pipeline = beam.Pipeline()
    _ = pipeline | "Create" >> beam.Create([(frozenset({1}), b"")]) | "Group" >> beam.GroupByKey()
    assert input_coder(pipeline.to_runner_api(), "Group") != "kv(varint, bytes)"
