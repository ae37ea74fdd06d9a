"""``run --runner=DataflowRunner``: its output, its requests, and refusals by Google Cloud."""

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from apache_beam.utils import retry
from google.cloud.dataflow_v1beta3 import JobType

from pipeline.fanout.handlers import HANDLERS
from pipeline.options.parameter import Taker
from pipeline.options.table import PARAMETERS
from pipeline.topology import graphs
from tests.deploy.google_cloud import GoogleCloud
from tests.deploy.launches import Done, command, flags, job_of, launch, sent, stand_ins

ROOT: Final = Path(__file__).parents[2]
SECONDS: Final = 60
LAUNCHING: Final = "launching fanout ...\n"
TEMPLATE: Final = "gs://acme-launcher/staging/template_launches/2026-03-02_10_00_00-1/job_object"


@pytest.fixture
def cloud() -> Iterator[GoogleCloud]:
    with stand_ins() as cloud:
        yield cloud


@pytest.fixture
def one_branch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Launch a graph of one event type: it is built sooner than one of fourteen."""
    name, handler = next(iter(HANDLERS.items()))
    monkeypatch.setattr(graphs, "HANDLERS", {name: handler})


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every address of a connection from now on."""
    found: list[object] = []
    connect = socket.socket.connect

    def listen(self: socket.socket, address: Any) -> None:  # noqa: ANN401 - as sockets have it
        found.append(address)
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", listen)
    return found


def words(text: str) -> str:
    """Join the lines of a text."""
    return " ".join(text.split())


def test_help_explains_every_parameter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "1000")
    done = command("--help")
    assert (done.status, done.stderr) == (0, "")
    for parameter in PARAMETERS:
        default = f"default: {parameter.default_text or 'none'}"
        needed = "needed" if Taker.LAUNCH in parameter.needed_by else default
        expected = (
            f"--{parameter.name} VALUE {parameter.help} Example: {parameter.shown} ({needed})"
        )
        assert words(expected) in words(done.stdout)
    for other in ("--project", "--max_num_workers", "--update", "--no_use_public_ips", "--dry_run"):
        assert f"  {other} " in done.stdout


def test_help_of_the_local_runner_names_the_other_one() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "run", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "DataflowRunner has other arguments: --runner=DataflowRunner --help" in words(
        done.stdout
    )


def test_a_dry_run_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert command(*flags("--dry_run")).status == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("dry_run", ["--dry_run", "--dry-run"])
def test_a_dry_run_explains_every_parameter_and_sends_nothing(
    dry_run: str, connections: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    done = command(*flags(dry_run, pool_size="3", system_users=""))
    assert (done.status, done.stderr, connections) == (0, "", [])
    shown = words(done.stdout)
    given = dict(flag.removeprefix("--").split("=", 1) for flag in flags(pool_size="3"))
    for parameter in PARAMETERS:
        value = given.get(parameter.name, parameter.default_text) or "-"
        assert f" {parameter.name} {value} {parameter.help} " in shown
    assert "at most 4 workers x 2 processes x 3 = 24 of 100" in shown
    assert all(f"{event_type}/Decide" in shown for event_type in HANDLERS)


ATTRIBUTE: Final = (
    "timestamp_attribute=created_at: Dataflow creates its own subscription on the topic of the"
    " events, and needs the rights that deploy/service-accounts.md lists for it. A message may"
    " never be processed if its attribute is missing or not an RFC 3339 time.\n"
)
AT_LEAST_ONCE: Final = (
    "streaming_mode_at_least_once: the source may pass a message on twice. Fetch and the"
    " ledger drop the second one.\n"
)


@pytest.mark.usefixtures("one_branch")
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"timestamp_attribute": "created_at"}, ATTRIBUTE),
        ({"experiments": "streaming_mode_at_least_once"}, AT_LEAST_ONCE),
        ({"dataflow_service_options": "streaming_mode_at_least_once"}, AT_LEAST_ONCE),
        ({"timestamp_attribute": "publish_time"}, ""),
        ({}, ""),
    ],
)
def test_what_a_launch_needs_or_changes_is_said_before_it(
    given: dict[str, str], said: str, cloud: GoogleCloud
) -> None:
    shown = command(*flags("--dry_run", **given))
    launched = launch(cloud, **given)
    assert (shown.status, launched.status) == (0, 0)
    assert launched.stderr.startswith(f"{said}{LAUNCHING}")
    lines = [line for line in (ATTRIBUTE, AT_LEAST_ONCE) if line in shown.stdout]
    assert lines == ([said] if said else [])


