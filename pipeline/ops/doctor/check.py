"""The types of a check and of its finding."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from pipeline.domain.errors import FanoutError
from pipeline.ops.doctor.installation import Installation


class Severity(StrEnum):
    """How bad a finding is. ``FAILED``: events are lost, exposed or stuck until a person acts."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


class CannotLook(FanoutError):
    """The check cannot run here. The text says why. This says nothing about the thing checked."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check saw, how bad that is, and how to fix it."""

    severity: Severity
    seen: str
    fix: str | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One check.

    Attributes:
        name: two or three words.
        looks_at: where the answer comes from.
        examine: returns the finding. Every exception it raises becomes a warning.
        needs: the flag that the check needs; None if it needs no flag.
        needs_fanout: whether there is nothing to check in a database with only the kernel.
    """

    name: str
    looks_at: str
    examine: Callable[[Installation], Finding]
    needs: str | None = None
    needs_fanout: bool = False


def ok(seen: str) -> Finding:
    """Return a finding that needs no action."""
    return Finding(Severity.OK, seen)


def warning(seen: str, fix: str | None = None) -> Finding:
    """Return a finding that works but not well, or that could not be checked."""
    return Finding(Severity.WARNING, seen, fix)


def failed(seen: str, fix: str) -> Finding:
    """Return a finding that does not work, or soon stops working."""
    return Finding(Severity.FAILED, seen, fix)
