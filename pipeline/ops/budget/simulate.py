"""What a setting would have done to the pushes of the past, as the ledger has them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from psycopg import Connection

from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.delivery import Priority
from pipeline.domain.errors import ConfigurationError, UsageError
from pipeline.push.budget import PushBudget
from pipeline.push.simulate import PastPush, PushFigures, PushRules, simulate_pushes
from pipeline.settings import DatabaseSettings
from pipeline.steps.push.disturbance import hours_of
from pipeline.steps.sending.zones import zone_of

_HAS_PUSH: Final = "SELECT to_regclass('fanout.disturbance') IS NOT NULL"
_PUSHES: Final = load(__package__, "past_pushes")
_RULES: Final = load(__package__, "rules")


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedSetting:
    """A setting to try. None: as the database has it. People's own settings hold all the same.

    Attributes:
        per_hour: pushes to a person in any 60 minutes.
        per_day: in any 24 hours.
        quiet: the hours of the day at which quiet hours begin and end, from 0 to 23.
    """

    per_hour: int | None = None
    per_day: int | None = None
    quiet: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        for name, value in (("per-hour", self.per_hour), ("per-day", self.per_day)):
            if value is not None and value < 0:
                raise UsageError(f"invalid {name} '{value}': expected 0 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedBudget:
    """What a setting would have done.

    Attributes:
        pushes: that were about to go to phones.
        recipients: the people to whom.
        was: what became of them.
        would_be: what would have become of them.
    """

    pushes: int
    recipients: int
    was: PushFigures
    would_be: PushFigures


def quiet_hours_of(text: str) -> tuple[int, int]:
    """Return the hours in a text such as ``22-08``.

    Raises:
        UsageError: it is none.
    """
    begins, dash, ends = text.partition("-")
    if dash and all(each.isdecimal() and each.isascii() for each in (begins, ends)):
        hours = int(begins), int(ends)
        if all(hour < 24 for hour in hours):  # noqa: PLR2004 - hours of a day
            return hours
    raise UsageError(f"invalid quiet hours {text!r}: expected two hours such as 22-08")


def simulate_budget(
    settings: DatabaseSettings, period: timedelta, setting: TriedSetting
) -> SimulatedBudget:
    """Return what a setting would have done to the pushes of a period that ends now.

    Raises:
        ConfigurationError: the database lacks the tables of push, or knows no zone.
        TransientError: it did not answer.
    """
    return with_connection(settings, lambda connection: _simulate(connection, period, setting))


def _simulate(
    connection: Connection[Any], period: timedelta, setting: TriedSetting
) -> SimulatedBudget:
    if connection.execute(_HAS_PUSH).fetchone() != (True,):
        raise ConfigurationError(
            "the database lacks the tables of push; run: python -m pipeline migrate --family push"
        )
    rows = connection.execute(_PUSHES, {"seconds": period.total_seconds()}).fetchall()
    users = sorted({row[0] for row in rows})
    quiet_from, quiet_until = setting.quiet or (None, None)
    parameters = {
        "users": users,
        "per_hour": setting.per_hour,
        "per_day": setting.per_day,
        "quiet_from": None if quiet_from is None else quiet_from * 3600,
        "quiet_until": None if quiet_until is None else quiet_until * 3600,
    }
    rules = {row[0]: _rules(row[1:]) for row in connection.execute(_RULES, parameters)}
    pushes = [
        PastPush(user_id=user, at=at, priority=Priority(priority), expires_at=expires_at)
        for user, priority, at, expires_at, *_ in rows
    ]
    return SimulatedBudget(
        pushes=len(pushes),
        recipients=len(users),
        was=_was(rows),
        would_be=simulate_pushes(pushes, rules),
    )


def _rules(row: Sequence[Any]) -> PushRules:
    zone, usual_zone, quiet_from, quiet_until, windows, per_hour, per_day = row
    return PushRules(
        zone=zone_of(zone, usual_zone),
        hours=hours_of(quiet_from, quiet_until, windows),
        budget=PushBudget(per_hour=per_hour, per_day=per_day),
    )


def _was(rows: Sequence[Sequence[Any]]) -> PushFigures:
    return PushFigures(
        sent=sum(sent for *_, sent, _, _, _ in rows),
        held=sum(held for *_, held, _, _ in rows),
        over_budget=sum(over for *_, over, _ in rows),
        expired=sum(held and expired for *_, held, _, expired in rows),
        people=len({row[0] for row in rows if row[5] or row[6]}),
    )
