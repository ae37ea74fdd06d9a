"""Looks once at all that must work so that an event becomes notifications.

The parts are some of doctor's checks, with limits of seconds. Doctor says what is wrong with an
installation; this says whether it works now.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache, partial
from typing import Any, Final

import psycopg
from psycopg import errors

from pipeline.clients.postgres.errors import classify
from pipeline.clients.postgres.session import Session, working
from pipeline.clients.postgres.sql import load
from pipeline.domain.graph import Graph
from pipeline.domain.units import counted, duration
from pipeline.ops.doctor.check import CannotLook, Finding, Severity, failed, ok
from pipeline.ops.doctor.checks import capture
from pipeline.ops.doctor.checks.graphs import judge_graphs
from pipeline.ops.doctor.checks.stream import DEAD_SECONDS
from pipeline.ops.doctor.installation import Installation
from pipeline.ops.families import Family, families_of, files_of
from pipeline.ops.push.figures import CHANNELS
from pipeline.ops.status.figures import GraphSeen
from pipeline.ops.status.read import read_graphs

# A graph writes a sign of life every 4 s. Two may be missing: with the time between two looks, a
# graph that was killed is known to be gone within 15 s.
GONE_SECONDS: Final = 10.0
# A look that takes longer says that the database does not answer.
LOOK_SECONDS: Final = 3.0
CONNECT_SECONDS: Final = 2
SESSION: Final = Session(
    name="fanout-ready",
    statement_timeout=timedelta(seconds=2),
    lock_timeout=timedelta(milliseconds=500),
    read_only=True,
)

_SERVER: Final = load(__package__, "server")
_MIGRATIONS: Final = load(__package__, "migrations")
_OLDEST_RUN: Final = load(__package__, "oldest_run")
_OLDEST_DELIVERY: Final = load(__package__, "oldest_delivery")
_OLDEST_REACTION: Final = load("pipeline.ops.reactions", "oldest_due")
_OF_CAPTURE: Final = {check.name: check for check in capture.CHECKS}
_DOCTOR: Final = "python -m pipeline doctor"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Deliveries:
    """The deliveries of one family.

    Attributes:
        part: the name of the part.
        one: what one of them is called.
        installed: the column of ``server.sql`` that says whether the database has the family.
        channels: of its deliveries.
        graph: sends them.
    """

    part: str
    one: str
    installed: str
    channels: Sequence[str]
    graph: Graph


# A family whose deliveries must not wait adds a line, and its column to ``server.sql``.
_DELIVERIES: Final = (
    _Deliveries(
        part="mails", one="mail", installed="has_mail", channels=("email",), graph=Graph.MAIL
    ),
    _Deliveries(
        part="pushes",
        one="push",
        installed="has_push",
        channels=tuple(CHANNELS),
        graph=Graph.PUSH,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """What a look found.

    Attributes:
        parts: the finding of each part, by its name. A part that is not ready has failed.
        graphs: seconds since the last sign of life of each graph that is expected and was seen.
        oldest_run_seconds: how long the run of a job has been due; None if none is.
        oldest_delivery_seconds: by part, how long a delivery could have been taken; none if none is
            due.
        oldest_reaction_seconds: how long an event of reactions could have been taken; None if none
            is due.
        has_fanout: whether there is a fan-out, whose events somebody has to count.
    """

    parts: Mapping[str, Finding]
    graphs: Mapping[str, float] = field(default_factory=dict)
    oldest_run_seconds: float | None = None
    oldest_delivery_seconds: Mapping[str, float] = field(default_factory=dict)
    oldest_reaction_seconds: float | None = None
    has_fanout: bool = False

    @property
    def is_ready(self) -> bool:
        """Whether every part is."""
        return not self.reasons

    @property
    def reasons(self) -> Mapping[str, Finding]:
        """The parts that are not ready."""
        return {name: each for name, each in self.parts.items() if each.severity is Severity.FAILED}


def unreachable(seen: str, fix: str) -> Readiness:
    """Return the readiness of a database that does not answer."""
    return Readiness(parts={"database": failed(seen, fix)})


def look(installation: Installation, graphs: Collection[str] = ()) -> Readiness:
    """Look at every part, in a few quick statements.

    Args:
        installation: the database, with ``SESSION``, and the names of what Debezium reads.
        graphs: the graphs that have to run. Without them: every graph that ever ran here.

    Raises:
        Unreachable: Postgres accepted no connection.
        psycopg.Error: the connection was lost.
    """
    [server] = installation.rows(_SERVER, slot=installation.names.slot)
    parts: dict[str, Finding] = {"database": _judge_server(server)}
    if not server.is_migrated:
        parts["migrations"] = failed("none is applied", "python -m pipeline migrate")
        return Readiness(parts=parts)
    parts["migrations"] = _found(lambda: _migrations(installation))
    if server.has_fanout or server.has_slot:
        parts["slot"] = _found(lambda: _OF_CAPTURE["slot"].examine(installation))
        if parts["slot"].severity is not Severity.FAILED:
            parts["heartbeat"] = _found(lambda: _OF_CAPTURE["heartbeat"].examine(installation))
    seen: dict[str, GraphSeen] = {}
    if server.has_graphs and (server.has_fanout or graphs):
        parts["graphs"] = _found(lambda: _graphs(installation, graphs, seen))
    due: list[Any] = []
    if server.has_jobs:
        parts["job runs"] = _found(lambda: _job_runs(installation, due))
    waiting: dict[str, float] = {}
    for each in _DELIVERIES:
        if getattr(server, each.installed):
            parts[each.part] = _found(partial(_deliveries, installation, each, waiting))
    reactions: list[Any] = []
    if server.has_reactions:
        parts["reactions"] = _found(lambda: _reactions(installation, reactions))
    return Readiness(
        parts=parts,
        graphs={name: each.last_seen_seconds for name, each in seen.items()},
        oldest_run_seconds=due[0].seconds if due else None,
        oldest_delivery_seconds=waiting,
        oldest_reaction_seconds=reactions[0].seconds if reactions else None,
        has_fanout=server.has_fanout,
    )


def _judge_server(server: Any) -> Finding:  # noqa: ANN401 - a row
    if server.is_standby:
        return failed(
            "the server is a standby, which cannot be written",
            "correct DATABASE_URL, or promote the server",
        )
    return ok("it answers")


def _migrations(installation: Installation) -> Finding:
    recorded = {row.name for row in installation.rows(_MIGRATIONS)}
    missing = [name for name in _names(*families_of(recorded)) if name not in recorded]
    if missing:
        return failed(
            f"{counted(len(missing), 'file')} not applied, the first is {missing[0]}",
            "python -m pipeline migrate",
        )
    return ok("all applied")


@cache
def _names(*families: Family) -> tuple[str, ...]:
    """Return the names of the files of families, which stay the same while the program runs."""
    return tuple(each.name for each in files_of(*families))


def _graphs(
    installation: Installation, wanted: Collection[str], found: dict[str, GraphSeen]
) -> Finding:
    connection = installation.connection()
    with working(connection):
        known = read_graphs(connection)
    found.update({name: each for name, each in known.items() if not wanted or name in wanted})
    absent = sorted(set(wanted) - found.keys())
    if absent or not found:
        return failed(
            f"{' and '.join(absent)} never ran here" if absent else "no graph has run here yet",
            "start it: " + "; ".join(_start(name) for name in absent or ("fanout",)),
        )
    return judge_graphs(found, GONE_SECONDS)


def _start(graph: str) -> str:
    return f"python -m pipeline run --graph {graph}"


def _job_runs(installation: Installation, due: list[Any]) -> Finding:
    due += installation.rows(_OLDEST_RUN)
    if not due:
        return ok("none is due")
    [run] = due
    seen = f"a run of {run.job} has been due for {duration(run.seconds)}"
    if run.seconds < DEAD_SECONDS:
        return ok(seen)
    return failed(seen, "see the log of the graph jobs, and: python -m pipeline jobs")


def _deliveries(installation: Installation, of: _Deliveries, waiting: dict[str, float]) -> Finding:
    rows = installation.rows(_OLDEST_DELIVERY, channels=list(of.channels))
    if rows:
        waiting[of.part] = rows[0].seconds
    # Many of them at once wait for the rate that a provider allows: that is no fault.
    return _judge_oldest(rows, f"a {of.one}", "none was sent", of.graph)


def _reactions(installation: Installation, due: list[Any]) -> Finding:
    due += installation.rows(_OLDEST_REACTION)
    # Many of them at once take their time: that is no fault.
    return _judge_oldest(due, "an event", "none was processed", Graph.REACTIONS)


def _judge_oldest(rows: Sequence[Any], one: str, stands: str, graph: str) -> Finding:
    if not rows:
        return ok("none is due")
    [oldest] = rows
    seen = f"{one} has been due for {duration(oldest.seconds)}"
    if oldest.seconds < DEAD_SECONDS or oldest.moves:
        return ok(seen)
    return failed(
        f"{seen}, and {stands} in the last minute",
        f"see the log of the graph {graph}, and: {_DOCTOR}",
    )


def _found(examine: Callable[[], Finding]) -> Finding:
    """Return a finding. What cannot be seen is not ready."""
    try:
        return examine()
    except CannotLook as missing:
        return failed(str(missing), _DOCTOR)
    except errors.InsufficientPrivilege:
        return failed("the service's login may not see it", "use a login in fanout_operator")
    except errors.LockNotAvailable:
        return failed("its table is locked", f"see the check locks of: {_DOCTOR}")
    except errors.QueryCanceled:
        return failed(
            f"no answer within {duration(SESSION.statement_timeout.total_seconds())}",
            "see in pg_stat_activity what keeps the server busy",
        )
    except psycopg.OperationalError:
        raise
    except psycopg.Error as error:
        return failed(str(classify(error)), _DOCTOR)
