"""Which events to replay: what the operator says, checked once."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipeline.domain.errors import UsageError
from pipeline.domain.identifiers import EventType


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """Events that meet every condition given; one that makes no sense cannot be made.

    Attributes:
        events: these and no others.
        fingerprint: with an open dead letter of this cause.
        event_type: of this type.
        since: created at this time or later; a dead letter without its event, buried then.
        until: created, or buried, before this time.
        missing: the ledger holds no final state of it.
        dead_letters: with an open dead letter.

    Raises:
        UsageError: no event is asked for, or none can meet all conditions.
    """

    events: tuple[int, ...] = ()
    fingerprint: str | None = None
    event_type: EventType | None = None
    since: datetime | None = None
    until: datetime | None = None
    missing: bool = False
    dead_letters: bool = False

    def __post_init__(self) -> None:
        given = [flag for flag, _ in self._given()]
        if not given:
            raise UsageError(
                "say which events: --event, --fingerprint, --type, --since, --missing"
                " or --dead-letters"
            )
        if self.events and len(given) > 1:
            raise UsageError(f"--event names its events: leave out {given[1]}")
        if self.missing and self.of_letters:
            other = "--fingerprint" if self.fingerprint else "--dead-letters"
            raise UsageError(
                f"--missing and {other} exclude each other: a dead letter's event is not missing"
            )
        if given == ["--until"]:
            raise UsageError("--until alone means everything there ever was: add --since")
        if self.since and self.until and self.since >= self.until:
            raise UsageError("--since must be before --until")

    @property
    def of_letters(self) -> bool:
        """Whether the events are found by their open dead letters."""
        return self.dead_letters or self.fingerprint is not None

    @property
    def description(self) -> dict[str, Any]:
        """What was asked for, by the names of the flags, for the record."""
        return {
            flag.removeprefix("--"): value.isoformat() if isinstance(value, datetime) else value
            for flag, value in self._given()
        }

    @property
    def arguments(self) -> list[str]:
        """What was asked for, as flags for a shell; times are absolute, however they were given."""
        return [" ".join([flag, *map(shlex.quote, _words(value))]) for flag, value in self._given()]

    @property
    def parameters(self) -> dict[str, Any]:
        """The conditions as the parameters of a statement."""
        return {
            "fingerprint": self.fingerprint,
            "event_type": self.event_type,
            "since": self.since,
            "until": self.until,
            "missing": self.missing,
        }

    def _given(self) -> Iterator[tuple[str, Any]]:
        values = (
            ("--event", self.events),
            ("--fingerprint", self.fingerprint),
            ("--type", self.event_type),
            ("--since", self.since),
            ("--until", self.until),
            ("--missing", self.missing),
            ("--dead-letters", self.dead_letters),
        )
        return ((flag, value) for flag, value in values if value)


def _words(value: object) -> list[str]:
    match value:
        case True:
            return []
        case tuple():
            return [str(each) for each in value]
        case datetime():
            return [value.isoformat()]
        case _:
            return [str(value)]
