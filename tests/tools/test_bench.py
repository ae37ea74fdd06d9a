"""The bundle benchmark measures the whole path, and a comparison prints its ratios."""

from pathlib import Path
from typing import Any

import pytest

from bench import stub
from bench.compare import Pairs, Run, main
from bench.dataflow import Job
from pipeline.fanout.handlers import HANDLERS
from pipeline.settings import DatabaseSettings


def test_every_event_is_written_to_the_database_that_answers_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[int] = []
    answer = stub.Connection.written

    def noting(connection: stub.Connection, asked: dict[str, Any]) -> stub.Answer:
        answered = answer(connection, asked)
        seen.extend(event_id for event_id, *_ in answered)
        return answered

    monkeypatch.setattr(stub.Connection, "written", noting)
    types = dict(enumerate(HANDLERS))
    ids = range(1, len(types) + 1)

    with stub.answering_at_once(types):
        Job(DatabaseSettings(dsn="host=nowhere")).path(ids)

    assert sorted(seen) == list(ids)


def test_a_comparison_says_the_ratio_of_each_pair_and_their_median() -> None:
    pairs = Pairs()
    for mine, other in ((Run(100, 10), Run(100, 20)), (Run(300, 10), Run(200, 10))):
        pairs.ours.append(mine)
        pairs.theirs.append(other)
    assert str(pairs) == (
        "events/s 200 here, 150 there, ratio 1.25 (1.00 to 1.50);"
        " CPU in us an event 10 here, 15 there, ratio 0.75 (0.50 to 1.00)"
    )


def test_what_is_no_checkout_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([str(tmp_path)])
    assert "expected a folder that holds pipeline/__main__.py" in capsys.readouterr().err
