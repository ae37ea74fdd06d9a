"""Checks of reactions: events are processed, have a handler, and nobody sets them back."""

from typing import Final

from pipeline.clients.postgres.session import working
from pipeline.domain.names import named
from pipeline.domain.units import counted, duration
from pipeline.ops.doctor.check import Check, Finding, failed, ok, warning
from pipeline.ops.doctor.installation import Installation
from pipeline.ops.reactions.figures import (
    ReactionFigures,
    SetBack,
    UnroutedReactions,
    has_reactions,
    read_reactions,
    read_set_back,
    read_unrouted,
)

# What is due for so long is late. A graph that runs takes it within a second.
LATE_SECONDS: Final = 60
NOT_INSTALLED: Final = "the family reactions is not installed"
_RUN: Final = "python -m pipeline run --graph reactions"


def judge_reactions(figures: ReactionFigures | None) -> Finding:
    """Judge whether events of reactions wait too long."""
    if figures is None:
        return ok(NOT_INSTALLED)
    if figures.stuck:
        return failed("; ".join(figures.standstills), f"start it, or see its log: {_RUN}")
    if figures.oldest_seconds is not None and figures.oldest_seconds >= LATE_SECONDS:
        return warning(
            f"{counted(figures.due, 'event')} could be processed, the oldest for"
            f" {duration(figures.oldest_seconds)}",
            f"see the log of {_RUN}",
        )
    retried = f", {figures.retried:,} of them are tried again" if figures.retried else ""
    return ok(f"{counted(figures.waiting, 'event')} not processed yet{retried}; none is late")


def judge_unrouted(unrouted: UnroutedReactions | None) -> Finding:
    """Judge whether events have no handler."""
    if unrouted is None:
        return ok(NOT_INSTALLED)
    if not unrouted.events:
        return ok("every event has a handler")
    types = ", ".join(f"{named(name)} ({events:,})" for name, events in unrouted.types.items())
    if unrouted.events > sum(unrouted.types.values()):
        types += " and others"
    untyped = "fill event_type where it is empty, " if "" in unrouted.types else ""
    return warning(
        f"{counted(unrouted.events, 'event')} without a handler: {types}",
        f"{untyped}write a handler (docs/reactions.md), then:"
        " python -m pipeline replay --family reactions --unrouted",
    )


def judge_set_back(set_back: SetBack | None) -> Finding:
    """Judge whether somebody has set the column ``processed`` of events back."""
    if set_back is None:
        return ok(NOT_INSTALLED)
    if set_back.sample is None:
        return ok("the column processed is true for every event that has ended")
    have = "has ended, but its" if set_back.events == 1 else "have ended, but their"
    return warning(
        f"{counted(set_back.events, 'event')} {have} column processed is not true: setting it back"
        " runs no event again",
        f"to run one that is dead again: python -m pipeline replay --event {set_back.sample};"
        " otherwise set the column to true",
    )


def _reactions(installation: Installation) -> Finding:
    connection = installation.connection()
    with working(connection):
        return judge_reactions(read_reactions(connection))


def _unrouted(installation: Installation) -> Finding:
    connection = installation.connection()
    with working(connection):
        found = read_unrouted(connection) if has_reactions(connection) else None
        return judge_unrouted(found)


def _set_back(installation: Installation) -> Finding:
    connection = installation.connection()
    with working(connection):
        found = read_set_back(connection) if has_reactions(connection) else None
        return judge_set_back(found)


CHECKS: Final = (
    Check("reactions", "fanout.reactions", _reactions),
    Check("reaction types", "fanout.reactions", _unrouted),
    Check("set back", "reactions.events.processed", _set_back),
)
