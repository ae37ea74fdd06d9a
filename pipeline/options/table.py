"""The table of contents: every parameter, in the order in which they are listed."""

from typing import Any, Final

from pipeline.options.database import (
    CDC_HOST,
    CDC_PORT,
    CDC_SSLMODE,
    CDC_USER,
    CONNECTIONS,
    DATABASE_CA_SECRET,
    DATABASE_CONNECTIONS,
    DATABASE_PASSWORD_SECRET,
    DATABASE_URL,
    POOL_SIZE,
)
from pipeline.options.graph import (
    BATCH_SIZE,
    CALENDAR_CLIENT,
    CALENDAR_CLIENT_SECRET,
    CALENDAR_WEBHOOK,
    GRAPH,
    MAX_EVENT_AGE_HOURS,
    OTLP_ENDPOINT,
    RUNNER,
    SINCE,
    SYSTEM_USERS,
    UNROUTED,
    UNTIL,
)
from pipeline.options.mail import OF_MAIL
from pipeline.options.parameter import Parameter, Taker
from pipeline.options.pubsub import (
    DEAD_LETTER_TOPIC,
    DEDUP_MINUTES,
    JOBS_SUBSCRIPTION,
    MAIL_SUBSCRIPTION,
    PUSH_SUBSCRIPTION,
    RATE,
    REACTION_TOPIC,
    REACTIONS_SUBSCRIPTION,
    SUBSCRIPTION,
    TICK_TOPIC,
    TIMESTAMP_ATTRIBUTE,
    TOPIC,
)
from pipeline.options.push import OF_PUSH

_EVERY: Final[tuple[Parameter[Any], ...]] = (
    *(SUBSCRIPTION, DEAD_LETTER_TOPIC, TIMESTAMP_ATTRIBUTE),
    *(JOBS_SUBSCRIPTION, MAIL_SUBSCRIPTION, PUSH_SUBSCRIPTION, REACTIONS_SUBSCRIPTION, TICK_TOPIC),
    *(DATABASE_URL, DATABASE_PASSWORD_SECRET, DATABASE_CA_SECRET, DATABASE_CONNECTIONS, POOL_SIZE),
    *(GRAPH, MAX_EVENT_AGE_HOURS, SYSTEM_USERS, BATCH_SIZE, DEDUP_MINUTES, OTLP_ENDPOINT),
    *(CALENDAR_CLIENT, CALENDAR_CLIENT_SECRET, CALENDAR_WEBHOOK),
    *OF_MAIL,
    *OF_PUSH,
    *(RUNNER, UNROUTED, SINCE, UNTIL, TOPIC, REACTION_TOPIC, RATE),
    *(CONNECTIONS, CDC_HOST, CDC_PORT, CDC_USER, CDC_SSLMODE),
)


def taken_by(taker: Taker) -> tuple[Parameter[Any], ...]:
    """Return the parameters of a command, in the order of its help."""
    return tuple(each for each in _EVERY if taker in each.takers)


# The parameters in Dataflow's console.
PARAMETERS: Final = taken_by(Taker.LAUNCH)
