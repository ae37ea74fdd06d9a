"""Change data capture under load, with the real Debezium: kills, a lost slot, a changed table."""

from collections.abc import Iterable, Iterator

import psycopg
import pytest

from local.errors import StartFailed
from local.stack import Stack
from pipeline.domain.message import Message
from tests.torture.figures import Figures
from tests.torture.load import Load, settle_people
from tests.torture.pubsub import PubSub
from tests.torture.rig import Rig
from tests.torture.scale import SCALE
from tests.torture.worker import Place

pytestmark = pytest.mark.e2e
STEP = 100


class Captured(PubSub):
    """The Pub/Sub of a stack. Only Debezium publishes to it."""

    def publish(self, messages: Iterable[Message]) -> None:
        """Publish nothing: Debezium does it."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running stack."""
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("PUBSUB_EMULATOR_HOST", raising=False)
        stack = Stack(tmp_path_factory.mktemp("capture") / "stack")
        try:
            with stack:
                yield stack
        finally:
            stack.remove()


@pytest.fixture(scope="module")
def captured(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Rig:
    """A rig whose events come through Debezium."""
    environment = stack.environment()
    with psycopg.connect(environment["DATABASE_URL"]) as connection:
        settle_people(connection)
    place = Place(
        dsn=environment["WRITER_DATABASE_URL"],
        pubsub=environment["PUBSUB_EMULATOR_HOST"],
        subscription=environment["SUBSCRIPTION"],
        log=tmp_path_factory.mktemp("lives") / "log",
    )
    dsn = environment["DATABASE_URL"]
    return Rig(dsn=dsn, place=place, load=Load(dsn), pubsub=Captured())


def test_kills_of_debezium_lose_nothing_and_repeat_nothing(
    stack: Stack, captured: Rig, figures: Figures
) -> None:
    assert stack.debezium is not None
    with captured.live() as life:
        with captured.feeding():
            for _ in range(SCALE.debezium_kills):
                captured.wait_for_progress(life, STEP)
                stack.debezium.kill()
                stack.debezium.start()
            captured.wait_for_progress(life, STEP)
        captured.wait_for(life, len(captured.load.events))
        life.stop()
    audit = captured.audit()
    assert audit.is_clean, audit
    figures.found(11, "SIGKILL of Debezium under load", SCALE.debezium_kills, audit)


def test_a_changed_table_costs_nothing(stack: Stack, captured: Rig, figures: Figures) -> None:
    assert stack.debezium is not None
    with captured.live() as life, psycopg.connect(captured.dsn, autocommit=True) as connection:
        with captured.feeding():
            for _ in range(SCALE.schema_changes):
                captured.wait_for_progress(life, STEP)
                connection.execute("ALTER TABLE domain_events ADD COLUMN note text DEFAULT 'new'")
                captured.wait_for_progress(life, STEP)
                connection.execute("ALTER TABLE domain_events DROP COLUMN note")
            captured.wait_for_progress(life, STEP)
        captured.wait_for(life, len(captured.load.events))
        life.stop()
    assert stack.debezium.is_running
    audit = captured.audit()
    assert audit.is_clean, audit
    figures.found(
        12,
        "A column of domain_events added and dropped while Debezium reads",
        2 * SCALE.schema_changes,
        audit,
    )


def test_catch_up_finds_what_a_dropped_slot_has_skipped(
    stack: Stack, captured: Rig, figures: Figures
) -> None:
    assert stack.debezium is not None
    skipped = 0
    with captured.live() as life, psycopg.connect(captured.dsn, autocommit=True) as connection:
        for _ in range(SCALE.slot_drops):
            with captured.feeding():
                captured.wait_for_progress(life, STEP)
                # A kill can leave an empty file of the position, as if this were its first start.
                stack.debezium.stop()
                _drop_slot(connection)
                captured.feed(STEP)
                with pytest.raises(StartFailed):
                    stack.debezium.start()
                # A person decides to continue from here, and to reconcile the events in between.
                (stack.debezium.log_path.parent / "offsets.dat").unlink()
                stack.debezium.start()
            before = captured.done()
            captured.feed(STEP)
            captured.wait_for(life, before + STEP)
            skipped += captured.pending()
            captured.catch_up()
        life.stop()
    assert skipped >= SCALE.slot_drops * STEP, "nothing was skipped: nothing is proved"
    audit = captured.audit()
    assert audit.is_clean, audit
    figures.found(
        13,
        "Replication slot dropped while events are written, then catch-up",
        SCALE.slot_drops,
        audit,
        f"{skipped:,} events completed by catch-up",
    )


def _drop_slot(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Drop Debezium's slot as soon as the Debezium that has ended has released it."""
    connection.execute(
        "SELECT pg_terminate_backend(active_pid, 10000) FROM pg_replication_slots"
        " WHERE slot_name = 'fanout_events' AND active"
    )
    connection.execute("SELECT pg_drop_replication_slot('fanout_events')")
