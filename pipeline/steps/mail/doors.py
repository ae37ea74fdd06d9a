"""Which providers may be asked now: their switches and their rate limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from psycopg import Connection

from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.switch import Switch, SwitchState
from pipeline.facts.switches import switches_of
from pipeline.settings import DatabaseSettings
from pipeline.settings.mail import ProviderName
from pipeline.steps.mail.rates import read_rates
from pipeline.steps.mail.sender import Sender, switch_of

_TAKE_TRIAL: Final = load(__package__, "take_trial")


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """The providers at one moment.

    Attributes:
        open: those that may be asked, in their order.
        trial: the one that may be asked once, because its breaker has cooled off; the trial is
            ours alone.
        allowed: how many requests each allows.
    """

    open: Sequence[ProviderName]
    trial: ProviderName | None = None
    allowed: Mapping[ProviderName, int] = field(default_factory=dict)


def look_at_doors(sender: Sender) -> Doors:
    """Return which providers may be asked now. Takes the trial of one breaker, if there is one."""
    names = sender.mail.providers
    switches = switches_of(sender.database)
    found = {name: switches.find(switch_of(name)) for name in names}
    return Doors(
        open=[name for name in names if found[name] is None],
        trial=_trial(sender.database, found),
        allowed=with_connection(sender.database, lambda connection: read_rates(connection, names)),
    )


def _trial(
    settings: DatabaseSettings, found: Mapping[ProviderName, Switch | None]
) -> ProviderName | None:
    for name, switch in found.items():
        if switch is None or switch.state is not SwitchState.OPEN or not switch.may_try:
            continue
        taken = with_connection(settings, partial(_take, name=name))
        switches_of(settings).forget()
        if taken:
            return name
    return None


def _take(connection: Connection[Any], name: ProviderName) -> bool:
    return connection.execute(_TAKE_TRIAL, {"name": switch_of(name)}).fetchone() is not None
