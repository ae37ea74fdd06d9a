"""Run every check. A check that fails does not stop the others."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import psycopg
from psycopg.errors import InsufficientPrivilege, LockNotAvailable

from pipeline.clients.postgres.errors import classify
from pipeline.domain.errors import FanoutError
from pipeline.ops.doctor.check import CannotLook, Check, Finding, ok, warning
from pipeline.ops.doctor.checks import CHECKS
from pipeline.ops.doctor.installation import Installation, Unreachable
from pipeline.ops.installed import NO_FANOUT, lacks_fanout


@dataclass(frozen=True, slots=True)
class Examined:
    """A check and its finding. Without a finding, the check did not run: its flag is missing."""

    check: Check
    finding: Finding | None


def examine(installation: Installation, checks: Iterable[Check] = CHECKS) -> Iterator[Examined]:
    """Run the checks in order; yield each with its finding."""
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
    if installation.seconds_left <= 0:
        return warning(f"not checked: all checks together have taken {installation.seconds:g} s")
    try:
        if check.needs_fanout and lacks_fanout(installation.connection()):
            return ok(NO_FANOUT)
        return check.examine(installation)
    except Exception as error:  # noqa: BLE001 - a broken check must not stop the other checks
        return _unseen(error)


def _unseen(error: Exception) -> Finding:
    match error:
        case CannotLook():
            return warning(f"not checked: {error}")
        case Unreachable():
            return warning("not checked: no connection to Postgres")
        case psycopg.Error():
            return _refused(error)
        case FanoutError():
            return warning(f"could not be checked: {error}")
        case _:
            return warning(f"could not be checked: {type(error).__name__}")


def _refused(error: psycopg.Error) -> Finding:
    match error:
        case LockNotAvailable():
            return warning("not checked: its table is locked", "see the check locks")
        case InsufficientPrivilege():
            return warning("not visible to this role", "run doctor as the owner of the tables")
        case _:
            return warning(f"could not be checked: {classify(error)}")
