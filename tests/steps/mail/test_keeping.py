"""What one claim took is kept while the steps after it work on it."""

from typing import Any

import apache_beam as beam

from pipeline.runtime.runner import local_pipeline
from pipeline.steps.mail.claim import ClaimedMails, keeper_of
from pipeline.steps.mail.sender import Sender
from pipeline.transforms.send_mail import ClaimMails
from tests.steps.mail.desk import MailDesk

# Beam copies what it is given, but not this module.
SEEN: list[tuple[int, int]] = []


def look(claimed: ClaimedMails, sender: Sender) -> None:
    SEEN.append((len(claimed.leases), keeper_of(sender).kept))


def test_the_mails_of_a_claim_are_kept_until_its_batch_is_done(desk: MailDesk) -> None:
    sender = desk.sender
    desk.email()
    desk.email()
    SEEN.clear()
    pipeline = local_pipeline()
    empty: list[list[Any]] = [[]]
    claimed = pipeline | beam.Create(empty, reshuffle=False) | ClaimMails(sender, None)
    _ = claimed | beam.Map(look, sender)
    pipeline.run().wait_until_finish()
    assert SEEN == [(2, 2)]
    assert keeper_of(sender).kept == 0