@pytest.mark.usefixtures("one_branch")
@pytest.mark.parametrize(
    ("given", "options"),
    [
        (["--experiments=graph_validate_only"], ["graph_validate_only"]),
        (["--dataflow_service_options=graph_validate_only"], ["graph_validate_only"]),
        (
            ["--experiments=graph_validate_only", "--dataflow_service_options=graph_validate_only"],
            ["graph_validate_only"],
        ),
        (["--experiments=shuffle_mode=service"], []),
    ],
)
def test_a_check_of_the_graph_stays_one_whichever_flag_it_comes_by(
    given: list[str], options: list[str], cloud: GoogleCloud
) -> None:
    assert launch(cloud, *given).status == 0
    assert list(job_of(sent(cloud)["job 1"]).environment.service_options) == options


@pytest.mark.usefixtures("one_branch")
@pytest.mark.parametrize(
    ("given", "threads"),
    [({}, 6), ({"pool_size": "2"}, 4), ({"number_of_worker_harness_threads": "12"}, 12)],
)
def test_a_process_has_threads_for_its_pool_and_two_more_unless_a_number_is_given(
    given: dict[str, str], threads: int, cloud: GoogleCloud
) -> None:
    assert launch(cloud, **given).status == 0
    [workers] = job_of(sent(cloud)["job 1"]).environment.worker_pools
    assert workers.num_threads_per_worker == threads
    assert f"number_of_worker_harness_threads {threads}\n" in command(
        *flags("--dry_run", **given)
    ).stdout.replace("  ", " ").replace("  ", " ")


def test_control_a_launch_does_connect(cloud: GoogleCloud, connections: list[object]) -> None:
    cloud.missing.add("acme-staging")
    launch(cloud)
    assert connections


@pytest.mark.usefixtures("one_branch")
def test_parameters_may_be_spelled_with_dashes() -> None:
    given = [flag.removeprefix("--").partition("=") for flag in flags()]
    dashed = [f"--{name.replace('_', '-')}={value}" for name, _, value in given]
    assert any(flag.startswith("--dead-letter-topic=") for flag in dashed)
    done = command(*dashed, "--dry-run")
    assert done.status == 0
    assert done == command(*flags("--dry_run"))


def test_a_templates_launcher_gets_the_job_as_a_file(cloud: GoogleCloud) -> None:
    done = launch(
        cloud,
        '--labels={\n  "goog-dataflow-provided-template-type" : "flex"\n}\n',
        "--no_use_public_ips",
        "--enable_streaming_engine",
        job_name="fanout-2",
        staging_location="gs://acme-launcher/staging",
        template_location=TEMPLATE,
        service_account_email="fanout-pipeline@acme-prod.iam.gserviceaccount.com",
    )
    assert done == Done(0, "", "launching fanout-2 ...\nthe template is written\n")
    assert cloud.jobs == []
    written = job_of(cloud.objects[TEMPLATE.removeprefix("gs://")])
    assert (written.name, written.type_) == ("fanout-2", JobType.JOB_TYPE_STREAMING)
    assert written.labels["goog-dataflow-provided-template-type"] == "flex"
    assert written.labels["app"] == "fanout"
    graph = written.environment.sdk_pipeline_options["options"]["pipelineUrl"]
    assert graph.removeprefix("gs://") in cloud.objects


