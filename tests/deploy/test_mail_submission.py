"""The graph of mail, as Dataflow gets it."""

from difflib import unified_diff
from pathlib import Path
from typing import Final

import pytest
from apache_beam.portability.api import beam_runner_api_pb2 as api

from pipeline.runtime.launch.job import build, options_of
from tests.deploy.launches import description, faults, flags, input_coder
from tests.deploy.test_options import refusal

GOLDEN: Final = Path(__file__).with_name("dataflow_graph_mail.txt")
OF_MAIL: Final = {
    "email_from": "Acme <mail@acme.example>",
    "resend_api_key_secret": "projects/acme-prod/secrets/resend-key",
    "brand_name": "Acme",
    "brand_url": "https://app.acme.example",
}


@pytest.fixture(scope="module")
def graph() -> api.Pipeline:
    given = flags("--dry_run=true", graph="mail", **OF_MAIL)
    built: api.Pipeline = build(options_of(given)).to_runner_api()
    return built


def test_every_step_has_the_name_by_which_a_running_job_knows_it(graph: api.Pipeline) -> None:
    lines = GOLDEN.read_text().splitlines()
    expected = [line for line in lines if not line.startswith("#")]
    changed = "\n".join(
        unified_diff(expected, description(graph), GOLDEN.name, "the graph", "", "", 1, "")
    )
    assert not changed, f"An update of a running job matches steps by name:\n{changed}"


def test_dataflow_can_run_and_update_every_step(graph: api.Pipeline) -> None:
    # The clock is a splittable step, which Dataflow runs and one machine could not.
    allowed = ("ReadDeliveries/Clock/", "beam:requirement:pardo:splittable")
    assert [each for each in faults(graph) if not each.startswith(allowed)] == []


def test_what_waits_between_the_stages_has_coders_that_every_version_can_read(
    graph: api.Pipeline,
) -> None:
    assert input_coder(graph, "ReadDeliveries/Group") == "kv(varint, bytes)"
    assert input_coder(graph, "ReadDeliveries/Open") == "kv(varint, iterable(bytes))"


def test_a_launch_that_lacks_what_mail_needs_is_refused() -> None:
    wanting = refusal(graph="mail", **{**OF_MAIL, "email_from": ""})
    assert wanting.startswith("EMAIL_FROM is not set")
    wanting = refusal(graph="mail", **{**OF_MAIL, "brand_url": ""})
    assert wanting.startswith("not set: BRAND_URL")
