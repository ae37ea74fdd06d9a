"""The sinks of a dry run: they print one JSON object a line to standard output."""

import sys
from collections import Counter
from collections.abc import Iterable
from typing import Any

import apache_beam as beam
import orjson

from pipeline import coders  # noqa: F401 - registers the coders
from pipeline.domain.dead_letter import DeadLetter
from pipeline.fanout.batches import Decided
from pipeline.fanout.effects import Channel, channel_of
from pipeline.sinks.tally import count, count_causes, dead, sum_up

Batches = beam.PCollection[Decided]
Letters = beam.PCollection[list[DeadLetter]]
Nothing = beam.PCollection[None]


class PreviewOutcomes(beam.PTransform[Batches, Letters]):
    """Print the outcome of each event."""

    def expand(self, batches: Batches) -> Letters:
        """Add one step. It outputs the dead letters of events that could not be decided."""
        return batches | "Print" >> beam.FlatMap(_preview)


class PreviewDeadLetters(beam.PTransform[Letters, Nothing]):
    """Print each dead letter and its cause."""

    def expand(self, letters: Letters) -> Nothing:
        """Add one step without an output."""
        return letters | "Print" >> beam.Map(_preview_letters)


def _preview(decided: Decided) -> Iterable[list[DeadLetter]]:
    count(sum_up(decided.outcomes))
    for outcome in decided.outcomes:
        channels = Counter(channel_of(effect) for _, effect in outcome.effects)
        _print(
            {
                "event_id": outcome.event_id,
                "event_type": outcome.event_type,
                "status": outcome.status,
                "reason": outcome.reason,
                "notifications": channels[Channel.IN_APP],
                "emails": channels[Channel.EMAIL],
                "skipped": len(outcome.skips),
            }
        )
    return [list(decided.letters)] if decided.letters else []


def _preview_letters(letters: list[DeadLetter]) -> None:
    count(dead(len(letters)))
    count_causes(letter.fingerprint for letter in letters)
    for letter in letters:
        _print(
            {
                "event_id": letter.event_id,
                "event_type": letter.event_type,
                "status": "dead",
                "reason": f"{letter.error_class}: {letter.reason}",
            }
        )


def _print(row: dict[str, Any]) -> None:
    sys.stdout.write(orjson.dumps(row).decode() + "\n")
    sys.stdout.flush()
