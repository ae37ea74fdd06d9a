"""A worker that does what the graph of push does in one round, and kills itself after one step.

Arguments: the channel; the step; the weakness of a control, or ``none``.
"""

import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from uuid import uuid4

from pipeline.clients.postgres.lease import settle
from pipeline.clients.postgres.retry import with_connection
from pipeline.domain.delivery import DeliveryChannel
from pipeline.domain.lease import WorkState, end
from pipeline.settings import DatabaseSettings
from pipeline.settings.push import read_push_settings
from pipeline.sinks.push_results import write_push_results
from pipeline.steps.push.channels import CHANNELS
from pipeline.steps.push.check import check_pushes
from pipeline.steps.push.claim import PushClaims
from pipeline.steps.push.outbox import AskedPush, new_push_outbox
from pipeline.steps.push.sender import PushSender
from pipeline.steps.push.table import PUSHES
from pipeline.steps.push.tried import TriedPushes

STEPS = ("claim", "check", "send", "settle")
# The weaknesses of the controls: what a sender without a ledger would do.
FRESH_IDS, SETTLED_FIRST = "fresh ids", "settled first"


def main(channel_name: str, step: str, weakness: str) -> None:
    """Do the steps of one channel; die after one of them."""

    def die_after(done: str) -> None:
        if done == step:
            os.kill(os.getpid(), signal.SIGKILL)

    sender = PushSender(
        database=DatabaseSettings(dsn=os.environ["DATABASE_URL"]),
        push=read_push_settings(os.environ),
    )
    channel = CHANNELS[DeliveryChannel(channel_name)]
    claimed = PushClaims(sender).claim(channel)
    die_after("claim")
    checked = check_pushes(sender, claimed)
    die_after("check")
    asked = list(checked.asked)
    if weakness == FRESH_IDS:
        asked = [replace(each, message=replace(each.message, id=uuid4())) for each in asked]
    if weakness == SETTLED_FIRST:
        _pretend(sender, asked)
        die_after("send")
    outbox = new_push_outbox(sender, channel)
    tried = [each for batch in outbox.make(asked, None) for each in batch]
    die_after("send")
    pushes = TriedPushes(
        channel=channel.name, tried=tried, missed=checked.missed, settlements=checked.settlements
    )
    write_push_results(sender, pushes)
    die_after("settle")


def _pretend(sender: PushSender, asked: Sequence[AskedPush]) -> None:
    """Settle before anything is sent."""
    settlements = [end(each.leases[0], WorkState.DONE) for each in asked]
    with_connection(sender.database, lambda connection: settle(connection, PUSHES, settlements))


if __name__ == "__main__":
    main(*sys.argv[1:])
    sys.stdout.flush()
    # What runs in threads must not hold up the end.
    os._exit(0)
