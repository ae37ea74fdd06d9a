"""What one claim took is kept while the steps after it work on it."""

from typing import Any

import apache_beam as beam

from pipeline.runtime.runner import local_pipeline
from pipeline.steps.push.claim import ClaimedPushes, claims_of, keeper_of
from pipeline.steps.push.sender import PushSender
from pipeline.transforms.send_push import ClaimPushes
from tests.steps.push.desk import PushDesk

# Beam copies what it is given, but not this module.
SEEN: list[tuple[int, int]] = []


def look(claimed: ClaimedPushes, sender: PushSender) -> None:
    SEEN.append((len(claimed.leases), keeper_of(sender).kept))


def test_the_pushes_of_a_claim_are_kept_until_its_batch_is_done(desk: PushDesk) -> None:
    sender = desk.sender
    desk.notify()
    claims_of(sender).look_again()
    SEEN.clear()
    pipeline = local_pipeline()
    empty: list[list[Any]] = [[]]
    claimed = pipeline | beam.Create(empty, reshuffle=False) | ClaimPushes(sender, None)
    _ = claimed | beam.Map(look, sender)
    pipeline.run().wait_until_finish()
    assert (1, 1) in SEEN
    assert all(claimed == kept for claimed, kept in SEEN)
    assert keeper_of(sender).kept == 0
