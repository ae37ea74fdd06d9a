"""Write how the tries of mails ended: a batch in one statement."""

from pipeline.clients.postgres.lease import settle
from pipeline.clients.postgres.retry import with_connection
from pipeline.domain.backoff import MAIL_DELAYS
from pipeline.domain.clock import Clock, utc_now
from pipeline.domain.delivery import MAIL_SWITCH
from pipeline.domain.tried import TriedMails, settlements_of, wait_until
from pipeline.settings import DatabaseSettings
from pipeline.sinks.provider_breaker import provider_breakers_of
from pipeline.steps.mail.sender import switch_of, table_of
from pipeline.steps.sending.rates import block


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
    breakers = provider_breakers_of(settings, MAIL_SWITCH)
    for tried in mails.tried:
        free = breakers.observe(tried, now)
        settlements += settlements_of(tried, MAIL_DELAYS, now, free=free)
        until = wait_until(tried, now)
        if until is not None:
            block(settings, switch_of(tried.provider), until)
    if settlements:
        table = table_of(settings)
        with_connection(settings, lambda connection: settle(connection, table, settlements))
        breakers.refund()
