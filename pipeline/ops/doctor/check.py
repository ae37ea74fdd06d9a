"""What a check is, and what it finds."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from pipeline.domain.errors import FanoutError
from pipeline.ops.doctor.installation import Installation


class Severity(StrEnum):
    """``FAILED``: something is lost, open or at a standstill until a person acts."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


class CannotLook(FanoutError):
    """The check cannot be made here, for the reason given. It says nothing about its subject."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was seen, what to think of it, and what to do about it."""

    severity: Severity
    seen: str
    fix: str | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to look at.

    Attributes:
        name: two words or three.
        looks_at: where the answer comes from.
        examine: gives the finding; whatever it raises becomes a warning.
        needs: the flag without which there is nothing to look at.
    """

    name: str
    looks_at: str
    examine: Callable[[Installation], Finding]
    needs: str | None = None


def ok(seen: str) -> Finding:
    """All is well."""
    return Finding(Severity.OK, seen)


def warning(seen: str, fix: str | None = None) -> Finding:
    """It works, but not as it should; or nobody can tell."""
    return Finding(Severity.WARNING, seen, fix)


def failed(seen: str, fix: str) -> Finding:
    """It does not work, or not for long."""
    return Finding(Severity.FAILED, seen, fix)
