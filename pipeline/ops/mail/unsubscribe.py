"""Ends a subscription: the person gets these mails no more."""

from typing import Final
from uuid import uuid4

from pipeline.clients.postgres.sql import load
from pipeline.mail.subscription import MailSubscription
from pipeline.ops.mail.called import call
from pipeline.settings import DatabaseSettings

_END: Final = load(__package__, "end_subscription")


def end_subscription(settings: DatabaseSettings, subscription: MailSubscription) -> int:
    """Mute what a subscription is to, with an audit row. Harmless when repeated.

    Args:
        settings: the database, with the login of an operator.
        subscription: from the link in a mail.

    Returns:
        How many preferences changed: 0 if it was ended before, or nobody has this id.

    Raises:
        TransientError: the database does not answer.
        ConfigurationError: it lacks the function, or the login is not an operator's.
    """
    parameters = {
        "user": subscription.user_id,
        "scope": subscription.scope.value,
        "scope_id": subscription.scope_id,
        "event_types": list(subscription.event_types),
        "with_digests": subscription.is_to_digests,
        "audit": uuid4(),
    }
    ((changed,),) = call(settings, _END, parameters)
    return int(changed)
