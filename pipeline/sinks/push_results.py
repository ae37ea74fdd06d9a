"""Write how the tries of deliveries of push ended: a batch in one statement."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

from pipeline.clients.postgres.lease import settle
from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.clock import Clock, utc_now
from pipeline.domain.delivery import PUSH_SWITCH
from pipeline.domain.lease import Cause, Settlement, WorkState, end
from pipeline.domain.provider_answer import Unavailable
from pipeline.domain.tried import TriedRequest, wait_until
from pipeline.push.fallback import NO_BUS, Missed, after_the_bus, wait_for_the_bus
from pipeline.push.verdict import Disturb
from pipeline.sinks.provider_breaker import provider_breakers_of
from pipeline.steps.push.bus import is_broadcast
from pipeline.steps.push.channels import CHANNELS
from pipeline.steps.push.disturbance import may_disturb
from pipeline.steps.push.sender import PushSender, push_switch
from pipeline.steps.push.table import PUSHES
from pipeline.steps.push.tried import MissedPush, TriedPushes
from pipeline.steps.sending.rates import block

_PHONES: Final = load(__package__, "phones")


def write_push_results(sender: PushSender, pushes: TriedPushes, clock: Clock = utc_now) -> None:
    """Settle deliveries, and tell the breakers and the rate limits what the providers answered.

    What the bus brought to nobody goes on to the phones of the person in the same statement.

    Raises:
        TransientError: not all could be written. What is lost is tried again with the same id.
        ConfigurationError: none can be written until a person fixes it.
    """
    now = clock()
    database, channel = sender.database, CHANNELS[pushes.channel]
    breakers = provider_breakers_of(database, PUSH_SWITCH)
    settlements, missed = list(pushes.settlements), list(pushes.missed)
    for tried in pushes.tried:
        free = breakers.observe(tried, now)
        meaning = channel.meaning(tried, now, free=free)
        if isinstance(meaning, Missed):
            [lease] = tried.leases
            missed.append(MissedPush(lease=lease, missed=meaning, values=_noted(tried)))
        else:
            settlements.append(meaning)
        until = wait_until(tried, now)
        if until is not None:
            block(database, push_switch(tried.provider), until)
    if not settlements and not missed:
        return

    def write(connection: Connection[Any]) -> None:
        # What is left of a budget is read and spent in one transaction.
        with connection.transaction():
            going_on = _after_the_bus(connection, sender, missed, now)
            settle(connection, PUSHES, [*settlements, *going_on])

    with_connection(database, write)
    if pushes.tried:
        breakers.refund()


def _after_the_bus(
    connection: Connection[Any], sender: PushSender, missed: Sequence[MissedPush], now: datetime
) -> list[Settlement]:
    people = [each for each in missed if not is_broadcast(each.lease)]
    phones: Mapping[UUID, int] = {}
    if people and sender.push.fcm is not None:
        users = list({each.lease.values["user_id"] for each in people})
        phones = dict(connection.execute(_PHONES, {"users": users}).fetchall())
    ringing = [each.lease for each in people if each.lease.values["user_id"] in phones]
    verdicts = may_disturb(connection, ringing, now)
    settlements = [_broadcast(each) for each in missed if is_broadcast(each.lease)]
    for each in people:
        settlement = after_the_bus(
            each.lease,
            each.missed,
            now,
            phones=phones.get(each.lease.values["user_id"], 0),
            verdict=verdicts.get(each.lease.sequence, Disturb()),
        )
        values = {**each.values, **settlement.values}
        settlements.append(replace(settlement, values=values))
    return settlements


def _broadcast(each: MissedPush) -> Settlement:
    """Return how a broadcast goes on that the bus cannot take: the phones have their own."""
    if each.missed is NO_BUS:
        cause = Cause(code=NO_BUS.code, reason=NO_BUS.words)
        return end(each.lease, WorkState.CANCELLED, cause)
    return replace(wait_for_the_bus(each.lease, each.missed), values=each.values)


def _noted(tried: TriedRequest) -> dict[str, Any]:
    [result] = tried.reply.results
    in_doubt = isinstance(result, Unavailable) and result.may_be_accepted
    return {"provider": tried.provider, "answered": not in_doubt}
