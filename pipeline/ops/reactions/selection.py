"""Finds the events of reactions that a selector selects, and what a replay would do with them."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.dead_letter import without_numbers
from pipeline.domain.errors import NotFound, UsageError
from pipeline.domain.identifiers import EventType
from pipeline.ops.reactions.figures import has_reactions
from pipeline.ops.reactions.present import check_reactions
from pipeline.ops.replay.limits import PlanLimits
from pipeline.ops.replay.selector import Selector
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.handlers import REACTION_HANDLERS
from pipeline.settings import DatabaseSettings

PAGE_SIZE: Final = 5_000
# Those that can be replayed. One that failed and waits is tried at once, and its tries restart.
AGAIN: Final = ("dead", "unrouted", "waiting")

_HAS_FANOUT: Final = "SELECT to_regclass('public.notification_processing') IS NOT NULL"
_SELECTED: Final = load(__package__, "selected")
_FAMILY: Final = load(__package__, "family_of_cause")


@dataclass(slots=True)
class ReactionPlan:
    """What a replay would do with the selected events if it were applied now.

    Attributes:
        types: how many events of each type would be tried again, by their state now.
        complete: how many events of each type are done. A replay leaves them.
        busy: how many are not processed yet, or are paused. A replay leaves them, too.
        no_handler: how many events of each type still have neither a handler nor a route. A replay
            leaves them.
        causes: why the dead ones are dead, with their counts.
        ids: the events that would be tried again, the first ones first.
    """

    types: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    complete: Counter[str] = field(default_factory=Counter)
    busy: Counter[str] = field(default_factory=Counter)
    no_handler: Counter[str] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)
    ids: list[UUID] = field(default_factory=list, repr=False)

    @property
    def all_types(self) -> list[str]:
        """The types of all selected events."""
        return sorted({*self.types, *self.complete, *self.busy, *self.no_handler})

    def add(self, event_id: UUID, event_type: str, state: str, *, has_handler: bool) -> None:
        """Count one event."""
        if state == "done":
            self.complete[event_type] += 1
        elif state not in AGAIN:
            self.busy[event_type] += 1
        elif not has_handler:
            self.no_handler[event_type] += 1
        else:
            self.types[event_type][state] += 1
            self.ids.append(event_id)


def plan_reactions(
    database: DatabaseSettings,
    selector: Selector,
    handlers: Mapping[EventType, ReactionHandler[Any]] = REACTION_HANDLERS,
    *,
    limits: PlanLimits | None = None,
) -> ReactionPlan:
    """Return what a replay of the selected events would do. Changes nothing.

    Args:
        database: with the login of an operator.
        selector: which events.
        handlers: of the types that the graph processes.
        limits: how large the plan may be, and how long it may take. None: as large as it is.

    Raises:
        NotFound: a named event, or an open dead letter of the cause, does not exist.
        UsageError: a condition is of no use for this family, or the plan exceeds a limit.
        ConfigurationError: this user may not read the tables, or the database lacks them.
        TransientError: the database does not answer.
    """
    if selector.missing:
        raise UsageError(
            "invalid --missing: expected only for the fan-out; the graph of reactions finds what is"
            " missing by itself"
        )
    check_reactions(database)
    plan, places = ReactionPlan(), dict[UUID, tuple[float, int]]()
    for row in _rows(database, selector):
        event_id, event_type, state, error_class, reason, is_routed, sequence, place = row
        # Events from before the pipeline have no sequence, and come first.
        places[event_id] = (-math.inf if sequence is None else sequence, place)
        has_handler = EventType(event_type) in handlers or is_routed
        plan.add(event_id, event_type, state, has_handler=has_handler)
        if limits is not None:
            limits.check(len(plan.ids))
        if state == "dead" and has_handler:
            plan.causes[f"{error_class or 'error'}: {without_numbers(reason or 'unknown')}"] += 1
    plan.ids.sort(key=places.__getitem__)
    if unknown := sorted(map(str, {*selector.events} - places.keys())):
        raise NotFound(
            f"the ledger of reactions has no event {', '.join(unknown)}: the graph has not found it"
            " yet, retention has deleted its row, or it does not exist"
        )
    if selector.fingerprint is not None and not places:
        raise NotFound(
            f"no open dead letter with the fingerprint {selector.fingerprint!r} meets the"
            " conditions: see dead-letters list"
        )
    return plan


def is_of_reactions(
    database: DatabaseSettings, selector: Selector, family: str | None = None
) -> bool:
    """Return whether a selector selects events of reactions.

    Where a person did not say, UUIDs, dotted types and fingerprints say it by themselves. Otherwise
    it is the fan-out, where that is installed.

    Args:
        database: with the login of an operator.
        selector: which events.
        family: ``fanout`` or ``reactions``, as a person said; None: they did not.

    Raises:
        UsageError: it names events of both families, or of the other one.
        TransientError: the database does not answer.
    """
    kinds = {isinstance(each, UUID) for each in selector.events}
    if len(kinds) > 1:
        raise UsageError("invalid --event: expected numbers or UUIDs, not both")
    if family is not None:
        of_reactions = family == "reactions"
        if kinds and kinds != {of_reactions}:
            expected = "UUIDs of reactions" if of_reactions else "numbers of the fan-out"
            raise UsageError(f"invalid --event: expected {expected}, as --family says")
        return of_reactions
    if selector.missing:
        # The graph of reactions finds by itself what is missing.
        return False
    if kinds:
        return kinds == {True}
    if selector.event_type is not None:
        return "." in selector.event_type

    def look(connection: Connection[Any]) -> bool:
        if not has_reactions(connection):
            return False
        if selector.fingerprint is not None:
            asked = {"fingerprint": selector.fingerprint}
            [(ours, others)] = connection.execute(_FAMILY, asked).fetchall()
            return bool(ours) and not others
        return connection.execute(_HAS_FANOUT).fetchone() != (True,)

    return with_connection(database, look)


def _rows(database: DatabaseSettings, selector: Selector) -> Iterator[tuple[Any, ...]]:
    conditions: Mapping[str, Any] = {
        **selector.parameters,
        "ids": list(selector.events) or None,
        "dead_letters": selector.dead_letters,
        "page": PAGE_SIZE,
    }
    after = 0
    while True:
        parameters = {**conditions, "after": after}

        def read(
            connection: Connection[Any], parameters: Mapping[str, Any] = parameters
        ) -> list[tuple[Any, ...]]:
            return connection.execute(_SELECTED, parameters).fetchall()

        page = with_connection(database, read)
        yield from page
        if len(page) < PAGE_SIZE:
            return
        after = page[-1][-1]
