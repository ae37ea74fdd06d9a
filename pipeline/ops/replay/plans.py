"""Keeps plans of replays until they are applied, and reads what became of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

import orjson
from psycopg import Connection
from psycopg.rows import class_row

from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.errors import NotFound
from pipeline.fanout.decide import Policy
from pipeline.fanout.handlers import HANDLERS
from pipeline.ops.replay.document import ends_document, plan_document
from pipeline.ops.replay.follow import read_ends
from pipeline.ops.replay.limits import PlanLimits
from pipeline.ops.replay.plan import make_plan
from pipeline.ops.replay.selector import Selector
from pipeline.settings import DatabaseSettings

# A plan of which the record in fanout_replays says enough.
KEPT_DAYS: Final = 30
# Each plan deletes this many old ones at most, so that they never pile up.
_DELETED: Final = 20

_STORE: Final = load(__package__, "store_plan")
_DELETE_OLD: Final = load(__package__, "delete_old_plans")
_REPLAYS: Final = load(__package__, "replays")
_PLAN: Final = load(__package__, "plan")
_BECAME_OF_REACTIONS: Final = load("pipeline.ops.reactions", "became")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayListed:
    """A plan, or a replay of the command.

    Attributes:
        source: ``service``, or ``command`` for a replay of ``python -m pipeline replay``.
        state: ``planned``; ``running``; ``published``, when all events are; ``stopped``, ``failed``
            or ``interrupted``, when it may be applied again. A command that was killed stays
            ``running``.
        planned_by: who made the plan; for a command its login.
        selector: the conditions, by the names of the command's flags.
        planned: how many events it has; ``published`` of them are published.
        applied_by: who applied it last.
        rate: the most messages a second.
        reason: why it stopped or failed.
    """

    id: UUID
    source: str
    state: str
    planned_at: datetime
    planned_by: str
    selector: Mapping[str, Any]
    ignore_age: bool
    planned: int
    applied_by: str | None
    rate: float | None
    note: str | None
    published: int
    started_at: datetime | None
    finished_at: datetime | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayDetails:
    """A replay, its plan and its result.

    Attributes:
        listed: the replay.
        plan: what was foreseen; None for a replay of the command.
        became: the states of the published events now; None for a replay of the command.
    """

    listed: ReplayListed
    plan: Mapping[str, Any] | None = field(repr=False)
    became: Mapping[str, Any] | None = field(repr=False)


def plan_replay(
    database: DatabaseSettings,
    policy: Policy,
    selector: Selector,
    *,
    ignore_age: bool,
    planned_by: str,
    limits: PlanLimits,
) -> UUID:
    """Make a plan and keep it; return its id. Nothing is published.

    Args:
        database: with the login of an operator.
        policy: the rules of the stream.
        selector: which events.
        ignore_age: also complete events that are older than the age limit.
        planned_by: who asks.
        limits: how large the plan may be, and how long it may take.

    Raises:
        NotFound: a named event or fingerprint does not exist.
        UsageError: the plan exceeds a limit.
        TransientError: the database does not answer.
    """
    plan = make_plan(database, HANDLERS, policy, selector, ignore_age=ignore_age, limits=limits)
    return keep_plan(
        database,
        {
            "planned_by": planned_by,
            "selector": orjson.dumps(selector.description).decode(),
            "ignore_age": ignore_age,
            "event_ids": list(plan.ids),
            "reaction_ids": None,
            "plan": orjson.dumps(plan_document(plan)).decode(),
        },
    )


def keep_plan(database: DatabaseSettings, plan: Mapping[str, Any]) -> UUID:
    """Store a plan; return its id.

    Args:
        database: with the login of an operator.
        plan: ``planned_by``, ``selector``, ``ignore_age``, ``plan``; and ``event_ids``, or
            ``reaction_ids`` for a plan of reactions, the other one None.

    Raises:
        TransientError: the database does not answer.
    """
    made = uuid4()
    values = {**plan, "id": made}

    def work(connection: Connection[Any]) -> None:
        connection.execute(_DELETE_OLD, {"days": KEPT_DAYS, "most": _DELETED})
        connection.execute(_STORE, values)

    with_connection(database, work)
    return made


def list_replays(
    database: DatabaseSettings, *, most: int, before: tuple[datetime, UUID] | None = None
) -> list[ReplayListed]:
    """Return plans and replays, the latest first.

    Args:
        database: the database.
        most: the most of them.
        before: only those after this one in the list: its time and id.
    """
    at, identifier = before or (None, None)
    return _replays(database, most=most, before_at=at, before_id=identifier)


def read_replay(database: DatabaseSettings, replay: UUID) -> ReplayDetails:
    """Return one, with its plan and the states of its events now.

    Raises:
        NotFound: there is no such replay.
        TransientError: the database does not answer.
    """
    found = _replays(database, replay=replay, most=1)
    if not found:
        raise NotFound(f"no replay {replay}: it was never planned, or is older than {KEPT_DAYS} d")
    [listed] = found
    row = with_connection(
        database, lambda connection: connection.execute(_PLAN, {"replay": replay}).fetchone()
    )
    if row is None:
        return ReplayDetails(listed=listed, plan=None, became=None)
    plan, published, reactions = row
    if reactions is None:
        ends = read_ends(database, replay, published)
    else:
        ends = read_ends(database, replay, reactions, became=_BECAME_OF_REACTIONS)
    return ReplayDetails(listed=listed, plan=plan, became=ends_document(ends))


def is_of_reactions(listed: ReplayListed) -> bool:
    """Return whether a plan or a replay has events of reactions."""
    return listed.selector.get("family") == "reactions"


def _replays(database: DatabaseSettings, **asked: Any) -> list[ReplayListed]:  # noqa: ANN401
    parameters = {"replay": None, "before_at": None, "before_id": None, **asked}

    def read(connection: Connection[Any]) -> list[ReplayListed]:
        with connection.cursor(row_factory=class_row(ReplayListed)) as cursor:
            return cursor.execute(_REPLAYS, parameters).fetchall()

    return with_connection(database, read)
