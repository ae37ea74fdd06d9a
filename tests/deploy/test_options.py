"""The parameters of a job: their valid values, and the one line for an invalid value."""

from typing import Any, Final

import pytest
from apache_beam.options.pipeline_options import (
    GoogleCloudOptions,
    PipelineOptions,
    _BeamArgumentParser,
)

from pipeline.domain.errors import ConfigurationError
from pipeline.domain.graph import Graph
from pipeline.options.graph import GRAPH
from pipeline.options.parameter import Parameter, Taker
from pipeline.options.table import PARAMETERS
from pipeline.runtime.launch.budget import vcpus
from pipeline.runtime.launch.job import options_of
from pipeline.runtime.launch.options import FanoutOptions, given
from pipeline.values import Form
from tests.deploy.launches import CANARY, GIVEN, command, flags

NUMBERS: Final = [parameter.name for parameter in PARAMETERS if parameter.kind.form is Form.NUMBER]
IT_TELLS: Final = (
    " holds a password, which the console would show: store it in Secret Manager and pass the name"
    " of the secret as --database_password_secret"
)


def refusal(*more: str, **changed: str | None) -> str:
    """Return the error line of a launch with an invalid parameter."""
    done = command(*flags("--dry_run", *more, **changed))
    assert (done.status, done.stdout) == (1, "")
    assert done.stderr.startswith("pipeline run: ")
    assert done.stderr.count("\n") == 1
    assert CANARY not in done.stderr
    return done.stderr.removeprefix("pipeline run: ").rstrip("\n")


def test_the_options_are_the_parameters_and_nothing_else() -> None:
    parser = _BeamArgumentParser()
    FanoutOptions._add_argparse_args(parser)  # noqa: SLF001 - as Beam calls it
    given = vars(parser.parse_args([]))
    assert given == {parameter.name: parameter.default_text for parameter in PARAMETERS}


def test_no_parameter_takes_the_name_of_an_option_of_beams() -> None:
    parser = _BeamArgumentParser(conflict_handler="resolve")
    for options in PipelineOptions.__subclasses__():
        if options is not FanoutOptions:
            options._add_argparse_args(parser)  # noqa: SLF001
    beams = set(parser._option_string_actions)  # noqa: SLF001 - argparse lists them nowhere else
    assert {f"--{name}" for name in ("project", "sdk_container_image", "machine_type")} <= beams
    assert [each.name for each in PARAMETERS if f"--{each.name}" in beams] == []


@pytest.mark.parametrize("parameter", PARAMETERS, ids=lambda parameter: parameter.name)
def test_a_parameter_accepts_its_own_example_and_default(
    parameter: Parameter[Any],
) -> None:
    assert parameter.kind.accepts(parameter.shown)
    assert (parameter.default_text is None) is (Taker.LAUNCH in parameter.needed_by)
    assert parameter.default_text is None or parameter.kind.accepts(parameter.default_text)


def test_everything_that_is_missing_is_named_at_once() -> None:
    done = command("--dry_run")
    named, _, example = done.stderr.removeprefix("pipeline run: ").partition(" are missing; ")
    assert set(named.split(", ")) == {f"--{name}" for name in GIVEN}
    assert example.startswith(f"for example {named.split(', ')[0]}=")
    assert (done.status, done.stdout, done.stderr.count("\n")) == (1, "", 1)


@pytest.mark.parametrize("name", GIVEN)
def test_one_that_is_missing_is_named_with_an_example(name: str) -> None:
    assert refusal(**{name: None}).startswith(f"--{name} is missing; for example --{name}=")


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://fanout_pipeline:{CANARY}@10.20.0.3/app",
        f"postgresql://fanout_pipeline@10.20.0.3/app?password={CANARY}",
        f"postgresql://fanout_pipeline@10.20.0.3/app?sslmode=verify-ca&sslpassword={CANARY}",
        f"host=10.20.0.3 password = {CANARY}",
    ],
)
def test_a_database_with_a_password_is_refused(url: str) -> None:
    assert refusal(database_url=url) == f"--database_url{IT_TELLS}"


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ([f"--experiments=postgresql://fanout:{CANARY}@10.20.0.3/app"], "--experiments"),
        ([f"--database_password={CANARY}"], "--database_password"),
        (["--database_password", CANARY], "--database_password"),
        ([f'--labels={{"password": "{CANARY}"}}'], "--labels"),
        ([f"postgresql://fanout:{CANARY}@10.20.0.3/app"], "an argument"),
    ],
)
def test_a_password_anywhere_else_is_refused_too(arguments: list[str], name: str) -> None:
    assert refusal(*arguments) == f"{name}{IT_TELLS}"


@pytest.mark.parametrize("name", ["database_password_secret", "database_ca_secret"])
@pytest.mark.parametrize(
    "secret", [CANARY, f"postgresql://{CANARY}@10.20.0.3/app", f"projects/p/secrets/{CANARY}!"]
)
def test_a_secret_in_the_place_of_its_name_is_refused(name: str, secret: str) -> None:
    assert refusal(**{name: secret}) == (
        f"argument --{name}: invalid name of a secret: expected projects/P/secrets/S, never the"
        " secret itself"
    )


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer", "require", ""])
def test_a_connection_that_verifies_no_server_is_refused(mode: str) -> None:
    said = refusal(database_url=f"{GIVEN['database_url']}?sslmode={mode}")
    assert said.startswith(f"--database_url has sslmode={mode}, which lets others read")


