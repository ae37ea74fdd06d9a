"""What a run would send now: reads the ledger and claims nothing."""

from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from pipeline.clients.postgres.sql import load
from pipeline.domain.errors import PermanentError
from pipeline.domain.lease import Lease
from pipeline.steps.due_records import DueRecords
from pipeline.steps.mail.check import CheckedMails, check_mails
from pipeline.steps.mail.claim import ClaimedMails
from pipeline.steps.mail.compose import write_mail
from pipeline.steps.mail.sender import MOST_CLAIMED, Sender

_DUE: Final = load(__package__, "due_mails")


class DueMailPreview:
    """Tells of each due mail once per process. Thread-safe."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._due = DueRecords(sender.database, _DUE)

    def look(self) -> Iterator[dict[str, Any]]:
        """Yield what would become of each mail that is due now, without its text or address."""
        due = self._due.new(most=MOST_CLAIMED)
        checked = check_mails(self._sender, ClaimedMails(leases=due))
        yield from _described(self._sender, checked)


def _described(sender: Sender, checked: CheckedMails) -> Iterator[dict[str, Any]]:
    for settlement in checked.settlements:
        reason = settlement.cause and settlement.cause.reason
        yield {**_about(settlement.lease), "would": settlement.state, "reason": reason}
    for due in checked.due:
        about = _about(due.lease)
        try:
            if due.material is not None:
                values = due.lease.values
                write_mail(sender, values["id"], values["user_id"], due.material)
        except PermanentError as error:
            yield {**about, "would": "dead", "reason": str(error)}
        else:
            yield {**about, "would": "send", "reason": None}


def _about(lease: Lease) -> dict[str, Any]:
    values = lease.values
    return {
        "delivery": str(values["id"]),
        "cause": values["cause"],
        "kind": values["kind"],
        "user": None if values["user_id"] is None else str(values["user_id"]),
    }


@cache
def mail_preview_of(sender: Sender) -> DueMailPreview:
    """Return the one preview of the process for this sender."""
    return DueMailPreview(sender)
