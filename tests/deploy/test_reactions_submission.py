"""The graph of reactions, as Dataflow gets it."""

from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path
from typing import Final

import pytest
from apache_beam.portability.api import beam_runner_api_pb2 as api

from pipeline.reactions.handlers import REACTION_HANDLERS
from pipeline.runtime.launch.job import build, options_of
from tests.deploy.launches import description, faults, flags, input_coder
from tests.deploy.test_options import refusal

GOLDEN: Final = Path(__file__).with_name("dataflow_graph_reactions.txt")


@pytest.fixture(scope="module")
def graph() -> api.Pipeline:
    given = flags("--dry_run=true", graph="reactions")
    built: api.Pipeline = build(options_of(given)).to_runner_api()
    return built


def expected() -> Iterator[str]:
    """Yield the lines of the file; one with TYPE stands for the type of each handler."""
    for line in GOLDEN.read_text().splitlines():
        if line.startswith("TYPE/"):
            yield from (line.replace("TYPE", name) for name in REACTION_HANDLERS)
        elif not line.startswith("#"):
            yield line


def test_every_step_has_the_name_by_which_a_running_job_knows_it(graph: api.Pipeline) -> None:
    lines = sorted(expected())
    changed = "\n".join(
        unified_diff(lines, sorted(description(graph)), GOLDEN.name, "the graph", "", "", 1, "")
    )
    assert not changed, f"An update of a running job matches steps by name:\n{changed}"


def test_dataflow_can_run_and_update_every_step(graph: api.Pipeline) -> None:
    # The clock is a splittable step, which Dataflow runs and one machine could not.
    allowed = ("ReadEvents/Clock/", "beam:requirement:pardo:splittable")
    assert [each for each in faults(graph) if not each.startswith(allowed)] == []


def test_what_waits_between_the_stages_has_coders_that_every_version_can_read(
    graph: api.Pipeline,
) -> None:
    assert input_coder(graph, "ReadEvents/Group") == "kv(varint, bytes)"
    assert input_coder(graph, "ReadEvents/Open") == "kv(varint, iterable(bytes))"


def test_what_becomes_of_events_without_a_handler_can_be_said_at_the_launch() -> None:
    build(options_of(flags("--dry_run=true", graph="reactions", unrouted="close")))
    assert refusal(graph="reactions", unrouted="drop").endswith(
        "invalid unrouted 'drop': expected park or close"
    )
