"""A deletion that another session overtakes leaves what is not over any more, or over since now."""

from collections.abc import Iterator

import pytest

from tests.databases import Database
from tests.jobs.kept import OLD, Kept
from tests.jobs.overtaken import delete_overtaken
from tests.jobs.test_retention import letter


@pytest.fixture
def kept(database: Database) -> Iterator[Kept]:
    """An empty database."""
    with database.connect() as connection:
        yield Kept(database, connection)


REPLAYED = (
    "UPDATE notification_processing SET processing_status = 'pending', completed_at = NULL"
    " WHERE event_id = 1"
)
REPLAYED_AND_DONE = (
    "UPDATE notification_processing SET processing_status = 'completed', completed_at = now()"
    " WHERE event_id = 1"
)
LOCKED = "SELECT FROM notification_processing WHERE event_id = 1 FOR UPDATE"


@pytest.mark.parametrize(
    ("change", "left"), [(REPLAYED, [1]), (REPLAYED_AND_DONE, [1]), (LOCKED, [])],
    ids=["replayed", "replayed and done", "control: locked and not changed"],
)  # fmt: skip
@pytest.mark.parametrize("statement", ["move_mark", "delete_ledger_rows"])
def test_a_ledger_row_stays_if_its_event_is_replayed_meanwhile(
    kept: Kept, statement: str, change: str, left: list[int]
) -> None:
    kept.insert(1, 2, state="dead")
    if statement == "delete_ledger_rows":
        kept.rows(
            "INSERT INTO fanout.retention_marks (last_event_id, created_before)"
            " VALUES (2, now() - interval '91 days')"
        )
    assert delete_overtaken(kept.database, change, statement) == 2 - len(left)
    assert kept.ledger() == left


def test_a_letter_stays_if_it_is_opened_again_meanwhile(kept: Kept) -> None:
    letter(kept, 1, seen=OLD, resolved=OLD)
    letter(kept, 2, seen=OLD, resolved=OLD)
    opened = "UPDATE event_dead_letters SET resolved_at = NULL WHERE event_id = 1"
    assert delete_overtaken(kept.database, opened, "delete_letters") == 1
    assert kept.rows("SELECT event_id FROM event_dead_letters") == [(1,)]
