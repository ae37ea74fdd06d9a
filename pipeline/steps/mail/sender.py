"""Who sends mail, for whom and with which brand: what every step of the mail graph needs."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Final

from pipeline.clients.mail.provider import MailProvider
from pipeline.clients.mail.resend import ResendClient
from pipeline.clients.mail.smtp import SmtpClient
from pipeline.clients.postgres.check import check_family
from pipeline.clients.postgres.leased_table import LeasedTable
from pipeline.clients.postgres.retry import with_connection
from pipeline.domain.delivery import MAIL_SWITCH
from pipeline.mail.brand import Brand
from pipeline.settings import DatabaseSettings
from pipeline.settings.mail import MailSettings, ProviderName
from pipeline.steps.deliveries import DELIVERIES, DELIVERIES_ALONE
from pipeline.steps.sending.rates import UsualRate

# Longer than a request may take. What a killed worker had waits as long.
LEASE: Final = timedelta(seconds=60)
# Requests at a time in one process.
CONCURRENCY: Final = 8
# The most mails of one claim: as many as a batch request may have.
MOST_CLAIMED: Final = 100
# How long a provider remembers a key, with an hour to spare. None: it knows no keys, so a mail of
# which nobody knows whether it was sent is sent once more at most.
KEY_MEMORY: Final = {ProviderName.RESEND: timedelta(hours=23), ProviderName.SMTP: None}
# An account may have more: then change its row.
USUAL_RATES: Final = {
    ProviderName.RESEND: UsualRate(5, 5),
    ProviderName.SMTP: UsualRate(20, 20),
}

_HAS_EMAILS: Final = "SELECT to_regclass('public.pending_emails') IS NOT NULL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """How mails are sent.

    Attributes:
        database: with the ledger of deliveries.
        mail: the providers, and who gets mail.
        brand: whose mails they are.
        concurrency: how many requests are made at a time in one process.
        patience: how many seconds a batch waits for answers; slower ones are read with a later
            batch. None: all are waited for.
    """

    database: DatabaseSettings
    mail: MailSettings
    brand: Brand
    concurrency: int = CONCURRENCY
    patience: float | None = None


def switch_of(provider: str) -> str:
    """Return the name of the switch, and of the rate limit, of a provider."""
    return f"{MAIL_SWITCH}{provider}"


@cache
def providers_of(settings: MailSettings) -> dict[ProviderName, MailProvider]:
    """Return the clients of the process, in the order of the settings."""
    made: dict[ProviderName, MailProvider] = {}
    for name in settings.providers:
        if name is ProviderName.RESEND and settings.resend is not None:
            made[name] = ResendClient(settings.resend, connections=CONCURRENCY)
        if name is ProviderName.SMTP and settings.smtp is not None:
            made[name] = SmtpClient(settings.smtp)
    return made


def close_providers(settings: MailSettings) -> None:
    """Close the connections of the process to the providers."""
    for provider in providers_of(settings).values():
        provider.__exit__(None, None, None)
    providers_of.cache_clear()


def check_mail(settings: DatabaseSettings) -> None:
    """Return if the database can be reached, and has the ledger of deliveries.

    Raises:
        ConfigurationError: it lacks it, or cannot be used at all.
        TransientError: it does not answer.
    """
    check_family(settings, "mail", "fanout.deliveries")


@cache
def table_of(settings: DatabaseSettings) -> LeasedTable:
    """Return the ledger: with the application's mails, if the database has them."""
    has_emails = with_connection(
        settings, lambda connection: connection.execute(_HAS_EMAILS).fetchone() == (True,)
    )
    return DELIVERIES if has_emails else DELIVERIES_ALONE
