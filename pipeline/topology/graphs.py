"""The graphs by name, and how to make each from the options. A new family adds one line."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

from pipeline.domain.graph import Graph
from pipeline.domain.identifiers import AI_USER, UserId
from pipeline.fanout.decide import Policy
from pipeline.fanout.handlers import HANDLERS
from pipeline.options import (
    BATCH_SIZE,
    CALENDAR_CLIENT,
    CALENDAR_CLIENT_SECRET,
    CALENDAR_WEBHOOK,
    MAX_EVENT_AGE_HOURS,
    SYSTEM_USERS,
    TICK_TOPIC,
    ParameterValues,
)
from pipeline.settings import CalendarSettings, DatabaseSettings
from pipeline.topology.ends import Preview, Store
from pipeline.topology.fanout import Topology

if TYPE_CHECKING:
    from pipeline.topology.jobs import JobsTopology


def _programs(given: ParameterValues) -> frozenset[UserId]:
    programs = given[SYSTEM_USERS]
    return frozenset(map(UserId, programs))


def policy_of(given: ParameterValues) -> Policy:
    """Make the rules for all event types from the options."""
    return Policy(
        system_users=frozenset({AI_USER, *_programs(given)}),
        max_event_age=given[MAX_EVENT_AGE_HOURS],
    )


def fanout(given: ParameterValues, database: DatabaseSettings, ends: Store | Preview) -> Topology:
    """Make the graph of the fan-out, with every handler."""
    return Topology(
        database=database,
        handlers=HANDLERS,
        policy=policy_of(given),
        ends=ends,
        batch_size=given[BATCH_SIZE],
    )


def jobs(
    given: ParameterValues, database: DatabaseSettings, ends: Store | Preview
) -> "JobsTopology":
    """Make the graph of the scheduled jobs, with every job."""
    # The fan-out does without these modules, which take time to import.
    from pipeline.jobs.table import jobs_without  # noqa: PLC0415
    from pipeline.steps.runners import runners_with  # noqa: PLC0415
    from pipeline.topology.jobs import JobsTopology  # noqa: PLC0415

    calendar = CalendarSettings(
        client_id=given[CALENDAR_CLIENT], webhook_url=given[CALENDAR_WEBHOOK]
    )
    return JobsTopology(
        database=database,
        ends=ends,
        jobs=jobs_without(_programs(given)),
        runners=runners_with(calendar, secret=given[CALENDAR_CLIENT_SECRET]),
        tick_topic=given.get(TICK_TOPIC),
    )


AnyTopology: TypeAlias = "Topology | JobsTopology"
Make = Callable[[ParameterValues, DatabaseSettings, Store | Preview], "AnyTopology"]

GRAPHS: Final[Mapping[Graph, Make]] = {
    Graph.FANOUT: fanout,
    Graph.JOBS: jobs,
}
