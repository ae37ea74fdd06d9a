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
from pipeline.ops.replay.publication import REQUESTS_A_SECOND, Order, Replay
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
    order = Order(selector=selector, topic=topic, rate=rate, note=note)
    try_again(database, order, replay, stop, report=report, handlers=handlers)
    return replay


def try_again(
    database: DatabaseSettings,
    order: Order,
    replay: Replay,
    stop: threading.Event,
    *,
    report: Report = no_report,
    handlers: Mapping[EventType, ReactionHandler[Any]] = REACTION_HANDLERS,
) -> None:
    """Make those events of a replay pending that are not yet, until ``stop`` is set.

    Args:
        database: with the login of an operator.
        order: how. Its topic is the one that the graph of reactions reads, or None.
        replay: the events, and how far an earlier try came.
        stop: ends the replay early.
        report: is told of the progress.
        handlers: of the types that the graph processes.

    Raises:
        ConfigurationError: this user may not replay, or the topic is wrong.
        TransientError: Postgres or Pub/Sub could not be reached for too long.
    """
    asked = recorded(order.selector)
    record.begin(database, replay.id, selector=asked, note=order.note, planned=replay.planned)
    started, result = time.monotonic(), "interrupted"
    try:
        _again(database, order, replay, stop, report, handlers=handlers)
        result = "stopped" if replay.stopped else "published"
    except FanoutError as failure:
        result = f"failed: {failure}"
        raise
    finally:
        record.end(database, replay.id, published=replay.published, result=result)
    replay.seconds = time.monotonic() - started


def recorded(selector: Selector) -> Mapping[str, Any]:
    """Return the conditions of a replay as its record has them."""
    return {**selector.description, "family": "reactions"}


def _again(
    database: DatabaseSettings,
    order: Order,
    replay: Replay,
    stop: threading.Event,
    report: Report,
    *,
    handlers: Mapping[EventType, ReactionHandler[Any]],
) -> None:
    size = min(MAX_REQUEST_MESSAGES, max(1, round(order.rate / REQUESTS_A_SECOND)))
    bucket = TokenBucket(order.rate, size)
    marks = Marks(str(replay.id))
    orders = {
        "in_order": types_in_order(handlers),
        "one_at_a_time": orjson.dumps(types_one_at_a_time(handlers)).decode(),
    }
    report(replay.published, replay.planned)
    for start in range(replay.published, replay.planned, size):
        page = replay.ids[start : start + size]
        if stop.wait(bucket.take(len(page))):
            replay.stopped = True
            return
        _make_pending(database, {**orders, "replay": replay.id, "ids": list(page)})
        if order.topic is not None:
            publish(order.topic, replay_messages(page, marks))
        replay.published += len(page)
        report(replay.published, replay.planned)


def _make_pending(database: DatabaseSettings, parameters: Mapping[str, Any]) -> None:
    def work(connection: Connection[Any]) -> None:
        connection.execute(_REPLAY, parameters)

    with_connection(database, work)