@pytest.mark.parametrize(
    "url",
    [
        "10.20.0.3",
        f"postgresql://fanout@10.20.0.3/{CANARY}%zz",
        f"postgresql://fanout@10.20.0.3/app?colour={CANARY}",
        "postgresql://fanout@10.20.0.3/app?ssl%6dode=disable",
        "postgresql://fanout@10.20.0.3/app?sslmode=verify-ca&%73slmode=disable",
    ],
)
def test_what_is_no_address_of_a_database_is_answered_without_being_quoted(url: str) -> None:
    assert refusal(database_url=url) == (
        "argument --database_url: invalid database URL: expected postgresql://user@host/database,"
        " without a password"
    )


def test_more_connections_than_the_database_grants_are_refused() -> None:
    assert refusal(max_num_workers="13") == (
        "13 workers x 2 processes x 4 connections = 104, more than the 100 of"
        " --database_connections: lower --max_num_workers or --pool_size, or grant more connections"
    )


@pytest.mark.parametrize(
    "enough",
    [
        {"max_num_workers": "12"},
        {"max_num_workers": "13", "database_connections": "104"},
        {"max_num_workers": "13", "pool_size": "3"},
        {"max_num_workers": "25", "machine_type": "n1-standard-1"},
        {"max_num_workers": "25", "experiments": "no_use_multiple_sdk_containers"},
    ],
)
def test_as_many_connections_as_the_database_grants_are_enough(enough: dict[str, str]) -> None:
    assert options_of(flags(**enough)).view_as(FanoutOptions).subscription == GIVEN["subscription"]


@pytest.mark.parametrize("workers", [{"max_num_workers": "-1"}, {"num_workers": "5"}])
def test_workers_at_most_are_no_fewer_than_workers(workers: dict[str, str]) -> None:
    assert refusal(**workers) == ("--max_num_workers must be at least 1 and at least --num_workers")


@pytest.mark.parametrize(
    ("machine_type", "processes"),
    [
        ("n2-standard-4", 4),
        ("n1-highmem-8", 8),
        ("t2d-standard-2", 2),
        ("m1-ultramem-40", 40),
        ("c3-standard-4-lssd", 4),
        ("c3-standard-192-metal", 192),
        ("n2-custom-6-8192", 6),
        ("n4-custom-4-8192-ext", 4),
        ("custom-2-4096", 2),
    ],
)
def test_a_worker_has_a_process_for_each_vcpu(machine_type: str, processes: int) -> None:
    assert vcpus(machine_type) == processes


@pytest.mark.parametrize(
    "machine_type", ["e2-medium", "f1-micro", "e2-custom-medium-2048", "a2-highgpu-1g", "n2", ""]
)
def test_a_machine_that_does_not_say_its_vcpus_is_refused(machine_type: str) -> None:
    with pytest.raises(ConfigurationError, match="expected a name with its number of vCPUs"):
        vcpus(machine_type)


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("number", ["four", "-1", "1e3", "1,5", "4 "])
def test_a_parameter_that_is_no_number_is_refused(name: str, number: str) -> None:
    said = refusal(**{name: number})
    assert said.startswith(f"argument --{name}: invalid number of ")
    assert f" {number!r}: expected a " in said


def test_what_beam_cannot_read_is_one_line_too() -> None:
    assert refusal(max_num_workers="four") == (
        "argument --max_num_workers: invalid int value: 'four'"
    )
    assert "Invalid job_name (No_Name)" in refusal(job_name="No_Name")


@pytest.mark.parametrize("location", ["acme-staging", "/tmp/staging", "gs://", "s3://acme/x"])  # noqa: S108 - what is refused
def test_a_place_that_is_no_bucket_is_refused(location: str) -> None:
    assert refusal(temp_location=location) == (
        f"argument --temp_location: invalid place in Cloud Storage {location!r}: expected"
        " gs://BUCKET/PATH"
    )


def test_a_graph_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    assert refusal(graph="post") == (
        "argument --graph: invalid graph 'post': expected fanout, jobs, mail, push, reactions or"
        " all"
    )


@pytest.mark.parametrize(
    ("graph", "job"),
    [
        (Graph.FANOUT, "fanout"),
        (Graph.JOBS, "fanout-jobs"),
        (Graph.MAIL, "fanout-mail"),
        (Graph.PUSH, "fanout-push"),
        (Graph.REACTIONS, "fanout-reactions"),
    ],
)
def test_each_graph_is_a_job_with_a_name_of_its_own(graph: Graph, job: str) -> None:
    options = options_of(flags(graph=graph.value))
    assert given(options)[GRAPH] == (graph,)
    assert options.view_as(GoogleCloudOptions).job_name == job


def test_all_graphs_are_not_one_job() -> None:
    assert refusal(graph="all") == (
        "--graph=all runs on one machine only: launch one job for each graph"
    )
