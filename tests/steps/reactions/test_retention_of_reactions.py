"""Old rows of the ledger go behind a mark, and no event runs again, whatever its column says."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from pipeline.domain.errors import UsageError
from pipeline.jobs.job import Input, Page, Retention
from pipeline.jobs.reactions.retention import REACTION_RETENTION
from pipeline.ops.forget.forget import forget
from pipeline.ops.reactions.explain import read_reaction
from pipeline.ops.reactions.figures import read_reactions
from pipeline.ops.reactions.words import state
from pipeline.reactions.handlers import REACTION_HANDLERS
from pipeline.reactions.handlers.registry import reaction_handlers
from pipeline.settings import DatabaseSettings
from pipeline.steps.retention import run_retention
from tests.reactions.asking import AMARA, GRACE
from tests.steps.reactions.board import Board
from tests.steps.reactions.test_reactions import Falls, Never

VERIFIED = {"userId": str(AMARA)}


def retention(
    board: Board, *, dry_run: bool, changed: Mapping[str, int] | None = None
) -> Iterator[Page]:
    """Run the job, with other days than usual if they are given."""
    assert isinstance(REACTION_RETENTION.work, Retention)
    settings = DatabaseSettings(dsn=board.database.jobs_dsn)
    given = Input(now=datetime.now(UTC), dry_run=dry_run, changed=changed or {})
    yield from run_retention(settings, REACTION_RETENTION.work, given)


def clean(board: Board, *, dry_run: bool = False) -> dict[str, int]:
    """Run the job; return how many rows went from the ledger, and how many stayed."""
    gone = kept = 0
    for page in retention(board, dry_run=dry_run):
        gone, kept = gone + page.counts.emitted, kept + page.counts.skipped
    return {"gone": gone, "kept": kept}


def age(board: Board, *events: UUID, days: int = 100) -> None:
    """Let this many days pass for events, their rows in the ledger and their tries."""
    board.execute(
        "UPDATE reactions.events SET created_at = now() - make_interval(days => %s)"
        " WHERE id = ANY (%s)", days, list(events),
    )  # fmt: skip
    board.execute(
        "UPDATE fanout.reactions SET finished_at = now() - make_interval(days => %s)"
        " WHERE finished_at IS NOT NULL AND event_id = ANY (%s)", days, list(events),
    )  # fmt: skip
    board.execute(
        "UPDATE fanout.attempts SET finished_at = now() - make_interval(days => %s)"
        " WHERE record_id::uuid = ANY (%s)", days, list(events),
    )  # fmt: skip


def park(board: Board, *, days: int) -> UUID:
    """An event of a type without a handler, which was found so many days ago."""
    event = board.event("moon.rose", {})
    board.process(event)
    assert board.state(event)[0] == "unrouted"
    board.execute(
        "UPDATE fanout.reactions SET created_at = now() - make_interval(days => %s)"
        " WHERE event_id = %s", days, event,
    )  # fmt: skip
    return event


def ledger(board: Board) -> set[Any]:
    return {event for (event,) in board.rows("SELECT event_id FROM fanout.reactions")}


def done(board: Board) -> UUID:
    event = board.event("user.verified", VERIFIED)
    board.process(event)
    assert board.state(event)[0] == "done"
    return event


def test_an_event_whose_row_is_gone_never_runs_again_even_if_processed_is_set_back(
    board: Board,
) -> None:
    old, young = done(board), done(board)
    age(board, old)
    assert clean(board, dry_run=True) == {"gone": 0, "kept": 0}
    assert clean(board) == {"gone": 2, "kept": 0}
    assert ledger(board) == {young}
    tasks = board.tasks()
    board.execute("UPDATE reactions.events SET processed = false")
    # By its message, by the look for lost messages, and by both again later.
    for ids in ((old,), (), (old, young)):
        assert board.process(*ids) == 0
    assert (ledger(board), board.tasks()) == ({young}, tasks)
    with board.database.connect() as connection:
        # Nor do they ring for ever.
        figures = read_reactions(connection)
    assert figures is not None
    assert (figures.unseen, figures.waiting) == (0, 0)
    account = read_reaction(DatabaseSettings(dsn=board.database.viewer_dsn), old)
    assert (
        state(account)
        == "over long ago: retention has deleted its row in the ledger, so it never runs again"
    )
    # Fresh ones are found as ever.
    assert done(board) in ledger(board)


def test_control_without_the_mark_it_would_run_again(board: Board) -> None:
    old = done(board)
    age(board, old)
    clean(board)
    board.execute("UPDATE fanout.reaction_marks SET last_sequence = -1")
    board.execute("UPDATE reactions.events SET processed = false")
    assert board.process(old) == 1


def test_what_is_unfinished_open_or_set_back_stays(board: Board) -> None:
    board.handlers = {**REACTION_HANDLERS, **reaction_handlers([Falls(), Never()])}
    waits = board.event("test.fails", {})
    unknown = board.event("moon.rose", {})
    dead = board.event("test.never", {})
    board.process()
    back = done(board)
    board.execute("UPDATE reactions.events SET processed = false WHERE id = %s", back)
    everything = (waits, unknown, dead, back)
    age(board, *everything)
    assert clean(board) == {"gone": 2, "kept": 3}
    assert ledger(board) == set(everything)
    tried = "SELECT record_id FROM fanout.attempts"
    assert board.rows(tried) == [(str(waits),)]
    board.execute("UPDATE event_dead_letters SET resolved_at = now()")
    assert clean(board)["gone"] == 1
    assert ledger(board) == {waits, unknown, back}


def test_the_mark_never_moves_back(board: Board) -> None:
    board.handlers = {**REACTION_HANDLERS, **reaction_handlers([Never()])}
    dead = board.event("test.never", {})
    board.process()
    later = done(board)
    age(board, dead, later)
    clean(board)
    assert ledger(board) == {dead}
    mark = board.rows("SELECT last_sequence FROM fanout.reaction_marks")
    board.execute("UPDATE event_dead_letters SET resolved_at = now()")
    clean(board)
    assert ledger(board) == set()
    assert board.rows("SELECT last_sequence FROM fanout.reaction_marks") == mark


def test_the_mark_stays_below_an_event_that_nobody_has_found_yet(board: Board) -> None:
    first = done(board)
    unseen = board.event("user.verified", VERIFIED)
    # It was processed before the earlier one was found.
    later = board.event("user.verified", VERIFIED)
    board.execute(
        "INSERT INTO fanout.reactions (event_id, event_type, state) VALUES"
        " (%s, 'user.verified', 'pending')", later,
    )  # fmt: skip
    board.execute("UPDATE reactions.events SET processed = NULL WHERE id = %s", unseen)
    board.execute(
        "UPDATE fanout.reactions SET state = 'done', finished_at = now() WHERE event_id = %s", later
    )
    board.execute("UPDATE reactions.events SET processed = true WHERE id = %s", later)
    age(board, first, unseen, later)
    clean(board)
    assert ledger(board) == {later}
    assert board.process() == 1
    assert board.state(unseen)[0] == "done"
    assert clean(board)["gone"] == 1
    assert ledger(board) == {unseen}


def test_events_without_a_handler_go_when_they_were_parked_for_half_a_year(board: Board) -> None:
    old, older = park(board, days=181), park(board, days=400)
    young = park(board, days=179)
    assert clean(board, dry_run=True) == {"gone": 0, "kept": 0}
    assert clean(board) == {"gone": 2, "kept": 0}
    assert ledger(board) == {young}
    # Nobody has closed them; even so they are never found again, nor do they ring.
    assert board.rows("SELECT count(*) FROM reactions.events WHERE NOT processed") == [(3,)]
    assert board.process(old, older) == 0
    assert ledger(board) == {young}
    with board.database.connect() as connection:
        figures = read_reactions(connection)
    assert figures is not None
    assert (figures.unseen, figures.unrouted) == (0, 1)
    # One that comes now is found.
    assert board.event("moon.rose", {}) not in ledger(board)
    board.process()
    assert len(ledger(board)) == 2


def test_the_days_of_an_event_without_a_handler_can_be_changed_and_are_counted_in_a_dry_run(
    board: Board,
) -> None:
    park(board, days=40)
    found = [
        shown
        for page in retention(board, dry_run=True, changed={"unrouted_days": 30})
        for shown in page.preview
        if shown["table"] == "fanout.reactions without a handler"
    ]
    assert found == [
        {
            "table": "fanout.reactions without a handler",
            "days": 30,
            "would_delete": 1,
            "would_keep": 0,
        }
    ]
    with pytest.raises(UsageError, match="invalid unrouted_days '29': expected whole days"):
        list(retention(board, dry_run=True, changed={"unrouted_days": 29}))


def test_an_event_without_a_handler_that_was_parked_again_or_has_an_open_letter_stays(
    board: Board,
) -> None:
    again, letter = park(board, days=400), park(board, days=400)
    board.execute("UPDATE fanout.reactions SET finished_at = now() WHERE event_id = %s", again)
    board.execute(
        "INSERT INTO event_dead_letters"
        " (letter_key, event_type, stage, error_class, message, fingerprint)"
        " VALUES ('events:' || %s, 'moon.rose', 'react', 'GaveUp', 'no', 'f00d')", letter,
    )  # fmt: skip
    assert clean(board) == {"gone": 0, "kept": 1}
    assert ledger(board) == {again, letter}
    board.execute("UPDATE event_dead_letters SET resolved_at = now()")
    assert clean(board)["gone"] == 1
    assert ledger(board) == {again}


def test_an_event_without_a_handler_stays_while_an_earlier_one_was_not_found(board: Board) -> None:
    unseen = board.event("user.verified", VERIFIED)
    board.execute("UPDATE reactions.events SET processed = true")
    old = park(board, days=400)
    board.execute("UPDATE reactions.events SET processed = false WHERE id = %s", unseen)
    assert clean(board) == {"gone": 0, "kept": 1}
    # Control: it is found, and the other one goes.
    assert board.process() == 1
    assert clean(board)["gone"] == 1
    assert ledger(board) == {unseen}
    assert old != unseen


@pytest.mark.parametrize("dry_run", [True, False])
def test_forget_counts_what_the_application_has_to_delete(board: Board, *, dry_run: bool) -> None:
    done(board)
    board.execute("INSERT INTO reactions.users (id) VALUES (%s), (%s)", AMARA, GRACE)
    forgotten = forget(
        DatabaseSettings(dsn=board.database.operator_dsn), UUID(str(AMARA)), dry_run=dry_run
    )
    assert {name: rows for name, rows in forgotten.left.items() if rows} == {
        "reactions.users": 1,
        "reactions.agent_tasks": 1,
    }
    assert not any(forgotten.rows.values())
