"""Which providers may be asked now: their switches and their rate limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors(Generic[ProviderT]):
    """The providers at one moment.

    Attributes:
        open: those that may be asked, in their order.
        trial: the one that may be asked once, because its breaker has cooled off; the trial is
            ours alone.
        allowed: how many requests each allows.
    """

    open: Sequence[ProviderT] = ()
    trial: ProviderT | None = None
    allowed: Mapping[ProviderT, int] = field(default_factory=dict)


def look_at_doors(
    settings: DatabaseSettings, channel: DeliveryChannel, switches: Mapping[ProviderT, str]
) -> Doors[ProviderT]:
    """Return which providers may be asked now. Takes the trial of one breaker, if there is one.

    While nothing of the channel is due, the trial stays for what comes next.

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
    return Doors(
        open=[provider for provider in switches if found[provider] is None],
        trial=_trial(settings, channel, found),
        allowed={provider: allowed[name] for provider, name in switches.items() if name in allowed},
    )


def _trial(
    settings: DatabaseSettings,
    channel: DeliveryChannel,
    found: Mapping[ProviderT, Switch | None],
) -> ProviderT | None:
    for provider, switch in found.items():
        if switch is None or switch.state is not SwitchState.OPEN or not switch.may_try:
            continue
        parameters = {"name": switch.name, "channel": channel}
        taken = with_connection(settings, partial(_take, parameters=parameters))
        switches_of(settings).forget()
        if taken:
            return provider
    return None


def _take(connection: Connection[Any], parameters: Mapping[str, str]) -> bool:
    return connection.execute(_TAKE_TRIAL, parameters).fetchone() is not None
