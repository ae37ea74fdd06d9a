"""The submission of a launch to Dataflow: the request, and the staged graph."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from difflib import unified_diff
from pathlib import Path
from typing import Any, Final

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability.api import beam_runner_api_pb2 as api
from apache_beam.pvalue import PBegin
from google.cloud.dataflow_v1beta3 import Job, JobType, WorkerIPAddressConfiguration
from google.protobuf.json_format import MessageToDict  # type: ignore[import-untyped]

from pipeline import __version__
from pipeline.domain.wake_up import WakeUp
from pipeline.fanout.decide import Policy
from pipeline.fanout.handlers import HANDLERS
from pipeline.runtime.launch.job import build, options_of, submit
from pipeline.runtime.launch.options import FanoutOptions
from pipeline.settings import PubSubSettings
from pipeline.sources import collect
from pipeline.sources.collect import Batching
from pipeline.sources.deduplicate import Deduplicate, Messages
from pipeline.sources.native import ReadFromPubSub
from pipeline.sources.pull import PullFromPubSub
from pipeline.topology.ends import Source, Store
from pipeline.topology.fanout import Topology
from tests.deploy.launches import (
    CANARY,
    GIVEN,
    Done,
    description,
    faults,
    flags,
    is_stateful,
    job_of,
    launch,
    par_dos,
    places,
    sent,
    staged_graph,
    stand_ins,
    unpacked,
)
from tests.transforms.graphs import NOWHERE, steps

GOLDEN: Final = Path(__file__).with_name("dataflow_graph.txt")
HORIZON: Final = timedelta(hours=1)
DEDUPLICATION: Final = "ReadEvents/Deduplicate/First"
SUBNETWORK: Final = "regions/europe-west1/subnetworks/workers"
ACCOUNT: Final = "fanout-pipeline@acme-prod.iam.gserviceaccount.com"
BRANCH: Final = {"Decide", "Write", "Bury"}


@dataclass(frozen=True, slots=True)
class Submission:
    """One launch, as Google Cloud received it."""

    done: Done
    job: Job
    graph: api.Pipeline
    requests: list[str]
    sent: dict[str, bytes]

    @property
    def options(self) -> dict[str, Any]:
        """Return the options as the console shows them."""
        return dict(self.job.environment.sdk_pipeline_options["options"])


@pytest.fixture(scope="module")
def submission() -> Iterator[Submission]:
    """A launch with secrets in its environment."""
    with stand_ins() as cloud, pytest.MonkeyPatch.context() as environment:
        environment.setenv("DATABASE_URL", f"postgresql://fanout:{CANARY}@10.20.0.3/app")
        environment.setenv("FANOUT_API_KEY", CANARY)
        done = launch(
            cloud,
            "--no_use_public_ips",
            service_account_email=ACCOUNT,
            subnetwork=SUBNETWORK,
            labels='{"team": "events"}',
        )
        [job] = [data for name, data in sent(cloud).items() if name == "job 1"]
        yield Submission(done, job_of(job), staged_graph(cloud), cloud.requests, sent(cloud))


def asked_for(**changed: str) -> api.Pipeline:
    """Return the graph for other parameters."""
    return build(options_of(flags("--dry_run=true", **changed))).to_runner_api()


def graph_of(source: Source) -> api.Pipeline:
    """Return the real topology with another source."""
    pipeline = beam.Pipeline(options=PipelineOptions(flags=[], streaming=True))
    Topology(
        database=NOWHERE,
        handlers=HANDLERS,
        policy=Policy(),
        ends=Store(NOWHERE, GIVEN["dead_letter_topic"]),
    ).build(pipeline, source)
    return pipeline.to_runner_api()


def native(horizon: timedelta | None = HORIZON) -> ReadFromPubSub:
    return ReadFromPubSub(GIVEN["subscription"], "created_at", Batching(), horizon)


def difference(graph: api.Pipeline) -> str:
    """Return the difference between a graph and the golden file."""
    lines = GOLDEN.read_text().splitlines()
    expected = [line for line in lines if not line.startswith("#")]
    changed = unified_diff(expected, description(graph), GOLDEN.name, "the graph", "", "", 1, "")
    return "\n".join(changed)


def test_the_launch_says_where_the_job_is_watched(submission: Submission) -> None:
    assert submission.done == Done(
        0,
        "",
        "launching fanout ...\nlaunched: https://console.cloud.google.com/dataflow/jobs/"
        "europe-west1/job-1?project=acme-prod\n",
    )
    assert submission.requests[-1] == "POST /v1b3/projects/acme-prod/locations/europe-west1/jobs"


def test_the_job_streams_and_takes_each_message_once(submission: Submission) -> None:
    assert submission.job.type_ is JobType.JOB_TYPE_STREAMING
    assert submission.options["streaming"] is True
    environment = submission.job.environment
    assert "enable_streaming_engine" in environment.experiments
    # The mode is exactly-once unless one of these says streaming_mode_at_least_once.
    said = [*environment.experiments, *environment.service_options]
    assert [each for each in said if "streaming_mode" in each] == []


def test_labels_tell_the_job_from_others(submission: Submission) -> None:
    version = __version__.replace(".", "-")
    assert dict(submission.job.labels) == {"app": "fanout", "version": version, "team": "events"}


def test_workers_run_where_and_as_whom_they_should(submission: Submission) -> None:
    [workers] = submission.job.environment.worker_pools
    assert submission.job.name == "fanout"
    assert submission.job.environment.service_account_email == ACCOUNT
    assert (workers.subnetwork, workers.machine_type) == (SUBNETWORK, "n2-standard-2")
    assert workers.ip_configuration is WorkerIPAddressConfiguration.WORKER_IP_PRIVATE
    assert workers.autoscaling_settings.max_num_workers == 4


def test_every_step_runs_in_the_image_that_was_given(submission: Submission) -> None:
    [workers] = submission.job.environment.worker_pools
    [harness] = workers.sdk_harness_container_images
    [environment] = submission.graph.components.environments.values()
    images = {
        workers.worker_harness_container_image,
        harness.container_image,
        api.DockerPayload.FromString(environment.payload).container_image,
    }
    assert images == {GIVEN["sdk_container_image"]}


def test_no_secret_leaves_the_machine(submission: Submission) -> None:
    assert places(CANARY, submission.sent) == []


def test_every_pickle_is_opened_when_a_secret_is_looked_for(submission: Submission) -> None:
    packed = [payload.do_fn.payload for payload in par_dos(submission.graph).values()]
    assert packed
    assert all(len(list(unpacked(each))) > 1 for each in packed)


def test_control_a_secret_in_an_option_is_found_in_the_request_and_in_the_graph() -> None:
    with stand_ins() as cloud:
        given = flags(f"--dataflow_endpoint={cloud.address}", "--no_auth")
        options = options_of(given)
        options.view_as(FanoutOptions).database_url = f"postgresql://{CANARY}@10.20.0.3/app"
        submit(options)
        request, graph = places(CANARY, sent(cloud))
    assert request == "job 1"
    assert graph.endswith("/pipeline.pb")


def test_every_event_type_has_a_branch_of_its_own(submission: Submission) -> None:
    inner = {tuple(label.split("/")[:2]) for label in steps(submission.graph) if "/" in label}
    branches = {name: {part for event, part in inner if event == name} for name in HANDLERS}
    assert branches == dict.fromkeys(HANDLERS, BRANCH)


def test_events_come_from_dataflows_own_source(submission: Submission) -> None:
    assert _source(submission.graph) == {
        "subscription": GIVEN["subscription"],
        "idAttribute": "dedup_id",
        "withAttributes": True,
    }


def test_an_attribute_is_an_events_time_where_one_is_named() -> None:
    graph = asked_for(timestamp_attribute="created_at")
    assert _source(graph)["timestampAttribute"] == "created_at"


def _source(graph: api.Pipeline) -> dict[str, Any]:
    transforms = graph.components.transforms.values()
    [read] = [each for each in transforms if "pubsub_read" in each.spec.urn]
    payload: dict[str, Any] = MessageToDict(api.PubSubReadPayload.FromString(read.spec.payload))
    return payload


def test_batching_is_the_only_step_with_state(submission: Submission) -> None:
    stateful = {
        label: each for label, each in par_dos(submission.graph).items() if is_stateful(each)
    }
    [(label, batching)] = stateful.items()
    assert label == "ReadEvents/Collect/Batch"
    assert set(batching.state_specs) == {"messages", "count"}
    domains = {name: each.time_domain for name, each in batching.timer_family_specs.items()}
    assert domains == {
        "ts-hold": api.TimeDomain.PROCESSING_TIME,
        "ts-end": api.TimeDomain.EVENT_TIME,
    }


def test_deduplication_by_state_can_be_asked_for() -> None:
    stateful = {
        label: each
        for label, each in par_dos(asked_for(dedup_minutes="60")).items()
        if is_stateful(each)
    }
    assert set(stateful) == {"ReadEvents/Collect/Batch", DEDUPLICATION}
    [timer] = stateful[DEDUPLICATION].timer_family_specs.values()
    assert timer.time_domain == api.TimeDomain.EVENT_TIME
    assert list(stateful[DEDUPLICATION].state_specs) == ["seen"]


def test_traces_go_to_the_collector_of_the_parameters(submission: Submission) -> None:
    address = "http://10.20.0.9:4318"
    traced = asked_for(otlp_endpoint=address)
    named = {
        label.rpartition("/")[2]
        for label, each in par_dos(traced).items()
        if any(f"{address}/v1/traces".encode() in text for text in unpacked(each.do_fn.payload))
    }
    assert named == {"Read", "ParDo(_Parse)", "Handle", "Insert"}
    assert difference(traced) == difference(submission.graph)


def test_dataflow_can_run_and_update_every_step(submission: Submission) -> None:
    assert faults(submission.graph) == []


def test_every_step_has_the_name_by_which_a_running_job_knows_it(submission: Submission) -> None:
    changed = difference(submission.graph)
    assert not changed, (
        "An update of a running job matches steps, state and timers by name, and reads what waits"
        f" with the coders it has here. To change them, edit {GOLDEN.name}; then launch with"
        " --update --transform_name_mapping, or where state, a timer or a coder changes, drain the"
        f" job and launch a new one:\n{changed}"
    )


class _Unlabelled(beam.PTransform[PBegin, beam.PCollection[list[WakeUp]]]):
    def expand(self, pbegin: PBegin) -> beam.PCollection[list[WakeUp]]:
        batches: beam.PCollection[list[WakeUp]] = (
            pbegin | "Native" >> native() | beam.Map(lambda wake_ups: wake_ups)
        )
        return batches


class _Renamed(ReadFromPubSub):
    def _deduplicated(self, messages: Messages) -> Messages:
        renamed: Messages = messages | "DropRepeated" >> Deduplicate(HORIZON)
        return renamed


def test_control_a_step_without_a_label_is_found() -> None:
    [fault] = faults(graph_of(_Unlabelled()))
    assert fault.startswith("ReadEvents/Map(<lambda at test_submission.py:")


def test_control_a_source_that_dataflow_has_to_split_is_found() -> None:
    source = PullFromPubSub(PubSubSettings(subscription=GIVEN["subscription"]))
    assert any("splittable" in fault for fault in faults(graph_of(source)))


@pytest.mark.parametrize("pickled", [True, False], ids=["pickling", "of a local class"])
def test_control_a_coder_that_an_update_cannot_read_is_found(
    *, pickled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Local(beam.coders.Coder):
        def encode(self, value: bytes) -> bytes:
            return value

        def decode(self, encoded: bytes) -> bytes:
            return encoded

    coder = beam.coders.PickleCoder() if pickled else Local()
    monkeypatch.setattr(collect._MESSAGES, "coder", coder)  # noqa: SLF001 - what may not change
    found = faults(graph_of(native(None)))
    assert any(fault.startswith("ReadEvents/Collect/Batch keeps state") for fault in found)
    assert any(fault.endswith("is pickled by value") for fault in found) is not pickled


def test_control_a_renamed_step_with_state_is_found() -> None:
    renamed = _Renamed(GIVEN["subscription"], "created_at", Batching(), HORIZON)
    changed = difference(graph_of(renamed)).splitlines()
    assert "+ReadEvents/DropRepeated/First" in changed


def test_control_renamed_state_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect._COUNT, "name", "number")  # noqa: SLF001 - what may not change
    changed = difference(graph_of(native(None))).splitlines()
    assert "-    state count read_modify_write_spec varint" in changed
    assert "+    state number read_modify_write_spec varint" in changed
