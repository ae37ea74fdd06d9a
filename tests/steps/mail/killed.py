"""A worker that does what the graph does, and kills itself after one step of its first claim.

Arguments: the step; the weakness of a control, or ``none``. It says how it ends by its exit status.
"""

import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from uuid import uuid4

from pipeline.clients.mail.provider import FrozenRequest
from pipeline.domain.tried import TriedMails
from pipeline.mail.brand import Brand
from pipeline.settings import DatabaseSettings
from pipeline.settings.mail import read_mail_settings
from pipeline.sinks.mail_results import write_mail_results
from pipeline.steps.mail.check import check_mails
from pipeline.steps.mail.claim import MailClaims
from pipeline.steps.mail.freeze import AskedRequest
from pipeline.steps.mail.outbox import MailOutbox, new_outbox
from pipeline.steps.mail.requests import plan_requests
from pipeline.steps.mail.sender import Sender

STEPS = ("claim", "check", "ask", "send", "settle")
# The weaknesses of the controls: what a sender without a ledger would do.
FRESH_KEYS, SETTLED_FIRST = "fresh keys", "settled first"


def main(step: str, weakness: str) -> None:
    """Do the steps until nothing is due; die after one of them."""
    sender = Sender(
        database=DatabaseSettings(dsn=os.environ["DATABASE_URL"]),
        mail=read_mail_settings(os.environ),
        brand=Brand(name="Acme", base_url="https://acme.test"),
    )
    claims, outbox = MailClaims(sender), new_outbox(sender)
    while _work(sender, claims, outbox, step, weakness):
        pass


def _work(sender: Sender, claims: MailClaims, outbox: MailOutbox, step: str, weakness: str) -> bool:
    """Do the steps with one claim; return whether anything was due."""

    def die_after(done: str) -> None:
        if done == step:
            os.kill(os.getpid(), signal.SIGKILL)

    claimed = claims.claim(20)
    die_after("claim")
    checked = check_mails(sender, claimed)
    die_after("check")
    planned = plan_requests(sender, checked)
    die_after("ask")
    asked = [_weak(each) for each in planned.asked] if weakness == FRESH_KEYS else planned.asked
    if weakness == SETTLED_FIRST:
        _pretend(sender, asked)
        die_after("send")
    tried = [each for batch in outbox.make(asked, None) for each in batch]
    die_after("send")
    write_mail_results(sender.database, TriedMails(tried=tried, settlements=planned.settlements))
    die_after("settle")
    return bool(claimed.leases)


def _weak(asked: AskedRequest) -> AskedRequest:
    """Make the key from the attempt, not from the cause."""
    request: FrozenRequest = replace(asked.request, key=str(uuid4()))
    return replace(asked, request=request)


def _pretend(sender: Sender, asked: Sequence[AskedRequest]) -> None:
    """Settle before anything is sent."""
    from pipeline.clients.postgres.lease import settle  # noqa: PLC0415
    from pipeline.clients.postgres.retry import with_connection  # noqa: PLC0415
    from pipeline.domain.lease import WorkState, end  # noqa: PLC0415
    from pipeline.steps.mail.sender import table_of  # noqa: PLC0415

    settlements = [end(each.leases[0], WorkState.DONE) for each in asked]
    with_connection(
        sender.database,
        lambda connection: settle(connection, table_of(sender.database), settlements),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
    sys.stdout.flush()
    # What runs in threads must not hold up the end.
    os._exit(0)
