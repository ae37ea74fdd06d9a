"""What a run would send now: reads the ledger and claims nothing."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from pipeline.domain.delivery import DeliveryChannel
from pipeline.domain.errors import PermanentError
from pipeline.steps.mail.check import CheckedMails, check_mails
from pipeline.steps.mail.claim import ClaimedMails
from pipeline.steps.mail.compose import write_mail
from pipeline.steps.mail.sender import Sender
from pipeline.steps.sending.due_deliveries import MOST_DUE, about, due_deliveries, ended, sent


class DueMailPreview:
    """Tells of each due mail once per process. Thread-safe."""

    def __init__(self, sender: Sender, *, most: int = MOST_DUE) -> None:
        self._sender = sender
        self._due = due_deliveries(sender.database, most=most)

    def look(self) -> Iterator[dict[str, Any]]:
        """Yield what would become of each mail that is due now, without its text or address."""
        due = self._due.new(channels=[DeliveryChannel.EMAIL])
        checked = check_mails(self._sender, ClaimedMails(leases=due))
        yield from _described(self._sender, checked)


def _described(sender: Sender, checked: CheckedMails) -> Iterator[dict[str, Any]]:
    for settlement in checked.settlements:
        yield {**about(settlement.lease), **ended(settlement)}
    for due in checked.due:
        try:
            if due.material is not None:
                values = due.lease.values
                write_mail(sender, values["id"], values["user_id"], due.material)
        except PermanentError as error:
            yield {**about(due.lease), "would": "dead", "reason": str(error)}
        else:
            yield {**about(due.lease), **sent()}


@cache
def mail_preview_of(sender: Sender) -> DueMailPreview:
    """Return the one preview of the process for this sender."""
    return DueMailPreview(sender)
