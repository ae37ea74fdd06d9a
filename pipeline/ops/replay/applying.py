"""Applies a plan: one instance claims it, publishes its events, and writes how far it came."""

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, Protocol
from uuid import UUID

from psycopg import Connection, sql

from pipeline.clients.postgres.lease import claim, extend, settle
from pipeline.clients.postgres.leased_table import LeasedTable
from pipeline.clients.postgres.retry import with_connection
from pipeline.domain.errors import ConfigurationError, Conflict, FanoutError
from pipeline.domain.graph import Graph
from pipeline.domain.identifiers import EventId
from pipeline.domain.lease import Cause, Lease, Settlement, WorkState, end, fail, give_back
from pipeline.domain.units import counted
from pipeline.ops.replay.plans import is_of_reactions, read_replay
from pipeline.ops.replay.publication import Order, Replay, publish_replay
from pipeline.ops.replay.selector import Selector
from pipeline.ops.replay.topics import wrong_topic
from pipeline.ops.report import Report
from pipeline.settings import DatabaseSettings

REPLAY_PLANS: Final = LeasedTable(
    name="replay_plans",
    source="replay_plans",
    record_id=sql.SQL("record.id::text"),
    values=("id", "event_ids", "reaction_ids", "published", "selector", "ignore_age"),
)
# What changes when a plan is claimed, and while it is applied.
APPLIED: Final = ("applied_by", "rate", "note", "error_class", "reason", "published")
# Longer than one request to Pub/Sub may take (see pipeline.clients.pubsub.publish).
LEASE: Final = timedelta(seconds=90)
PROGRESS_SECONDS: Final = 1.0

_log: Final = logging.getLogger(__name__)


class Publish(Protocol):
    """Publishes the events of a replay that are not published yet, until ``stop`` is set."""

    def __call__(
        self,
        database: DatabaseSettings,
        order: Order,
        replay: Replay,
        stop: threading.Event,
        *,
        report: Report,
    ) -> None:
        """Publish them."""


