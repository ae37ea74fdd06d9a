"""Dead letters of a family without events, in a database without an application's tables."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import pytest
from psycopg import Connection

from pipeline.clients.postgres.pool import close_pools
from pipeline.domain.dead_letter import DeadLetter
from pipeline.domain.errors import NotFound, PermanentError, RejectedByDatabase
from pipeline.domain.identifiers import EventId
from pipeline.domain.record import RecordKey
from pipeline.fanout.decide import Policy
from pipeline.fanout.handlers import HANDLERS
from pipeline.ops.dead_letters.read import read_causes, read_days, read_groups, read_letter
from pipeline.ops.dead_letters.resolve import resolve
from pipeline.ops.families import Family
from pipeline.ops.migrate import migrate
from pipeline.ops.replay.plan import make_plan
from pipeline.ops.replay.selector import Selector
from pipeline.settings import DatabaseSettings
from pipeline.sinks.dead_letters import to_message, write_dead_letters
from pipeline.sinks.ledger import mark_dead
from tests.databases import Database
from tests.golden.stage import Stage

DELIVERY: Final = RecordKey("deliveries", "8a0e7a3c-5f1d-5c1b-9d0e-0a1b2c3d4e5f")
LETTER: Final = DeadLetter.of_record(DELIVERY, "email", "send", PermanentError("address refused"))


def mark_nothing(connection: Connection[Any], letters: Sequence[DeadLetter]) -> None:
    """The family has no ledger."""


@pytest.fixture
def kernel(empty_database: Database) -> Iterator[DatabaseSettings]:
    """A database with the kernel's tables only."""
    migrate(empty_database.dsn, family=Family.KERNEL)
    settings = DatabaseSettings(dsn=empty_database.dsn)
    write_dead_letters(settings, None, [LETTER], mark_nothing)
    yield settings
    close_pools()


def test_a_letter_has_its_row_for_a_key(kernel: DatabaseSettings) -> None:
    [group] = read_groups(kernel, resolved=False)
    assert (group.stage, group.message, group.event_types) == ("send", "address refused", ["email"])
    letter = read_letter(kernel, letter_id=group.sample_id)
    assert (letter.letter_key, letter.event_id, letter.payload) == (str(DELIVERY), None, None)
    assert [(cause.event_type, cause.letters) for cause in read_causes(kernel)] == [("email", 1)]
    assert [day.open for day in read_days(kernel)] == [1]


def test_the_same_row_again_is_the_same_letter_and_another_row_is_another(
    kernel: DatabaseSettings,
) -> None:
    other = DeadLetter.of_record(
        RecordKey("deliveries", "2"), "email", "send", PermanentError("address refused")
    )
    write_dead_letters(kernel, None, [LETTER, other], mark_nothing)
    [group] = read_groups(kernel, resolved=False)
    assert (group.letters, group.attempts) == (2, 3)


def test_a_letter_is_resolved_by_hand(kernel: DatabaseSettings) -> None:
    [group] = read_groups(kernel, resolved=False)
    resolve(kernel, reason="sent by hand", letter_id=group.sample_id)
    assert read_groups(kernel, resolved=False) == []
    with pytest.raises(NotFound):
        read_letter(kernel, letter_id=group.sample_id + 1)


def test_what_is_published_names_the_row() -> None:
    attributes = to_message(LETTER).attributes
    assert attributes["dead_letter_key"] == str(DELIVERY)
    assert "id" not in attributes


def test_a_ledger_that_cannot_be_written_costs_the_letters_too(kernel: DatabaseSettings) -> None:
    def fail(connection: Connection[Any], letters: Sequence[DeadLetter]) -> None:
        connection.execute("SELECT 1 / %s", [len(letters) - 1])

    another = DeadLetter.of_record(RecordKey("deliveries", "3"), None, "send", PermanentError("no"))
    with pytest.raises(RejectedByDatabase):
        write_dead_letters(kernel, None, [another], fail)
    assert sum(group.letters for group in read_groups(kernel, resolved=True)) == 1


def test_a_replay_of_events_leaves_letters_of_other_families_alone(stage: Stage) -> None:
    settings = DatabaseSettings(dsn=stage.database.writer_dsn)
    event = DeadLetter.of_event(EventId(5_000_000_000), None, "fetch", PermanentError("gone"))
    write_dead_letters(settings, None, [LETTER, event], mark_dead)
    operator = DatabaseSettings(dsn=stage.database.operator_dsn)
    plan = make_plan(operator, HANDLERS, Policy(), Selector(dead_letters=True), ignore_age=False)
    assert (plan.events, plan.nameless) == (1, 0)
