"""Replays events of reactions: makes them pending again, and wakes the graph."""

import threading
import time
from collections.abc import Mapping
from typing import Any, Final
from uuid import uuid4

import orjson
from psycopg import Connection

from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.clients.pubsub.publish import MAX_REQUEST_MESSAGES, publish
from pipeline.domain.errors import FanoutError
from pipeline.domain.identifiers import EventType
from pipeline.ops.reactions.selection import plan_reactions
from pipeline.ops.replay import record
from pipeline.ops.replay.messages import Marks, replay_messages
from pipeline.ops.replay.publication import REQUESTS_A_SECOND, Replay
from pipeline.ops.replay.rate import TokenBucket
from pipeline.ops.replay.selector import Selector
from pipeline.ops.report import Report, no_report
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.handlers import REACTION_HANDLERS
from pipeline.reactions.handlers.registry import types_in_order, types_one_at_a_time
from pipeline.settings import DatabaseSettings

# What became of replayed events, for ``pipeline.ops.replay.follow``.
BECAME: Final = load(__package__, "became")

_REPLAY: Final = load(__package__, "replay_events")


def replay_reactions(
    database: DatabaseSettings,
    selector: Selector,
    stop: threading.Event,
    *,
    topic: str | None,
    rate: float,
    note: str | None = None,
    report: Report = no_report,
    handlers: Mapping[EventType, ReactionHandler[Any]] = REACTION_HANDLERS,
) -> Replay:
    """Make every selected event pending again, until ``stop`` is set. Its tries restart.

    What follows from an event has the same ids as before, so nothing is written twice. The record
    in ``fanout_replays`` says who asked for it and why, and how many events are pending again. To
    apply it again is harmless.

    Args:
        database: with the login of an operator.
        selector: which events.
        stop: ends the replay early.
        topic: ``projects/P/topics/T``: the topic that the graph reads. None: the graph finds the
            events by itself, when it looks next.
        rate: the most events a second.
        note: why, for the record.
        report: is told of the progress.
        handlers: of the types that the graph processes.

    Raises:
        NotFound: a named event or fingerprint does not exist.
        ConfigurationError: this user may not replay, or the topic is wrong.
        TransientError: Postgres or Pub/Sub could not be reached for too long.
    """
    plan = plan_reactions(database, selector, handlers)
    replay = Replay(uuid4(), plan.ids)
    asked = {**selector.description, "family": "reactions"}
    record.begin(database, replay.id, selector=asked, note=note, planned=replay.planned)
    started, result = time.monotonic(), "interrupted"
    try:
        _again(database, replay, stop, handlers, topic=topic, rate=rate, report=report)
        result = "stopped" if replay.stopped else "published"
    except FanoutError as failure:
        result = f"failed: {failure}"
        raise
    finally:
        record.end(database, replay.id, published=replay.published, result=result)
    replay.seconds = time.monotonic() - started
    return replay


def _again(
    database: DatabaseSettings,
    replay: Replay,
    stop: threading.Event,
    handlers: Mapping[EventType, ReactionHandler[Any]],
    *,
    topic: str | None,
    rate: float,
    report: Report,
) -> None:
    size = min(MAX_REQUEST_MESSAGES, max(1, round(rate / REQUESTS_A_SECOND)))
    bucket = TokenBucket(rate, size)
    marks = Marks(str(replay.id))
    orders = {
        "in_order": types_in_order(handlers),
        "one_at_a_time": orjson.dumps(types_one_at_a_time(handlers)).decode(),
    }
    report(0, replay.planned)
    for start in range(0, replay.planned, size):
        page = replay.ids[start : start + size]
        if stop.wait(bucket.take(len(page))):
            replay.stopped = True
            return
        _make_pending(database, {**orders, "replay": replay.id, "ids": list(page)})
        if topic is not None:
            publish(topic, replay_messages(page, marks))
        replay.published += len(page)
        report(replay.published, replay.planned)


def _make_pending(database: DatabaseSettings, parameters: Mapping[str, Any]) -> None:
    def work(connection: Connection[Any]) -> None:
        connection.execute(_REPLAY, parameters)

    with_connection(database, work)
