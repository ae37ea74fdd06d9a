"""A Postgres stub that answers at once: the benchmark then measures the pipeline's own CPU."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from uuid import UUID

import orjson

from bench.world import AUTHOR, DOCUMENT, MENTIONS, PROJECT, RECIPIENTS, THREAD
from pipeline.clients.postgres import retry
from pipeline.facts import audiences, load, rows
from pipeline.settings import DatabaseSettings
from pipeline.sinks import outcomes

_PAYLOAD: Final = orjson.dumps(MENTIONS).decode()

Answer = list[tuple[Any, ...]]


class _Answers(list[tuple[Any, ...]]):
    def fetchall(self) -> Answer:
        """Return all rows."""
        return list(self)

    def fetchone(self) -> tuple[Any, ...] | None:
        """Return the first row; None if there is none, as of a database without mail."""
        return self[0] if self else None


class Connection:
    """Answers the statements of the event path with the benchmark's data."""

    def __init__(self, types: Mapping[int, str]) -> None:
        self._types = types
        self._answers = {
            rows._ROWS: self._rows,  # noqa: SLF001 - the statements are known by their text
            outcomes.write_statement(mails=False, pushes=False, webhooks=False): self.written,
            load._PEOPLE: self._people,  # noqa: SLF001
            load._PROJECTS: lambda _: [(PROJECT, "Bench", None)],  # noqa: SLF001
            load._THREADS: lambda _: [(THREAD, "general", PROJECT)],  # noqa: SLF001
        } | dict.fromkeys(audiences._STATEMENTS.values(), self._audience)  # noqa: SLF001

    def execute(
        self,
        statement: bytes,
        parameters: dict[str, Any] | None = None,
        *,
        prepare: bool | None = None,
    ) -> _Answers:
        """Return the rows of the statement; none for a statement outside the event path."""
        del prepare  # a stub prepares no statements
        answer = self._answers.get(statement)
        return _Answers(answer(parameters or {}) if answer else [])

    def _rows(self, asked: dict[str, Any]) -> Answer:
        now = time.time_ns() // 1000
        ids: list[UUID] = [AUTHOR, PROJECT, DOCUMENT, THREAD, THREAD]
        return [
            (
                event_id, True, False, self._types[event_id % len(self._types)], now, *ids,
                "object", len(_PAYLOAD), _PAYLOAD, False, None,
            )
            for event_id in asked["ids"]
        ]  # fmt: skip

    def written(self, asked: dict[str, Any]) -> Answer:
        """Report every event of the batch as newly written."""
        events = orjson.loads(asked["batch"])["events"]
        return [(event["event_id"], "written", 5) for event in events]

    def _people(self, asked: dict[str, Any]) -> Answer:
        return [
            (UUID(user), "Somebody", "x@bench.example") for user in orjson.loads(asked["asked"])
        ]

    def _audience(self, asked: dict[str, Any]) -> Answer:
        events = orjson.loads(asked["asked"])
        return [(event["event_id"], user, None) for event in events for user in RECIPIENTS]


@contextmanager
def answering_at_once(types: Mapping[int, str]) -> Iterator[None]:
    """Replace the database of this process by the stub.

    Args:
        types: the type of an event is at the index ``id % len(types)``.
    """

    @contextmanager
    def take(settings: DatabaseSettings) -> Iterator[Any]:  # noqa: ARG001 - the stub is the only connection
        yield Connection(types)

    class Watchdog:
        @contextmanager
        def watch(self, connection: object, seconds: float) -> Iterator[None]:  # noqa: ARG002
            yield

    stand_ins = {"take_connection": take, "WATCHDOG": Watchdog()}
    kept = {name: getattr(retry, name) for name in stand_ins}
    vars(retry).update(stand_ins)
    try:
        yield
    finally:
        vars(retry).update(kept)
