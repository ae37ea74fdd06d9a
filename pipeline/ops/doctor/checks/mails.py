"""Checks that mails are sent."""

from typing import Final

from pipeline.clients.postgres.session import working
from pipeline.ops.doctor.check import Check, Finding, failed, ok, warning
from pipeline.ops.doctor.installation import Installation
from pipeline.ops.mail.figures import MailFigures, read_mails

_LOOK: Final = (
    "see: SELECT * FROM fanout.notification_queue_status, and fanout.notification_error_summary"
)


def judge_mails(mails: MailFigures | None) -> Finding:
    """Judge whether mails wait, fail or are slow beyond the limits."""
    if mails is None:
        return ok("the family mail is not installed")
    if mails.stuck:
        return failed("; ".join(mails.standstills), f"python -m pipeline run --graph mail; {_LOOK}")
    if mails.standstills:
        return failed("; ".join(mails.standstills), _LOOK)
    if mails.delays:
        return warning("; ".join(mails.delays), _LOOK)
    return ok("none is late, and few have failed")


def _mails(installation: Installation) -> Finding:
    connection = installation.connection()
    with working(connection):
        return judge_mails(read_mails(connection))


CHECKS: Final = (Check("mails", "fanout.deliveries", _mails),)
