from difflib import unified_diff
from pathlib import Path
from typing import Final

from tests.transforms.graphs import steps, stream_graph

GOLDEN: Final = Path(__file__).with_name("labels.txt")


def test_every_step_has_the_name_by_which_a_running_job_knows_it() -> None:
    lines = GOLDEN.read_text().splitlines()
    expected = [line for line in lines if not line.startswith("#")]
    difference = "\n".join(
        unified_diff(
            expected, sorted(steps(stream_graph())), GOLDEN.name, "the graph", "", "", 0, ""
        )
    )
    assert not difference, (
        f"An update of a running job matches steps by name. To change them, edit"
        f" {GOLDEN.name}:\n{difference}"
    )
