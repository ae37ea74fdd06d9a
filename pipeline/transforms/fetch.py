"""Fetch: batches of wake-ups in; the rows that they are about out."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

import apache_beam as beam

from pipeline import coders  # noqa: F401 - registers them
from pipeline.clients.postgres.visible import wait_until_visible
from pipeline.domain.message import Message
from pipeline.domain.wake_up import WakeUp
from pipeline.facts.rows import used_keys
from pipeline.fanout.batches import Fetched
from pipeline.fanout.row import Payloads
from pipeline.settings import DatabaseSettings
from pipeline.steps.fetch import Batch, fetch_batch, fetch_large
from pipeline.steps.origin import origin_of

WakeUps = beam.PCollection[list[WakeUp]]
Note = Callable[[DatabaseSettings, Iterable[Message]], None]
Begin = Callable[[], None]


class Later(Protocol):
    """What becomes of wake-ups whose rows cannot be seen yet."""

    def __call__(self, settings: DatabaseSettings, wake_ups: Sequence[WakeUp]) -> Sequence[WakeUp]:
        """Take them; gives those to look for once more now, all others come again by themselves."""


def wait_here(settings: DatabaseSettings, wake_ups: Sequence[WakeUp]) -> Sequence[WakeUp]:
    """Wait for the rows on the thread of the batch; its other events are on their way already."""
    wait_until_visible(settings, [each.event_id for each in wake_ups if each.event_id is not None])
    return [replace(each, waited=True) for each in wake_ups]


class Fetch(beam.PTransform[WakeUps, beam.PCollection[Fetched]]):
    """Read the rows of every batch in one statement.

    Args:
        settings: the database.
        payloads: the payload model of every type that has a handler.
        later: what becomes of wake-ups whose rows cannot be seen yet.
        note: is shown every message.
        begin: called in every process that runs the step, before its first batch.
    """

    def __init__(
        self,
        settings: DatabaseSettings,
        payloads: Payloads,
        later: Later,
        note: Note,
        begin: Begin | None = None,
    ) -> None:
        super().__init__()
        self._fn = _Fetch(settings, used_keys(payloads), later, note, begin)

    def expand(self, wake_ups: WakeUps) -> beam.PCollection[Fetched]:
        """One step."""
        return wake_ups | "Read" >> beam.ParDo(self._fn)


class _Fetch(beam.DoFn):
    def __init__(
        self,
        settings: DatabaseSettings,
        used: str,
        later: Later,
        note: Note,
        begin: Begin | None,
    ) -> None:
        self._settings = settings
        self._note = note
        self._used = used
        self._later = later
        self._begin = begin

    def setup(self) -> None:
        if self._begin is not None:
            self._begin()

    def process(self, wake_ups: list[WakeUp]) -> Iterable[Fetched]:
        messages = (each.message for each in wake_ups if each.message is not None)
        self._note(self._settings, messages)
        origin = origin_of(self._settings)
        batch = fetch_batch(self._settings, wake_ups, self._used, origin)
        yield from self._give(batch)
        if batch.unseen and (again := self._later(self._settings, batch.unseen)):
            yield from self._give(fetch_batch(self._settings, again, self._used, origin))

    def _give(self, batch: Batch) -> Iterator[Fetched]:
        if batch.fetched.rows or batch.fetched.letters:
            yield batch.fetched
        yield from fetch_large(self._settings, batch.large, self._used)
