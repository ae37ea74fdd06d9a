"""The benchmark of a bundle still measures the whole path."""

from typing import Any

import pytest

from bench import stub
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
