"""Writes how the tries of events ended, and what follows from them: a batch in one statement."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

from pipeline import __version__
from pipeline.clients.postgres.halving import in_halves
from pipeline.clients.postgres.lease import settle
from pipeline.clients.postgres.retry import with_connection
from pipeline.domain.breaker import Breaker
from pipeline.domain.dead_letter import MAX_REASON_CHARACTERS, DeadLetter
from pipeline.domain.errors import PermanentError
from pipeline.domain.lease import Cause, Settlement, WorkState, end, put_back
from pipeline.domain.record import RecordKey
from pipeline.settings import DatabaseSettings
from pipeline.sinks.reaction_breaker import (
    BREAKER,
    Failed,
    by_type,
    is_answer,
    is_failure,
    is_lost,
    reaction_breakers_of,
    type_of,
)
from pipeline.steps.reactions.batches import REACT, WRITE
from pipeline.steps.reactions.table import REACTIONS
from pipeline.steps.reactions.trial import TRIAL

_UNKNOWN: Final = Cause(error_class="Unknown", reason="no reason was given")
_CHANGED: Final = Cause(reason="what the event builds on has changed since it was read")

_log: Final = logging.getLogger(__name__)


def write_reaction_results(
    settings: DatabaseSettings,
    settlements: Sequence[Settlement],
    stage: str = REACT,
    rule: Breaker = BREAKER,
    *,
    topic: str | None = None,
) -> list[DeadLetter]:
    """Settle events together with their effects and dead letters. Return these letters.

    A lease that another worker has taken over writes nothing. An event that Postgres rejects is
    dead. An event that would move a row which has changed since it was read is put back, and asked
    again.

    Args:
        settings: the database.
        settlements: how the tries ended.
        stage: the step in which they ended.
        rule: when to hold back a type whose events all fail.
        topic: to which the caller publishes the letters. They are noted until it has. None: it does
            not publish them.

    Raises:
        TransientError: not all could be written. What is lost is tried again: with the same ids.
        ConfigurationError: none can be written until a person fixes it.
    """
    breakers = reaction_breakers_of(settings, rule)
    failed = {each.lease.token: _failure(each, stage) for each in settlements if is_failure(each)}
    told = breakers.spare(settlements, failed)
    letters: list[DeadLetter] = []
    for some, result in in_halves(told, lambda each: _write(settings, each, stage, topic)):
        if isinstance(result, PermanentError):
            cause = Cause(error_class=type(result).__name__, reason=str(result))
            dead = [_dead(each, cause) for each in some]
            rejected = {each.lease.token: _failure(each, WRITE) for each in dead}
            failed |= rejected
            for each in breakers.spare(dead, rejected):
                letters += _write_dead(settings, each, topic)
        else:
            letters += result
    works = {type_of(each) for each in settlements if is_answer(each, failed)}
    # An open breaker does not spare these: they would end more workers.
    failed |= {each.lease.token: _failure(each, stage) for each in settlements if is_lost(each)}
    breakers.observe(by_type(failed.values()), works)
    return letters


def _failure(settlement: Settlement, stage: str) -> Failed:
    return Failed(
        event_type=type_of(settlement),
        event_id=settlement.lease.values["event_id"],
        fingerprint=_letter(settlement, stage).fingerprint,
        trial=TRIAL in settlement.lease.values,
    )


def _dead(settlement: Settlement, cause: Cause) -> Settlement:
    route = {"route": settlement.values.get("route")}
    return replace(end(settlement.lease, WorkState.DEAD, cause), values=route)


def _write(
    settings: DatabaseSettings, settlements: Sequence[Settlement], stage: str, topic: str | None
) -> list[DeadLetter]:
    letters = {
        each.lease.token: _letter(each, stage)
        for each in settlements
        if each.state is WorkState.DEAD
    }
    told = [_with_letter(each, letters, topic) for each in settlements]

    def work(connection: Connection[Any]) -> set[UUID]:
        settled = settle(connection, REACTIONS, told)
        beaten = [
            put_back(each.lease, _CHANGED)
            for each in settlements
            if each.values.get("moves") and each.lease.token not in settled
        ]
        if beaten:
            settle(connection, REACTIONS, beaten)
        return settled

    written = with_connection(settings, work)
    return [letter for token, letter in letters.items() if token in written]


def _write_dead(
    settings: DatabaseSettings, settlement: Settlement, topic: str | None
) -> list[DeadLetter]:
    """Settle an event that could not be written. If its dead letter cannot be either, without."""
    try:
        return _write(settings, [settlement], WRITE, topic)
    except PermanentError as error:
        _log.error(
            "the dead letter of event %s cannot be written: %s",
            settlement.lease.values["event_id"],
            error,
        )
        with_connection(settings, lambda connection: settle(connection, REACTIONS, [settlement]))
        return [_letter(settlement, WRITE)]


def _letter(settlement: Settlement, stage: str) -> DeadLetter:
    cause = settlement.cause or _UNKNOWN
    values = settlement.lease.values
    return DeadLetter(
        record=RecordKey(REACTIONS.source, str(values["event_id"])),
        event_type=values["event_type"],
        stage=stage,
        error_class=cause.error_class or "Unknown",
        reason=cause.reason[:MAX_REASON_CHARACTERS],
    )


def _with_letter(
    settlement: Settlement, letters: Mapping[UUID, DeadLetter], topic: str | None
) -> Settlement:
    letter = letters.get(settlement.lease.token)
    if letter is None:
        return settlement
    told = {
        "stage": letter.stage,
        "error_class": letter.error_class,
        "message": letter.reason,
        "fingerprint": letter.fingerprint,
        "version": __version__,
        "topic": topic,
    }
    return replace(settlement, values={**settlement.values, "letter": told})
