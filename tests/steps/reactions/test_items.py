"""Inbox items and messages of the handlers of this family, as rows."""

from typing import Any

import pytest

from pipeline.sinks.reaction_results import write_reaction_results
from pipeline.steps.reactions.claim import ReactionClaims
from pipeline.steps.reactions.react import react
from tests.reactions.asking import AMARA, INTRO, LEO
from tests.steps.reactions.board import Board

CREATED: dict[str, Any] = {
    "introOpportunityId": str(INTRO),
    "connectorUserId": str(AMARA),
    "bountyCredits": 40,
}
OTHER = {**CREATED, "introOpportunityId": str(LEO)}
THING = {"introOpportunityId": str(INTRO)}


def items(board: Board) -> list[tuple[Any, ...]]:
    return board.rows("SELECT user_id, item_id, status FROM reactions.inbox_items ORDER BY 1, 2")


@pytest.mark.parametrize("most", [1, 500])
def test_a_cancelled_opportunity_leaves_every_inbox_and_no_other_item_changes(
    board: Board, most: int
) -> None:
    for payload in (CREATED, {**CREATED, "connectorUserId": str(LEO)}, OTHER):
        board.event("intro.opportunity_created", payload)
    board.event("intro.opportunity_accepted", {**CREATED, "connectorUserId": str(LEO)})
    board.event("intro.opportunity_cancelled", THING)
    while board.process(most=most):
        pass
    assert items(board) == [
        (AMARA, LEO, "active"),
        (AMARA, INTRO, "expired"),
        # They had acted before: an end is final.
        (LEO, INTRO, "actioned"),
    ]


def test_an_end_never_overtakes_its_item_however_many_workers_there_are(board: Board) -> None:
    board.event("intro.opportunity_created", CREATED, about=INTRO)
    board.event("intro.opportunity_cancelled", THING, about=INTRO)
    reactor = board.reactor()
    first = ReactionClaims(reactor).claim()
    assert [each.values["event_type"] for each in first] == ["intro.opportunity_created"]
    # Another worker, while the first one is not done.
    assert ReactionClaims(reactor).claim() == []
    write_reaction_results(reactor.database, react(reactor, first))
    assert board.process() == 1
    assert items(board) == [(AMARA, INTRO, "expired")]


def test_a_completed_opportunity_is_told_once_however_often_it_comes(board: Board) -> None:
    board.event("intro.opportunity_created", CREATED)
    board.process()
    event_id = board.event("intro.opportunity_completed", THING)
    board.process()
    board.execute("UPDATE fanout.reactions SET state = 'pending' WHERE event_id = %s", event_id)
    assert board.process() == 1
    assert items(board) == [(AMARA, INTRO, "actioned")]
    told = "SELECT user_id, template, priority, can_delay FROM reactions.message_queue"
    assert board.rows(told) == [(AMARA, "intro_opportunity_completed", 3, True)]
