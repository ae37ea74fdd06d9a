"""A deletion that another session overtakes leaves what is not over any more, or over since now."""

from uuid import UUID, uuid4

import pytest

from pipeline.reactions.handlers.registry import reaction_handlers
from tests.jobs.overtaken import delete_overtaken
from tests.steps.reactions.board import Board
from tests.steps.reactions.test_reactions import Never
from tests.steps.reactions.test_retention_of_reactions import age, ledger

# An event that ends, or that is parked, and the state that it then has.
ENDS = {"finished": ("test.never", "dead"), "unrouted": ("moon.rose", "unrouted")}

OVER = (
    "UPDATE fanout.reactions SET state = '{state}', finished_at = now() WHERE event_id = '{event}'"
)


def old(board: Board, only: str) -> UUID:
    """An event that has been over for long enough, of the kind that a deletion is about."""
    event_type, state = ENDS[only]
    event = board.event(event_type, {})
    board.process(event)
    assert board.state(event)[0] == state
    age(board, event)
    board.execute("UPDATE fanout.reactions SET created_at = now() - interval '100 days'")
    board.execute("UPDATE event_dead_letters SET resolved_at = now()")
    return event


def replayed(board: Board, event: UUID) -> str:
    replay = uuid4()
    board.execute("INSERT INTO fanout_replays (id, selector, planned) VALUES (%s, '{}', 1)", replay)
    return f"SELECT fanout.replay_reactions('{replay}', '{{{event}}}', '{{}}', '{{}}')"


@pytest.mark.parametrize("ends_again", [False, True], ids=["replayed", "replayed and over again"])
@pytest.mark.parametrize("only", ENDS)
def test_a_ledger_row_stays_if_its_event_is_replayed_meanwhile(
    board: Board, only: str, *, ends_again: bool
) -> None:
    board.handlers = reaction_handlers([Never()])
    event, _ = old(board, only), old(board, only)
    change = replayed(board, event)
    if ends_again:
        change += f"; {OVER.format(state=ENDS[only][1], event=event)}"
    assert delete_overtaken(board.database, change, "delete_reactions", only) == 1
    assert ledger(board) == {event}


@pytest.mark.parametrize("only", ENDS)
def test_control_a_ledger_row_goes_if_another_session_only_held_it(board: Board, only: str) -> None:
    board.handlers = reaction_handlers([Never()])
    old(board, only)
    held = "SELECT FROM fanout.reactions FOR UPDATE"
    assert delete_overtaken(board.database, held, "delete_reactions", only) == 1
    assert ledger(board) == set()


@pytest.mark.parametrize(
    ("change", "deleted"),
    [
        ("state = 'leased', finished_at = NULL, attempts = 2", 0),
        ("state = 'done', finished_at = now(), attempts = 2", 0),
        ("reason = NULL", 1),
    ],
    ids=["handed out", "handed out and over again", "control: neither"],
)
def test_a_task_stays_if_it_is_handed_out_again_meanwhile(
    board: Board, change: str, deleted: int
) -> None:
    board.execute(
        "INSERT INTO fanout.dispatches (kind, id, priority, state, next_attempt_at, attempts,"
        " started_at, finished_at)"
        " SELECT 'task', gen_random_uuid(), 2, 'done', at, 1, at, at"
        " FROM (SELECT now() - interval '100 days' AS at) AS ended"
    )
    update = f"UPDATE fanout.dispatches SET {change}"  # noqa: S608 - of this file
    assert delete_overtaken(board.database, update, "delete_dispatches") == deleted
    assert len(board.rows("SELECT FROM fanout.dispatches")) == 1 - deleted