@pytest.mark.usefixtures("one_branch")
def test_an_update_replaces_the_running_job_of_its_name(cloud: GoogleCloud) -> None:
    cloud.running += [
        {"id": "1", "name": "other", "currentState": "JOB_STATE_RUNNING"},
        {"id": "2", "name": "fanout", "currentState": "JOB_STATE_DRAINED"},
        {"id": "3", "name": "fanout", "currentState": "JOB_STATE_RUNNING"},
    ]
    mapping = {"Deduplicate": "DropRepeated"}
    done = launch(cloud, "--update", transform_name_mapping=json.dumps(mapping))
    assert done.status == 0
    update = job_of(sent(cloud)["job 1"])
    assert update.replace_job_id == "3"
    assert update.transform_name_mapping == mapping


def test_an_update_of_no_running_job_is_refused_at_once(cloud: GoogleCloud) -> None:
    cloud.running.append({"id": "2", "name": "fanout", "currentState": "JOB_STATE_DRAINED"})
    said = "no job named fanout runs in europe-west1: launch it without --update"
    assert launch(cloud, "--update") == Done(1, "", f"{LAUNCHING}pipeline run: {said}\n")
    assert cloud.objects == {}


@pytest.mark.usefixtures("one_branch")
def test_a_second_job_of_the_same_name_is_refused(cloud: GoogleCloud) -> None:
    cloud.running.append({"id": "3", "name": "fanout", "currentState": "JOB_STATE_RUNNING"})
    cloud.running[0]["clientRequestId"] = "20260302-1000"
    said = one_line(launch(cloud))
    assert said.startswith("There is already active job named fanout with id: 3. ")


@pytest.mark.usefixtures("one_branch")
@pytest.mark.parametrize(("status", "requests"), [(409, 1), (403, 1), (500, 4)])
def test_a_refusal_is_one_line_with_the_services_reason(
    cloud: GoogleCloud, monkeypatch: pytest.MonkeyPatch, status: int, requests: int
) -> None:
    monkeypatch.setattr(retry.Clock, "sleep", lambda *_: None)
    cloud.refusal = (status, "(4e2a): the reason\nand more of it")
    said = one_line(launch(cloud))
    assert said.startswith(f"Google Cloud: {status} ")
    assert said.endswith("(4e2a): the reason")
    asked = [each for each in cloud.requests if each.endswith("/europe-west1/jobs")]
    assert len(asked) == requests


def test_a_bucket_that_is_not_there_is_noticed_at_once(cloud: GoogleCloud) -> None:
    cloud.missing.add("acme-staging")
    said = one_line(launch(cloud))
    assert said.startswith("Google Cloud: 404 ")
    assert "/b/acme-staging?" in said
    assert len(cloud.requests) == 1


def test_without_credentials_the_line_says_how_to_get_some(
    cloud: GoogleCloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    said = one_line(command(*flags(f"--dataflow_endpoint={cloud.address}")))
    assert said == "Google Cloud needs credentials: run gcloud auth application-default login"
    assert cloud.requests == []


def test_nothing_is_logged_beside_the_line(cloud: GoogleCloud) -> None:
    cloud.refusal = (403, "the reason")
    arguments = flags(
        "--runner=DataflowRunner", f"--dataflow_endpoint={cloud.address}", "--no_auth"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "run", *arguments],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != "LOG_LEVEL"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    said = one_line(Done(done.returncode, done.stdout, done.stderr))
    assert said.endswith(": the reason")


def one_line(done: Done) -> str:
    """Return the error line of a command that ended with status 1."""
    assert (done.status, done.stdout) == (1, "")
    assert done.stderr.startswith(f"{LAUNCHING}pipeline run: ")
    assert done.stderr.count("\n") == 2
    return done.stderr.removeprefix(f"{LAUNCHING}pipeline run: ").rstrip("\n")
