"""Checks claimed deliveries of push: those that are still to be sent, and how the others end."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from psycopg import Connection

from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.delivery import DeliveryChannel
from pipeline.domain.lease import Cause, Lease, Settlement, put_back
from pipeline.push.fallback import Missed
from pipeline.steps.push.channel import Found, NotSent, PushChannel, ToSend
from pipeline.steps.push.channels import CHANNELS
from pipeline.steps.push.claim import ClaimedPushes
from pipeline.steps.push.outbox import AskedPush
from pipeline.steps.push.sender import LEASE, PushSender, push_switch
from pipeline.steps.push.tried import MissedPush
from pipeline.steps.sending.doors import give_back_trial
from pipeline.steps.sending.rates import take

# A delivery that may be sent, and the lease on it.
Ready: TypeAlias = tuple[Lease, ToSend]

_CHECK: Final = load(__package__, "check_and_note")


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedPushes:
    """A batch after the check.

    Attributes:
        channel: of all of them.
        asked: the requests to make, noted in the ledger, the most urgent first.
        missed: those that the bus cannot bring to anybody now.
        settlements: how the others end.
    """

    channel: DeliveryChannel
    asked: Sequence[AskedPush] = ()
    missed: Sequence[MissedPush] = ()
    settlements: Sequence[Settlement] = ()


def check_pushes(sender: PushSender, claimed: ClaimedPushes) -> CheckedPushes:
    """Check a batch of claimed deliveries, and note which providers are asked.

    The trial of a breaker is given back if none of them is sent to its provider.

    Raises:
        TransientError: the database did not answer.
        ConfigurationError: a statement cannot succeed.
    """
    checked = _checked(sender, CHANNELS[claimed.channel], claimed)
    trial = claimed.doors.trial
    if trial is not None and not any(each.trial for each in checked.asked):
        give_back_trial(sender.database, claimed.doors, push_switch(trial))
    return checked


def _checked(sender: PushSender, channel: PushChannel, claimed: ClaimedPushes) -> CheckedPushes:
    if not claimed.leases:
        return CheckedPushes(channel=channel.name)

    ready, missed, settlements, reasons = with_connection(
        sender.database, lambda connection: _look(connection, sender, channel, claimed)
    )
    asked = []
    for lease, each in ready:
        # Another worker has taken it over if it is missing.
        reason = reasons.get(lease.sequence, "")
        if reason is None:
            is_trial = each.provider == claimed.doors.trial
            asked.append(
                AskedPush(
                    provider=each.provider, leases=(lease,), message=each.message, trial=is_trial
                )
            )
        elif reason:
            settlements.append(NotSent(code=reason).settlement(lease))
    return CheckedPushes(channel=channel.name, asked=asked, missed=missed, settlements=settlements)


def _look(
    connection: Connection[Any], sender: PushSender, channel: PushChannel, claimed: ClaimedPushes
) -> tuple[list[Ready], list[MissedPush], list[Settlement], dict[int, str | None]]:
    found = channel.find(sender, connection, claimed.leases, claimed.doors)
    ready, missed, settlements = _sorted(claimed.leases, found)
    if channel.takes:
        ready, others = _within_rate(connection, ready)
        settlements += others
    return ready, missed, settlements, _note(connection, ready)


def _sorted(
    leases: Sequence[Lease], found: Mapping[int, Found]
) -> tuple[list[Ready], list[MissedPush], list[Settlement]]:
    ready: list[Ready] = []
    missed: list[MissedPush] = []
    settlements: list[Settlement] = []
    for lease in leases:
        match found[lease.sequence]:
            case ToSend() as each:
                ready.append((lease, each))
            case Missed() as each:
                missed.append(MissedPush(lease=lease, missed=each))
            case other:
                settlements.append(other.settlement(lease))
    return ready, missed, settlements


def _within_rate(
    connection: Connection[Any], ready: Sequence[Ready]
) -> tuple[list[Ready], list[Settlement]]:
    """Return those for which the rate limits have requests, and how the others go back."""
    by_provider: defaultdict[str, list[Ready]] = defaultdict(list)
    for each in ready:
        by_provider[each[1].provider].append(each)
    granted: list[Ready] = []
    settlements: list[Settlement] = []
    cause = Cause(code="waits", reason="no place in the rate")
    for provider, some in by_provider.items():
        most = take(connection, push_switch(provider), len(some))
        granted += some[:most]
        settlements += [put_back(lease, cause) for lease, _ in some[most:]]
    return granted, settlements


def _note(connection: Connection[Any], ready: Sequence[Ready]) -> dict[int, str | None]:
    """Note that providers are asked. Return why not, by sequence; None: it is noted."""
    if not ready:
        return {}
    parameters = {
        "seconds": LEASE.total_seconds(),
        "sequences": [lease.sequence for lease, _ in ready],
        "tokens": [lease.token for lease, _ in ready],
        "providers": [each.provider for _, each in ready],
    }
    return dict(connection.execute(_CHECK, parameters).fetchall())
