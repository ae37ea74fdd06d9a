from collections.abc import Callable
from difflib import unified_diff
from pathlib import Path
from typing import Final

import pytest
from apache_beam.portability.api import beam_runner_api_pb2 as api

from pipeline.reactions.handlers import REACTION_HANDLERS
from tests.transforms.graphs import (
    jobs_graph,
    mail_graph,
    push_graph,
    reactions_graph,
    steps,
    stream_graph,
)

# Each graph, and the names of its steps.
GOLDEN: Final = {
    "labels.txt": stream_graph,
    "labels_jobs.txt": jobs_graph,
    "labels_mail.txt": mail_graph,
    "labels_push.txt": push_graph,
    "labels_reactions.txt": reactions_graph,
}


def for_each_type(line: str) -> list[str]:
    """The line, for the type of each handler of reactions if it stands for all of them."""
    if not line.startswith("TYPE/"):
        return [line]
    return [line.replace("TYPE", name) for name in REACTION_HANDLERS]


@pytest.mark.parametrize(("name", "graph"), GOLDEN.items(), ids=GOLDEN)
def test_every_step_has_the_name_by_which_a_running_job_knows_it(
    name: str, graph: Callable[[], api.Pipeline]
) -> None:
    lines = Path(__file__).with_name(name).read_text().splitlines()
    listed = [line for line in lines if not line.startswith("#")]
    expected = sorted(each for line in listed for each in for_each_type(line))
    difference = "\n".join(
        unified_diff(expected, sorted(steps(graph())), name, "the graph", "", "", 0, "")
    )
    assert not difference, (
        f"An update of a running job matches steps by name. To change them, edit"
        f" {name}:\n{difference}"
    )
