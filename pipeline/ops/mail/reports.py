"""Keeps what providers report of mails, and does what it means for addresses."""

from typing import Final

from pipeline.clients.postgres.sql import load
from pipeline.domain.provider_report import ProviderReport
from pipeline.ops.mail.called import call
from pipeline.settings import DatabaseSettings

_RECORD: Final = load(__package__, "record_report")


def record_report(settings: DatabaseSettings, report: ProviderReport) -> bool:
    """Keep a report, and suppress the address or lift it, in one transaction.

    Args:
        settings: the database, with the login of an operator.
        report: what the provider said.

    Returns:
        Whether it is new. One that is sent again changes nothing.

    Raises:
        TransientError: the database does not answer.
        ConfigurationError: it lacks the function, or the login is not an operator's.
    """
    parameters = {
        "provider": report.provider,
        "id": report.id,
        "kind": report.kind,
        "provider_id": report.provider_id,
        "at": report.at,
        "detail": report.detail,
        "addresses": [] if report.address is None else list(report.address.spellings),
        "effect": report.effect,
    }
    ((is_new,),) = call(settings, _RECORD, parameters)
    return bool(is_new)
