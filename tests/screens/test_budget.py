"""The table of a simulated budget."""

from datetime import timedelta

import pytest

from pipeline.ops.budget.simulate import SimulatedBudget
from pipeline.push.simulate import PushFigures
from pipeline.screens.budget import show_simulated


def test_each_figure_is_a_line_as_it_was_and_as_it_would_be(
    capsys: pytest.CaptureFixture[str],
) -> None:
    was = PushFigures(sent=1_200, held=30, over_budget=4, expired=1, people=20)
    would_be = PushFigures(sent=1_100, held=60, over_budget=74, expired=2, people=50)
    simulated = SimulatedBudget(pushes=1_205, recipients=300, was=was, would_be=would_be)
    show_simulated(simulated, timedelta(days=7))
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert lines[0][:5] == ["1,205", "pushes", "to", "300", "people"]
    assert lines[1] == ["was", "would", "be"]
    assert lines[2] == ["sent", "to", "phones", "1,200", "1,100"]
    assert lines[-1] == ["people", "concerned", "20", "50"]
