from dataclasses import replace
from typing import Final

import apache_beam as beam
import pytest
from apache_beam.testing.util import assert_that, equal_to

from pipeline.domain.dead_letter import DeadLetter
from pipeline.domain.errors import TransientError
from pipeline.fanout.batches import Decided
from pipeline.fanout.outcome import Outcome
from pipeline.runtime.runner import local_pipeline
from pipeline.settings import DatabaseSettings
from pipeline.sinks.write_outcomes import WriteOutcomes
from tests.builders import BOB, notification, outcome
from tests.sinks.conftest import EVENTS, Written

UNKNOWN: Final = 10_000
UNREACHABLE: Final = "postgresql://nobody@127.0.0.1:1/nothing"


def told(*event_ids: int) -> list[Outcome]:
    """Return a batch of outcomes with one notification each."""
    return [outcome(number, (BOB, notification())) for number in event_ids]


def run(settings: DatabaseSettings, batches: list[list[Outcome]], *, buried: list[int]) -> None:
    """Write batches in one bundle. Expect dead letters of the events in ``buried``."""
    with local_pipeline() as pipeline:
        letters = (
            pipeline
            | "Batches" >> beam.Create(map(Decided, batches), reshuffle=False)
            | "Write" >> WriteOutcomes(settings)
            | "Name" >> beam.FlatMap(_event_ids)
        )
        assert_that(letters, equal_to(buried))


def _event_ids(letters: list[DeadLetter]) -> list[int | None]:
    return [letter.event_id for letter in letters]


def test_every_batch_of_a_bundle_is_written_when_it_ends(written: Written) -> None:
    batches = [told(*range(first, first + 10)) for first in range(1, EVENTS + 1, 10)]
    run(written.settings, batches, buried=[])
    assert len(written.ledger()) == EVENTS


@pytest.mark.parametrize("order", [(1, UNKNOWN, 2), (1, 2, UNKNOWN), (UNKNOWN, 1, 2)])
def test_what_is_refused_comes_out_whichever_batch_of_a_bundle_it_was_in(
    written: Written, order: tuple[int, ...]
) -> None:
    run(written.settings, [told(number) for number in order], buried=[UNKNOWN])
    assert sorted(written.ledger()) == [1, 2]


@pytest.mark.parametrize("batches", [1, 3])
def test_a_bundle_fails_when_a_batch_of_it_cannot_be_written(
    written: Written, batches: int
) -> None:
    settings = replace(
        written.settings, dsn=UNREACHABLE, retry_for=0.1 * written.settings.retry_for
    )
    with pytest.raises(TransientError, match="Postgres cannot be reached"):
        run(settings, [told(number) for number in range(1, batches + 1)], buried=[])
