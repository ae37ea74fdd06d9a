"""Asks the handlers about leased events: leases in; how each try ends, with its effects, out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import chain
from typing import Any, Final, assert_never

from psycopg import Connection

from pipeline.clients.postgres.halving import in_halves
from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.clock import Clock, utc_now
from pipeline.domain.errors import PermanentError
from pipeline.domain.handler_failure import failed
from pipeline.domain.identifiers import EventType
from pipeline.domain.lease import Cause, Lease, Settlement, WorkState, end, fail, park, put_back
from pipeline.facts.reactions import read_answers
from pipeline.reactions.ask import outcome_of, questions_of
from pipeline.reactions.effects import FollowUp, Move, Reaction
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers, Question
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.identifiers import ReactionId, id_from
from pipeline.reactions.outcome import Done, GaveUp, ReactionOutcome, RetryAt
from pipeline.reactions.route import Route, RouteTo
from pipeline.reactions.row import MAX_EVENT_BYTES, ReactionRow, decode_reaction
from pipeline.steps.reactions.reactor import Reactor
from pipeline.steps.reactions.routed import route_of, routed, sent
from pipeline.steps.reactions.suspect import given_up

# A handler that asks for a time that has passed is asked again after this.
AT_LEAST: Final = timedelta(seconds=1)
# The class of the error if an event was deleted.
UNKNOWN_EVENT: Final = "UnknownEvent"

_READ: Final = load(__package__, "read_events")
# A plan that was made while the table was small is kept while it grows: a batch took 0.7 s.
_BY_INDEX: Final = "SET LOCAL enable_seqscan = off"
_UNWANTED: Final = Cause(reason="its handler does not want it")


@dataclass(frozen=True, slots=True)
class AskedReaction:
    """A leased event, and the handler that its type or its route names."""

    lease: Lease
    handler: ReactionHandler[Any]
    event: ReactionEvent[Any]
    route: Route | None = None


# An event, and what its handler needs to know.
_Asking = tuple[AskedReaction, frozenset[Question]]


def react(reactor: Reactor, leases: Sequence[Lease], clock: Clock = utc_now) -> list[Settlement]:
    """Return how each try ends. What follows from an event is in the values of its settlement.

    Raises:
        TransientError: the events could not be read.
        ConfigurationError: they cannot be read until a person fixes it.
    """
    asked, settlements = decode_reactions(reactor, leases)
    return settlements + ask_handlers(reactor, asked, clock)


def decode_reactions(
    reactor: Reactor, leases: Sequence[Lease]
) -> tuple[list[AskedReaction], list[Settlement]]:
    """Read and decode leased events. Return them with their handlers, and how the others end.

    Raises:
        TransientError: the events could not be read.
        ConfigurationError: they cannot be read until a person fixes it.
    """
    settlements = [ended for each in leases if (ended := given_up(each)) is not None]
    tried = [each for each in leases if given_up(each) is None]
    rows = with_connection(reactor.database, lambda connection: _read(connection, tried))
    asked: list[AskedReaction] = []
    for lease in tried:
        decoded = _decoded(reactor, lease, rows.get(lease.values["event_id"]))
        if isinstance(decoded, AskedReaction):
            asked.append(decoded)
        else:
            settlements.append(decoded)
    return asked, settlements


def ask_handlers(
    reactor: Reactor, asked: Sequence[AskedReaction], clock: Clock = utc_now
) -> list[Settlement]:
    """Ask the handlers of events. Return how each try ends.

    Raises:
        TransientError: what they want to know could not be read.
        ConfigurationError: it cannot be read until a person fixes it.
    """
    asking: list[_Asking] = []
    settlements: list[Settlement] = []
    for each in asked:
        try:
            if each.handler.wants(each.event):
                asking.append((each, questions_of(each.handler, each.event)))
            else:
                unwanted = end(each.lease, WorkState.DONE, _UNWANTED)
                settlements.append(routed(unwanted, each.route))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a bug of one handler
            settlements.append(routed(_failed(reactor, each, error), each.route))
    for some, answers in in_halves(asking, lambda each: _answers(reactor, each)):
        for each, _ in some:
            if isinstance(answers, PermanentError):
                settlement = end(each.lease, WorkState.DEAD, _cause(answers))
            else:
                settlement = _settlement(reactor, each, answers, clock)
            settlements.append(routed(settlement, each.route))
    return settlements


def _answers(reactor: Reactor, asking: Sequence[_Asking]) -> Answers:
    questions = frozenset(chain.from_iterable(wanted for _, wanted in asking))
    if not questions:
        return Answers()
    return with_connection(reactor.database, lambda connection: read_answers(connection, questions))


def _read(connection: Connection[Any], leases: Sequence[Lease]) -> dict[Any, ReactionRow]:
    names = (
        *("id", "type", "created_at", "aggregate_type", "aggregate_id"),
        *("payload", "metadata", "version", "route"),
    )
    parameters = {
        "ids": [each.values["event_id"] for each in leases],
        "most_bytes": MAX_EVENT_BYTES,
    }
    with connection.pipeline(), connection.transaction():
        connection.execute(_BY_INDEX)
        found = connection.execute(_READ, parameters).fetchall()
    return {
        row[0]: ReactionRow(**dict(zip(names, (*row[:-4], route_of(*row[-4:])), strict=True)))
        for row in found
    }


def _decoded(reactor: Reactor, lease: Lease, row: ReactionRow | None) -> AskedReaction | Settlement:
    if row is None:
        reason = "it was deleted, or has no valid created_at"
        return end(lease, WorkState.DEAD, Cause(error_class=UNKNOWN_EVENT, reason=reason))
    if row.route is not None and row.route.to is not RouteTo.HANDLER:
        return sent(lease, row.route)
    # The ledger has no type of an event whose column was empty when it was found.
    own = lease.values["event_type"] or row.type
    named = own if row.route is None else row.route.target
    handler = reactor.handlers.get(EventType(named or ""))
    if handler is None:
        what = "its type" if row.route is None else "the type that its route names"
        parked = park(lease, Cause(reason=f"{what} has no handler"))
        closes = {"closes": reactor.closes_unrouted}
        return routed(replace(parked, values=closes), row.route)
    try:
        event = decode_reaction(row, handler.payload, lease.values["depth"])
    except PermanentError as error:
        return routed(end(lease, WorkState.DEAD, _cause(error)), row.route)
    return AskedReaction(lease, handler, event, row.route)


def _settlement(
    reactor: Reactor, each: AskedReaction, answers: Answers, clock: Clock
) -> Settlement:
    try:
        outcome = outcome_of(each.handler, each.event, answers)
        return _answered(reactor, each, outcome, clock)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a bug of one handler
        return _failed(reactor, each, error)


def _answered(
    reactor: Reactor, each: AskedReaction, outcome: ReactionOutcome, clock: Clock
) -> Settlement:
    match outcome:
        case Done(effects):
            written = [_written(reactor, each.event.id, effect) for effect in effects]
            moves = [_move(effect) for effect in effects if isinstance(effect, Move)]
            values = {"effects": written, "moves": moves or None}
            return replace(end(each.lease, WorkState.DONE), values=values)
        case RetryAt():
            due_at = max(outcome.at, clock() + AT_LEAST)
            waits = put_back(each.lease, Cause(error_class="RetryAt", reason=outcome.reason))
            return replace(waits, due_at=due_at)
        case GaveUp():
            cause = Cause(error_class="GaveUp", reason=outcome.reason)
            return end(each.lease, WorkState.DEAD, cause)
        case _:
            assert_never(outcome)


def _failed(reactor: Reactor, each: AskedReaction, error: Exception | SystemExit) -> Settlement:
    cause = replace(_cause(failed(each.handler, error)), code=type(error).__name__)
    pause = reactor.retries.pause(each.lease.failures)
    if pause is None:
        return end(each.lease, WorkState.DEAD, cause)
    return fail(each.lease, cause, pause=pause)


def _cause(error: PermanentError) -> Cause:
    return Cause(error_class=type(error).__name__, reason=str(error))


def _move(move: Move) -> dict[str, Any]:
    return {
        "saga": move.saga,
        "id": move.id,
        "seen_status": move.seen.status,
        "seen_responses": len(move.seen.responses),
        "status": move.status,
        "response": move.response,
        "answered_by": move.answered_by,
        "at": move.at,
    }


def _written(reactor: Reactor, event_id: ReactionId, effect: Reaction) -> dict[str, Any]:
    """Return an effect as the statement that writes it expects it."""
    names = (name for name in type(effect).__slots__ if name != "name")
    body = {name: getattr(effect, name) for name in names}
    if isinstance(effect, FollowUp):
        handler = reactor.handlers.get(effect.type)
        body["routed"] = handler is not None
        body["closed"] = handler is None and reactor.closes_unrouted
        body["in_order"] = reactor.in_order
        body["one_at_a_time"] = handler and handler.one_at_a_time
    return {"kind": type(effect).__name__, "id": id_from(event_id, effect.name), "body": body}
