"""Write outcomes: a batch in one statement, atomic, harmless when repeated."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Self

import orjson
from psycopg import Connection

from pipeline import __version__
from pipeline.domain.dead_letter import DeadLetter
from pipeline.domain.effects import Channel, Email, Notification, ThreadActivity, channel_of
from pipeline.domain.errors import NotStorable, PermanentError, UnknownEvent
from pipeline.domain.outcome import Outcome
from pipeline.postgres.retry import with_connection
from pipeline.postgres.sql import load
from pipeline.settings import DatabaseSettings

STAGE: Final = "write"
# A message to the server may have 1 GB, and long before that it costs memory at both ends.
MAX_DOCUMENT_BYTES: Final = 64 * 2**20

_WRITE: Final = load(__package__, "write_outcomes")


@dataclass(frozen=True, slots=True)
class Written:
    """What a batch came to; what the ledger held as completed already is in no list.

    Attributes:
        outcomes: those written now, each with the milliseconds from the event's row to its own.
        letters: a dead letter for each event that Postgres refuses, or has no row of.
        missing: those whose events have no row any more.
    """

    outcomes: Sequence[tuple[Outcome, int]] = ()
    letters: Sequence[DeadLetter] = ()
    missing: Sequence[Outcome] = ()

    def __add__(self, other: Self) -> "Written":
        """Both."""
        return Written(
            [*self.outcomes, *other.outcomes],
            [*self.letters, *other.letters],
            [*self.missing, *other.missing],
        )


def write_outcomes(settings: DatabaseSettings, outcomes: Sequence[Outcome]) -> Written:
    """Write outcomes with everything that follows from them.

    Each event is written whole or not at all, once however often it is offered. Where Postgres
    refuses a batch it is halved until the rows at fault stand alone: n outcomes with one of them
    bad take at most 2 * log2(n) + 1 statements.

    Raises:
        TransientError: not all could be written; offer all of them again.
        ConfigurationError: none can be written.
    """
    distinct = list({outcome.event_id: outcome for outcome in outcomes}.values())
    written = _write(settings, distinct)
    lost = [_letter(outcome, _missing()) for outcome in written.missing]
    return replace(written, missing=()) + Written(letters=lost)


def _letter(outcome: Outcome, error: PermanentError) -> DeadLetter:
    return DeadLetter.of_event(outcome.event_id, outcome.event_type, STAGE, error)


def _write(settings: DatabaseSettings, outcomes: Sequence[Outcome]) -> Written:
    if not outcomes:
        return Written()
    try:
        return _write_at_once(settings, outcomes)
    except PermanentError as error:
        if len(outcomes) == 1:
            return Written(letters=[_letter(outcomes[0], error)])
        middle = len(outcomes) // 2
        return _write(settings, outcomes[:middle]) + _write(settings, outcomes[middle:])


def _write_at_once(settings: DatabaseSettings, outcomes: Sequence[Outcome]) -> Written:
    parameters = {"batch": _document(outcomes), "version": __version__}

    def write(connection: Connection[Any]) -> list[tuple[int, str, int]]:
        return connection.execute(_WRITE, parameters).fetchall()

    states = {event_id: (state, ms) for event_id, state, ms in with_connection(settings, write)}
    written, missing = [], []
    for outcome in outcomes:
        state, milliseconds = states[outcome.event_id]
        if state == "written":
            written.append((outcome, milliseconds))
        elif state == "missing":
            missing.append(outcome)
    return Written(written, missing=missing)


def _missing() -> PermanentError:
    return UnknownEvent("its row of domain_events was deleted meanwhile")


def _document(outcomes: Iterable[Outcome]) -> str:
    """The batch as the JSON document that the statement unpacks.

    Raises:
        NotStorable: JSON cannot say what an effect holds, or the document grows too large.
    """
    lists: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("events", "notifications", "counts", "emails", "skips")
    }
    for outcome in outcomes:
        event_id = outcome.event_id
        channels = [channel_of(effect) for _, effect in outcome.effects]
        lists["events"].append(
            {
                "event_id": event_id,
                "event_type": outcome.event_type,
                "status": outcome.status,
                "reason": outcome.reason,
                "notifications": channels.count(Channel.IN_APP),
                "emails": channels.count(Channel.EMAIL),
                "skipped": len(outcome.skips),
            }
        )
        for user_id, effect in outcome.effects:
            name, row = _row(effect)
            lists[name].append({"event_id": event_id, "user_id": user_id, **row})
        lists["skips"] += [
            {
                "event_id": event_id,
                "user_id": skip.user_id,
                "channel": skip.channel,
                "reason": skip.reason,
                "preference_id": skip.preference_id,
            }
            for skip in outcome.skips
        ]
    try:
        document = orjson.dumps(lists)
    except TypeError:
        raise NotStorable("an effect holds a value that JSON cannot express") from None
    if len(document) > MAX_DOCUMENT_BYTES:
        limit = MAX_DOCUMENT_BYTES // 2**20
        raise NotStorable(f"the rows that follow take more than the {limit} MB of a statement")
    return document.decode()


def _row(effect: Notification | ThreadActivity | Email) -> tuple[str, dict[str, Any]]:
    match effect:
        case Notification():
            return "notifications", {
                "kind": effect.kind,
                "title": effect.title,
                "body": effect.body,
                "link_url": effect.link,
                "payload": effect.payload,
            }
        case ThreadActivity():
            return "counts", {
                "thread_id": effect.thread_id,
                "thread_name": effect.thread_name,
                "label": effect.label,
                "project_name": effect.project_name,
                "link_url": effect.link,
            }
        case Email():
            return "emails", {
                "delivery_type": effect.delivery,
                "project_id": effect.project_id,
                "project_name": effect.project_name,
                "subject": effect.subject,
                "body_data": effect.data,
            }
