"""Write how the tries of mails ended: a batch in one statement."""

from datetime import datetime, timedelta
from typing import Final

from pipeline.clients.postgres.lease import settle
from pipeline.clients.postgres.retry import with_connection
from pipeline.domain.backoff import MAIL_DELAYS
from pipeline.domain.clock import Clock, utc_now
from pipeline.domain.provider_answer import RateLimited
from pipeline.domain.tried import LIMITED_SECONDS, TriedMails, TriedRequest, settlements_of
from pipeline.settings import DatabaseSettings
from pipeline.sinks.provider_breaker import provider_breakers_of
from pipeline.steps.mail.rates import block
from pipeline.steps.mail.sender import table_of

# The least that a provider is left alone that limits the rate.
_LIMITED: Final = timedelta(seconds=LIMITED_SECONDS)


def write_mail_results(
    settings: DatabaseSettings, mails: TriedMails, clock: Clock = utc_now
) -> None:
    """Settle the mails, and tell the breakers and the rate limits what the providers answered.

    Raises:
        TransientError: not all could be written. What is lost is tried again with the same key.
        ConfigurationError: none can be written until a person fixes it.
    """
    now = clock()
    settlements = list(mails.settlements)
    for tried in mails.tried:
        free = provider_breakers_of(settings).observe(tried, now)
        settlements += settlements_of(tried, MAIL_DELAYS, now, free=free)
        until = _wait_until(tried, now)
        if until is not None:
            block(settings, tried.provider, until)
    if settlements:
        table = table_of(settings)
        with_connection(settings, lambda connection: settle(connection, table, settlements))
        provider_breakers_of(settings).refund()


def _wait_until(tried: TriedRequest, now: datetime) -> datetime | None:
    """Return before which time the provider wants no request."""
    until = tried.reply.rate.wait_until
    if any(isinstance(each, RateLimited) for each in tried.reply.results):
        until = max(until or now, now + _LIMITED)
    return until
