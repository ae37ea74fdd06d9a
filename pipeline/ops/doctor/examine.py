"""Make every check; none costs another one."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import psycopg
from psycopg.errors import InsufficientPrivilege, LockNotAvailable

from pipeline.clients.postgres.errors import classify
from pipeline.domain.errors import FanoutError
from pipeline.ops.doctor.check import CannotLook, Check, Finding, warning
from pipeline.ops.doctor.checks import CHECKS
from pipeline.ops.doctor.installation import Installation, Unreachable


@dataclass(frozen=True, slots=True)
class Examined:
    """A check and what it found; without a finding it was left out, for want of a flag."""

    check: Check
    finding: Finding | None


def examine(installation: Installation, checks: Iterable[Check] = CHECKS) -> Iterator[Examined]:
    """Every check with its finding, in order."""
    for check in checks:
        given = check.needs is None or check.needs in _flags(installation)
        yield Examined(check, _finding(check, installation) if given else None)


def _flags(installation: Installation) -> set[str]:
    given = {
        "--cdc-host": installation.capture,
        "--subscription": installation.subscription,
        "--dead-letter-topic": installation.dead_letter_topic,
    }
    return {flag for flag, value in given.items() if value is not None}


def _finding(check: Check, installation: Installation) -> Finding:
    try:
        return check.examine(installation)
    except Exception as error:  # noqa: BLE001 - a broken check must not hide what the others find
        return _unseen(error)


def _unseen(error: Exception) -> Finding:
    match error:
        case CannotLook():
            return warning(f"not looked at: {error}")
        case Unreachable():
            return warning("not looked at: no connection to Postgres")
        case psycopg.Error():
            return _refused(error)
        case FanoutError():
            return warning(f"could not be looked at: {error}")
        case _:
            return warning(f"could not be looked at: {type(error).__name__}")


def _refused(error: psycopg.Error) -> Finding:
    match error:
        case LockNotAvailable():
            return warning("not looked at: its table is locked", "see what the check locks says")
        case InsufficientPrivilege():
            return warning("not visible to this role", "look as the owner of the tables")
        case _:
            return warning(f"could not be looked at: {classify(error)}")