class ReplayTakenOver(Exception):
    """The lease was over, and another instance applies the plan. This one must stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedPlan:
    """A plan that this process applies.

    Attributes:
        order: how to publish; for events of reactions, how to try them again.
        ids: all events of the plan, in order.
        published: how many of them an earlier try has published.
        lease: the right to apply it.
        of_reactions: whether its events are of reactions.
    """

    order: Order
    ids: Sequence[EventId | UUID] = field(repr=False)
    published: int
    lease: Lease
    of_reactions: bool = False

    @property
    def id(self) -> UUID:
        """The id of the plan."""
        identifier: UUID = self.lease.values["id"]
        return identifier


def claim_plan(
    database: DatabaseSettings,
    plan: UUID,
    *,
    topic: str | None,
    reaction_topic: str | None,
    rate: float,
    note: str | None,
    applied_by: str,
) -> ClaimedPlan:
    """Claim a plan, so that only this process applies it.

    Args:
        database: with the login of an operator.
        plan: its id.
        topic: ``projects/P/topics/T``: the topic that the stream reads. None: only plans of
            reactions can be applied.
        reaction_topic: the one that the graph of reactions reads. None: that graph finds the events
            by itself, when it looks next.
        rate: the most messages a second, at least 1, so that the lease is extended in time.
        note: why, for the record.
        applied_by: who asks.

    Raises:
        NotFound: there is no such plan.
        Conflict: it is being applied, all of it is published, or it has no event.
        ConfigurationError: its events cannot be published without a topic.
        TransientError: the database does not answer.
    """
    listed = read_replay(database, plan).listed
    if listed.source == "command":
        raise Conflict("the command made this replay: only a plan can be applied")
    if not listed.planned:
        raise Conflict("the plan has no event to publish: make another plan")
    of_reactions = is_of_reactions(listed)
    if topic is None and not of_reactions:
        raise ConfigurationError(
            "this service publishes nothing: start it with --topic projects/P/topics/T"
        )
    used, graph = (reaction_topic, Graph.REACTIONS) if of_reactions else (topic, Graph.FANOUT)
    if used is not None and (wrong := wrong_topic(database, graph, used)) is not None:
        flag = "--reaction-topic" if of_reactions else "--topic"
        raise ConfigurationError(f"invalid {flag} {used!r} of this service: {wrong}")
    changes = {
        "applied_by": applied_by,
        "rate": rate,
        "note": note,
        "error_class": None,
        "reason": None,
    }

    def work(connection: Connection[Any]) -> Lease | None:
        for lease in claim(connection, REPLAY_PLANS, LEASE, only={"id": plan}):
            if extend(connection, REPLAY_PLANS, lease, LEASE, also=changes):
                return lease
        return None

    lease = with_connection(database, work)
    if lease is None:
        state = read_replay(database, plan).listed.state
        raise Conflict(
            f"the plan is {state}: make another plan"
            if state == "published"
            else f"the plan is {state}: see how far it is with GET /v1/replays/{plan}"
        )
    values = lease.values
    order = Order(
        selector=Selector.of(values["selector"]),
        topic=used,
        rate=rate,
        note=f"{applied_by}: {note}" if note else applied_by,
        ignore_age=values["ignore_age"],
    )
    return ClaimedPlan(
        order=order,
        ids=values["reaction_ids"] if of_reactions else values["event_ids"],
        published=values["published"],
        lease=lease,
        of_reactions=of_reactions,
    )


def apply_plan(
    database: DatabaseSettings,
    claimed: ClaimedPlan,
    stop: threading.Event,
    publish: Publish = publish_replay,
) -> None:
    """Publish the events of a plan until all are published, or ``stop`` is set.

    However it ends, the plan says how far it came, and can be applied again. Raises nothing.

    Args:
        database: with the login of an operator.
        claimed: the plan.
        stop: ends the replay early.
        publish: does it, as ``publish_replay`` does for the fan-out.
    """
    replay = Replay(claimed.id, claimed.ids, published=claimed.published)
    lease, planned = claimed.lease, counted(replay.planned, "event")
    stored_at = time.monotonic()

    def report(done: int, total: int) -> None:
        nonlocal stored_at
        if done == total or time.monotonic() - stored_at >= PROGRESS_SECONDS:
            _store(database, lease, done)
            stored_at = time.monotonic()

    try:
        publish(database, claimed.order, replay, stop, report=report)
        if replay.stopped:
            reason = f"stopped after {replay.published:,} of {planned}; apply it again to go on"
            _settle(database, lease, replay, give_back(lease, Cause(reason=reason), pause=0))
        else:
            _settle(database, lease, replay, end(lease, WorkState.DONE))
    except ReplayTakenOver:
        _log.warning("replay %s: another instance has taken it over", replay.id)
    except Exception as error:  # noqa: BLE001 - the person reads the cause in the plan
        # The text of an unexpected error may hold a value.
        words = str(error) if isinstance(error, FanoutError) else "a fault of the service"
        cause = Cause(error_class=type(error).__name__, reason=words)
        _log.error("replay %s: after %s of %s: %s", replay.id, replay.published, planned, words)
        try:
            _settle(database, lease, replay, fail(lease, cause, pause=0))
        except (FanoutError, ReplayTakenOver) as unsettled:
            _log.error("replay %s: its end is not recorded: %s", replay.id, unsettled)


def _store(database: DatabaseSettings, lease: Lease, published: int) -> None:
    def work(connection: Connection[Any]) -> bool:
        return extend(connection, REPLAY_PLANS, lease, LEASE, also={"published": published})

    if not with_connection(database, work):
        raise ReplayTakenOver


def _settle(
    database: DatabaseSettings, lease: Lease, replay: Replay, settlement: Settlement
) -> None:
    _store(database, lease, replay.published)
    with_connection(database, lambda connection: settle(connection, REPLAY_PLANS, [settlement]))
    _log.info("replay %s: published %d of %d events", replay.id, replay.published, replay.planned)
