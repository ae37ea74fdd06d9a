"""A dry run says what would become of each due event, once, and writes nothing."""

from uuid import UUID

from pipeline.steps.reactions.preview import ReactionPreview
from tests.reactions.asking import AMARA
from tests.steps.reactions.board import Board

VERIFIED = {"userId": str(AMARA)}


def test_a_dry_run_says_what_would_become_of_each_event_and_writes_nothing(board: Board) -> None:
    verified = board.event("user.verified", VERIFIED)
    invalid = board.event("user.verified", {"userId": "a secret"})
    unknown = board.event("moon.rose", {})
    found = {each.pop("event_id"): each for each in ReactionPreview(board.reactor()).look()}
    assert found[verified] == {
        "event_type": "user.verified",
        "status": "done",
        "reason": None,
        "effects": {"Task": 1},
    }
    assert (found[invalid]["status"], found[invalid]["effects"]) == ("dead", {})
    assert "userId" in found[invalid]["reason"]
    assert "a secret" not in found[invalid]["reason"]
    assert (found[unknown]["event_type"], found[unknown]["status"]) == ("moon.rose", "unrouted")
    assert board.rows("SELECT FROM fanout.reactions") == []
    assert board.tasks() == []
    # Control: a run does it.
    board.run(verified)
    assert len(board.tasks()) == 1


def test_a_dry_run_tells_of_each_event_once_and_of_those_in_the_ledger_too(board: Board) -> None:
    preview = ReactionPreview(board.reactor())
    first = board.event("user.verified", VERIFIED)
    assert told(preview) == [first]
    second = board.event("user.verified", VERIFIED)
    assert told(preview) == [second]
    assert told(preview) == []
    retried = board.event("user.verified", VERIFIED)
    board.execute(
        "INSERT INTO fanout.reactions (event_id, event_type, state, attempts, next_attempt_at)"
        " VALUES (%s, 'user.verified', 'waiting', 1, now())",
        retried,
    )
    assert told(preview) == [retried]


def told(preview: ReactionPreview) -> list[UUID]:
    return [each["event_id"] for each in preview.look()]


def test_a_dry_run_goes_on_behind_the_first_page_first_in_the_ledger_then_in_what_is_new(
    board: Board,
) -> None:
    events = [board.event("user.verified", VERIFIED) for _ in range(6)]
    board.execute(
        "INSERT INTO fanout.reactions (event_id, event_type, state, attempts, next_attempt_at)"
        " SELECT id, event_type, 'waiting', 1, '2026-01-01' FROM reactions.events"
        " WHERE id = ANY (%s) ORDER BY sequence",
        events[3:],
    )
    preview = ReactionPreview(board.reactor(), most=2)
    assert told(preview) == events[3:5]
    # Due before the place where the next page begins: it is told of in the next round.
    earlier = board.event("user.verified", VERIFIED)
    board.execute(
        "INSERT INTO fanout.reactions (event_id, event_type, state, attempts, next_attempt_at)"
        " VALUES (%s, 'user.verified', 'waiting', 1, '2025-01-01')",
        earlier,
    )
    assert told(preview) == [events[5], events[0]]
    assert told(preview) == events[1:3]
    assert told(preview) == []
    assert told(preview) == [earlier]
    assert [told(preview) for _ in range(4)] == [[]] * 4


def test_a_dry_run_tells_of_an_event_without_a_type_also_while_a_type_is_paused(
    board: Board,
) -> None:
    board.execute("ALTER TABLE reactions.events ALTER event_type DROP NOT NULL")
    event = board.event("moon.rose", {})
    board.execute("UPDATE reactions.events SET event_type = NULL")
    board.execute("INSERT INTO fanout.switches (name, state) VALUES ('user.verified', 'paused')")
    [seen] = ReactionPreview(board.reactor()).look()
    assert (seen["event_id"], seen["event_type"], seen["status"]) == (event, "", "unrouted")
