"""Write outcomes: a batch in one statement, atomic, harmless when repeated."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

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
from pipeline.sinks.tally import count_outcomes

STAGE: Final = "write"
# A message to the server may have 1 GB, and long before that it costs memory at both ends.
MAX_DOCUMENT_BYTES: Final = 64 * 2**20

_WRITE: Final = load(__package__, "write_outcomes")


def write_outcomes(settings: DatabaseSettings, outcomes: Sequence[Outcome]) -> list[DeadLetter]:
    """Write outcomes with everything that follows from them.

    Each event is written whole or not at all, once however often it is offered. Where Postgres
    refuses a batch it is halved until the rows at fault stand alone: n outcomes with one of them
    bad take at most 2 * log2(n) + 1 statements.

    Returns:
        A dead letter for each event that Postgres refuses, or has no row of.

    Raises:
        TransientError: not all could be written; offer all of them again.
        ConfigurationError: none can be written.
    """
    distinct = list({outcome.event_id: outcome for outcome in outcomes}.values())
    return list(_write(settings, distinct))


def _write(settings: DatabaseSettings, outcomes: Sequence[Outcome]) -> Iterator[DeadLetter]:
    if not outcomes:
        return
    try:
        result = _write_at_once(settings, outcomes)
    except PermanentError as error:
        if len(outcomes) == 1:
            yield DeadLetter.of(outcomes[0].message, STAGE, error)
            return
        middle = len(outcomes) // 2
        yield from _write(settings, outcomes[:middle])
        yield from _write(settings, outcomes[middle:])
        return
    count_outcomes(outcome for outcome in outcomes if result[outcome.event_id] == "written")
    for outcome in outcomes:
        if result[outcome.event_id] == "missing":
            yield DeadLetter.of(outcome.message, STAGE, _missing())


def _write_at_once(settings: DatabaseSettings, outcomes: Sequence[Outcome]) -> dict[int, str]:
    """Run the statement; gives what it says of each event."""
    parameters = {"batch": _document(outcomes), "version": __version__}

    def write(connection: Connection[Any]) -> dict[int, str]:
        return dict(connection.execute(_WRITE, parameters).fetchall())

    return with_connection(settings, write)


def _missing() -> PermanentError:
    return UnknownEvent("domain_events has no row with this id: deleted since, or never written")


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
