"""A database, Pub/Sub, the load between them, and lives of the pipeline on them."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

import psycopg
from psycopg import sql

from tests.databases import Database
from tests.deadline import wait_until
from tests.torture import lives
from tests.torture.lives import Life
from tests.torture.load import MIXTURE, Kind, Load, settle_people
from tests.torture.oracle import Audit, audit
from tests.torture.pubsub import PubSub
from tests.torture.worker import Place, Variant

# The most waiting or running events. Those of a killed life stay leased for ten seconds.
BACKLOG: Final = 6_000
FEED_EVENTS: Final = 100
FEED_SECONDS: Final = 0.1
LOOK_EVERY: Final = 10
SETTLE_SECONDS: Final = 300.0


@dataclass(frozen=True, slots=True)
class Rig:
    """All parts of a fault's test.

    Attributes:
        dsn: the database as its owner, without the faults.
        place: where the lives read and write.
    """

    dsn: str
    place: Place
    load: Load
    pubsub: PubSub

    @classmethod
    def over(cls, database: Database, pubsub: PubSub, log: Path) -> Self:
        """Insert people into a migrated database, and build a rig on it."""
        with database.connect() as connection:
            settle_people(connection)
        place = Place(dsn=database.writer_dsn, pubsub=pubsub.address, log=log)
        return cls(database.dsn, place, Load(database.dsn), pubsub)

    def through(self, dsn: str, *, statement_seconds: float, batch_size: int) -> Self:
        """Return the same rig, but with another way for lives to reach the database."""
        place = replace(
            self.place, dsn=dsn, statement_seconds=statement_seconds, batch_size=batch_size
        )
        return replace(self, place=place)

    def live(self, *variants: Variant) -> Life:
        """Start a life."""
        return Life(self.place, *variants)

    def feed(self, number: int, mixture: Sequence[Kind] = MIXTURE) -> None:
        """Insert and publish events."""
        self.pubsub.publish(self.load.insert(number, mixture))

    @contextmanager
    def feeding(self) -> Iterator[None]:
        """Insert and publish events until the block ends, up to a backlog of ``BACKLOG``."""
        ended = threading.Event()
        failures: list[Exception] = []

        def feed() -> None:
            turn, room = 0, True
            while not ended.wait(FEED_SECONDS):
                try:
                    if turn % LOOK_EVERY == 0:
                        room = self.pending() < BACKLOG
                    if room:
                        self.feed(FEED_EVENTS)
                except Exception as failure:  # noqa: BLE001 - raised below, in the test's thread
                    failures.append(failure)
                    return
                turn += 1

        thread = threading.Thread(target=feed, name="feed", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
        assert not failures, failures

    def done(self) -> int:
        """The number of events with a state in the ledger."""
        with psycopg.connect(self.dsn) as connection:
            return _done(connection)

    def pending(self) -> int:
        """The number of events without a state in the ledger."""
        return len(self.load.events) - self.done()

    def wait_for_progress(self, life: Life, events: int = 1) -> None:
        """Return when that many more events are done."""
        target = self.done() + events
        self.wait_for(life, target)

    def wait_for(self, life: Life, number: int) -> None:
        """Return when that many events are done."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            wait_until(
                lambda: _done(connection) >= number or not life.is_running,
                seconds=SETTLE_SECONDS,
                what=f"{number} events are done",
            )
        assert life.is_running, life.log

    def settle(self, *variants: Variant) -> Audit:
        """Run one more life until every event is done and none is redelivered any more."""
        self.pubsub.end_leases()
        with self.live(*variants) as life:
            self.wait_for(life, len(self.load.events))
            self._wait_until_idle()
            life.stop()
        return self.audit()

    def finish(self) -> Audit:
        """Run one more life until every event is done; enough if no life was killed."""
        with self.live() as life:
            self.wait_for(life, len(self.load.events))
            life.stop()
        return self.audit()

    def run_dry(self) -> Audit:
        """Run one more life until no message is left, whatever was lost before."""
        self.pubsub.end_leases()
        with self.live() as life:
            life.wait_for_work()
            self._wait_until_idle()
            life.stop()
        return self.audit()

    def _wait_until_idle(self) -> None:
        wait_until(self.pubsub.is_idle, seconds=SETTLE_SECONDS, what="nothing is left to read")

    def deadlocks(self) -> int:
        """The number of deadlocks that Postgres has detected in this database."""
        with psycopg.connect(self.dsn) as connection:
            return _number(
                connection,
                "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()",
            )

    def notice_deadlocks_after(self, *, milliseconds: int) -> None:
        """Let new connections look for deadlocks earlier than after a second."""
        with psycopg.connect(self.dsn) as connection:
            connection.execute(
                sql.SQL("ALTER DATABASE {} SET deadlock_timeout = {}").format(
                    sql.Identifier(connection.info.dbname), sql.Literal(milliseconds)
                )
            )

    def dead_letters(self) -> dict[int, str]:
        """The error class of each dead letter, by event."""
        with psycopg.connect(self.dsn) as connection:
            rows = connection.execute("SELECT event_id, error_class FROM event_dead_letters")
            return {int(row[0]): str(row[1]) for row in rows}

    def catch_up(self) -> None:
        """Complete the events without a final state, from the database alone."""
        lives.catch_up(self.place)

    def audit(self) -> Audit:
        """Compare the database with the expected rows."""
        return audit(self.dsn, self.load.events)


def _done(connection: psycopg.Connection[Any]) -> int:
    return _number(connection, "SELECT count(*) FROM notification_processing")


def _number(connection: psycopg.Connection[Any], statement: str) -> int:
    row = connection.execute(statement).fetchone()
    assert row is not None
    return int(row[0])
