"""Fetch: batches of wake-ups in; their rows out."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

import apache_beam as beam

from pipeline import coders  # noqa: F401 - registers the coders
from pipeline.clients.postgres.visible import wait_until_visible
from pipeline.domain.dead_letter import DeadLetter
from pipeline.domain.identifiers import EventId
from pipeline.domain.message import Message
from pipeline.domain.wake_up import WakeUp
from pipeline.facts.rows import used_keys
from pipeline.fanout.batches import Fetched
from pipeline.fanout.row import Payloads
from pipeline.settings import DatabaseSettings
from pipeline.settings.traces import TraceSettings
from pipeline.steps.fetch import STAGE, Batch, fetch_batch, fetch_large
from pipeline.steps.origin import origin_of
from pipeline.steps.traces.current import start_bundle, traced_portions, traces_of

WakeUps = beam.PCollection[list[WakeUp]]
OnMessages = Callable[[DatabaseSettings, Iterable[Message]], None]
OnStart = Callable[[], None]


class RetryUnseen(Protocol):
    """Retries wake-ups whose rows are not visible yet."""

    def __call__(self, settings: DatabaseSettings, wake_ups: Sequence[WakeUp]) -> Sequence[WakeUp]:
        """Return the wake-ups to look up again now. The source retries the others later."""


def wait_here(settings: DatabaseSettings, wake_ups: Sequence[WakeUp]) -> Sequence[WakeUp]:
    """Wait in the thread of the batch until the rows are visible.

    The other events of the batch are already in the next step.
    """
    wait_until_visible(settings, [each.event_id for each in wake_ups if each.event_id is not None])
    return [replace(each, waited=True) for each in wake_ups]


class Fetch(beam.PTransform[WakeUps, beam.PCollection[Fetched]]):
    """Read the rows of every batch in one statement.

    Args:
        settings: the database.
        payloads: the payload model of every type that has a handler.
        retry_unseen: retries wake-ups whose rows are not visible yet.
        on_messages: called with the messages of every batch.
        on_start: called in every process that runs the step, before its first batch.
        traces: where the traces of events go. None: nowhere.
    """

    def __init__(
        self,
        settings: DatabaseSettings,
        payloads: Payloads,
        retry_unseen: RetryUnseen,
        on_messages: OnMessages,
        on_start: OnStart | None = None,
        *,
        traces: TraceSettings | None = None,
    ) -> None:
        super().__init__()
        used = used_keys(payloads)
        self._fn = _Fetch(settings, used, retry_unseen, on_messages, on_start, traces=traces)

    def expand(self, wake_ups: WakeUps) -> beam.PCollection[Fetched]:
        """Add one step."""
        return wake_ups | "Read" >> beam.ParDo(self._fn)


class _Fetch(beam.DoFn):
    def __init__(
        self,
        settings: DatabaseSettings,
        used: str,
        retry_unseen: RetryUnseen,
        on_messages: OnMessages,
        on_start: OnStart | None,
        *,
        traces: TraceSettings | None,
    ) -> None:
        self._settings = settings
        self._used = used
        self._retry_unseen = retry_unseen
        self._on_messages = on_messages
        self._on_start = on_start
        self._traces = traces

    def setup(self) -> None:
        if self._on_start is not None:
            self._on_start()

    def start_bundle(self) -> None:
        start_bundle(self._traces)

    def process(self, wake_ups: list[WakeUp]) -> Iterable[Fetched]:
        messages = (each.message for each in wake_ups if each.message is not None)
        self._on_messages(self._settings, messages)
        batch = self._fetch(wake_ups)
        yield from self._outputs(batch)
        if batch.unseen and (again := self._retry_unseen(self._settings, batch.unseen)):
            yield from self._outputs(self._fetch(again))

    def _fetch(self, wake_ups: Sequence[WakeUp]) -> Batch:
        origin = origin_of(self._settings)
        read = partial(fetch_batch, self._settings, wake_ups, self._used, origin)
        traces = traces_of(self._traces)
        return read() if traces is None else traces.fetch(wake_ups, read)

    def _outputs(self, batch: Batch) -> Iterator[Fetched]:
        if batch.fetched.rows or batch.fetched.letters:
            yield batch.fetched
        if batch.large:
            ids = (event_id for event_id, _ in batch.large)
            fetched = fetch_large(self._settings, batch.large, self._used)
            yield from traced_portions(self._traces, STAGE, ids, fetched, _of_fetched)


def _of_fetched(fetched: Fetched) -> tuple[Iterable[EventId], Sequence[DeadLetter]]:
    return (row.id for row in fetched.rows), fetched.letters
