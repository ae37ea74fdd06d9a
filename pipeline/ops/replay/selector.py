"""The operator's choice of events to replay, checked once."""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pipeline.domain.errors import UsageError
from pipeline.domain.identifiers import EventType


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """Selects the events that meet all given conditions.

    Attributes:
        events: only these events: numbers of the fan-out, or UUIDs of reactions.
        fingerprint: events with an open dead letter of this cause.
        event_type: events of this type.
        since: events created at this time or later. Without a row, the dead letter's time counts.
        until: events created before this time. Without a row, the dead letter's time counts.
        missing: events without a final state in the ledger.
        dead_letters: events with an open dead letter.
        unrouted: events without a handler when they were processed.

    Raises:
        UsageError: there is no condition, or no event can meet all of them.
    """

    events: tuple[int | UUID, ...] = ()
    fingerprint: str | None = None
    event_type: EventType | None = None
    since: datetime | None = None
    until: datetime | None = None
    missing: bool = False
    dead_letters: bool = False
    unrouted: bool = False

    @classmethod
    def of(cls, description: Mapping[str, Any]) -> "Selector":
        """Return the selector that has this description."""
        return cls(
            events=tuple(description.get("event", ())),
            fingerprint=description.get("fingerprint"),
            event_type=description.get("type"),
            since=_moment(description.get("since")),
            until=_moment(description.get("until")),
            missing=description.get("missing", False),
            dead_letters=description.get("dead-letters", False),
            unrouted=description.get("unrouted", False),
        )

    def __post_init__(self) -> None:
        given = [flag for flag, _ in self._given()]
        if not given:
            raise UsageError(
                "say which events: --event, --fingerprint, --type, --since, --missing,"
                " --dead-letters or --unrouted"
            )
        if self.events and len(given) > 1:
            raise UsageError(f"--event already names the events: remove {given[1]}")
        if self.missing and self.of_letters:
            other = "--fingerprint" if self.fingerprint else "--dead-letters"
            raise UsageError(
                f"--missing and {other} exclude each other: an event with a dead letter is not"
                " missing"
            )
        if self.unrouted and (self.missing or self.of_letters):
            raise UsageError(
                f"--unrouted and {given[-2]} exclude each other: an event has one state"
            )
        if given == ["--until"]:
            raise UsageError("--until alone selects every older event: add --since")
        if self.since and self.until and self.since >= self.until:
            raise UsageError("--since must be before --until")

    @property
    def of_letters(self) -> bool:
        """Whether the events are found through their open dead letters."""
        return self.dead_letters or self.fingerprint is not None

    @property
    def description(self) -> dict[str, Any]:
        """The conditions by the names of their flags, for the record."""
        return {
            flag.removeprefix("--"): value.isoformat() if isinstance(value, datetime) else value
            for flag, value in self._given()
        }

    @property
    def arguments(self) -> list[str]:
        """The conditions as flags for a shell. Relative times become absolute."""
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
            "unrouted": self.unrouted,
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
            ("--unrouted", self.unrouted),
        )
        return ((flag, value) for flag, value in values if value)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


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
