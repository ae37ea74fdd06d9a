"""Write how the tries of webhooks ended: a batch in one statement."""

from pipeline.clients.postgres.lease import settle
from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.webhooks.answers import GONE
from pipeline.domain.backoff import PUSH_RETRIES
from pipeline.domain.clock import Clock, utc_now
from pipeline.domain.delivery import PUSH_SWITCH
from pipeline.domain.provider_answer import Accepted, Refused
from pipeline.domain.tried import TriedRequest, settlements_of, wait_until
from pipeline.settings import DatabaseSettings
from pipeline.sinks.provider_breaker import provider_breakers_of
from pipeline.steps.sending.rates import block
from pipeline.steps.webhooks.endpoints import disable_gone, note_working
from pipeline.steps.webhooks.outbox import webhook_outbox_of
from pipeline.steps.webhooks.sender import ENDPOINT, WebhookSender, switch_of, table_of_webhooks
from pipeline.steps.webhooks.tried import TriedWebhooks


def write_webhook_results(
    settings: DatabaseSettings, webhooks: TriedWebhooks, clock: Clock = utc_now
) -> None:
    """Settle webhooks; open and close breakers of endpoints; disable those that are gone.

    Raises:
        TransientError: not all could be written. What is lost is sent again with the same id.
        ConfigurationError: none can be written until a person fixes it.
    """
    now = clock()
    settlements = list(webhooks.settlements)
    breakers = provider_breakers_of(settings, PUSH_SWITCH)
    for tried in webhooks.tried:
        free = breakers.observe(tried, now)
        settlements += settlements_of(tried, PUSH_RETRIES, now, free=free)
        until = wait_until(tried, now)
        if until is not None:
            block(settings, switch_of(tried.provider), until)
    worked = [each.provider.removeprefix(ENDPOINT) for each in webhooks.tried if _is_taken(each)]
    if worked:
        with_connection(settings, lambda connection: note_working(connection, worked))
    gone = [each.provider.removeprefix(ENDPOINT) for each in webhooks.tried if _is_gone(each)]
    if gone:
        with_connection(settings, lambda connection: disable_gone(connection, gone))
    if settlements:
        with_connection(
            settings, lambda connection: settle(connection, table_of_webhooks(), settlements)
        )
        breakers.refund()


def finish_webhooks(sender: WebhookSender, patience: float) -> None:
    """Settle the requests that are under way. Those without an answer are sent again later.

    Args:
        sender: whose requests.
        patience: how many seconds they may take.
    """
    for tried in webhook_outbox_of(sender).finish(patience):
        write_webhook_results(sender.database, TriedWebhooks(tried=tried))


def _is_taken(tried: TriedRequest) -> bool:
    return any(isinstance(each, Accepted) for each in tried.reply.results)


def _is_gone(tried: TriedRequest) -> bool:
    return any(isinstance(each, Refused) and each.code == GONE for each in tried.reply.results)
