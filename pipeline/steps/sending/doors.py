"""Which providers may be asked now: their switches and their rate limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Final, Generic, TypeVar

from psycopg import Connection

from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.delivery import DeliveryChannel
from pipeline.domain.switch import Switch, SwitchState
from pipeline.facts.switches import switches_of
from pipeline.settings import DatabaseSettings
from pipeline.steps.sending.rates import read_rates

ProviderT = TypeVar("ProviderT", bound=str)

_TAKE_TRIAL: Final = load(__package__, "take_trial")
_GIVE_BACK: Final = load(__package__, "give_back_trial")


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors(Generic[ProviderT]):
    """The providers at one moment.

    Attributes:
        open: those that may be asked, in their order.
        trial: the one that may be asked once, because its breaker has cooled off; the trial is
            ours alone.
        trial_until: when another worker may take a trial.
        allowed: how many requests each allows.
    """

    open: Sequence[ProviderT] = ()
    trial: ProviderT | None = None
    trial_until: datetime | None = None
    allowed: Mapping[ProviderT, int] = field(default_factory=dict)


def look_at_doors(
    settings: DatabaseSettings, channel: DeliveryChannel, switches: Mapping[ProviderT, str]
) -> Doors[ProviderT]:
    """Return which providers may be asked now. Takes the trial of one breaker, if there is one.

    While nothing of the channel is due, or the provider's rate allows no request, the trial stays
    for what comes next. Who takes it and asks nobody calls ``give_back_trial``.

    Args:
        settings: the database.
        channel: of the deliveries.
        switches: the providers in their order, and the name of the switch of each, which is also
            that of its rate limit.
    """
    known = switches_of(settings)
    found = {provider: known.find(name) for provider, name in switches.items()}
    names = list(switches.values())
    allowed = with_connection(settings, lambda connection: read_rates(connection, names))
    allows = {provider: allowed[name] for provider, name in switches.items() if name in allowed}
    closed = {each: switch for each, switch in found.items() if allows.get(each, 1) > 0}
    trial, until = _trial(settings, channel, closed)
    return Doors(
        open=[provider for provider in switches if found[provider] is None],
        trial=trial,
        trial_until=until,
        allowed=allows,
    )


def give_back_trial(settings: DatabaseSettings, doors: Doors[Any], name: str) -> None:
    """Let the next claim take a trial that asked nobody, as its delivery was not to be sent.

    Args:
        settings: the database.
        doors: with the trial that was taken.
        name: of its switch.
    """
    parameters = {"name": name, "until": doors.trial_until}
    with_connection(settings, lambda connection: connection.execute(_GIVE_BACK, parameters))
    switches_of(settings).forget()


def _trial(
    settings: DatabaseSettings,
    channel: DeliveryChannel,
    found: Mapping[ProviderT, Switch | None],
) -> tuple[ProviderT | None, datetime | None]:
    for provider, switch in found.items():
        if switch is None or switch.state is not SwitchState.OPEN or not switch.may_try:
            continue
        parameters = {"name": switch.name, "channel": channel}
        taken = with_connection(settings, partial(_take, parameters=parameters))
        switches_of(settings).forget()
        if taken is not None:
            return provider, taken
    return None, None


def _take(connection: Connection[Any], parameters: Mapping[str, str]) -> datetime | None:
    row = connection.execute(_TAKE_TRIAL, parameters).fetchone()
    return None if row is None else row[0]
