"""Statements that were planned while the tables were small read by index when they have grown."""

from pipeline.clients.postgres.pool import close_pools
from pipeline.sinks.reaction_results import write_reaction_results
from pipeline.steps.reactions.batches import ClaimedReactions, decode_claimed, react_to
from pipeline.steps.reactions.claim import ReactionClaims
from tests.deadline import wait_until
from tests.reactions.asking import AMARA
from tests.steps.reactions.board import Board, one

# More often than psycopg and Postgres wait before they keep a plan.
PLANNED = 12
MANY = 2_000
SCANS = (
    "SELECT seq_scan FROM pg_stat_user_tables WHERE (schemaname, relname) = ('reactions', 'events')"
)
MADE = (
    "SELECT n_tup_ins FROM pg_stat_user_tables"
    " WHERE (schemaname, relname) = ('fanout', 'reactions')"
)


def test_a_plan_from_when_the_tables_were_small_does_no_harm(board: Board) -> None:
    reactor = board.reactor()
    claims = ReactionClaims(reactor)
    said = {"userId": str(AMARA)}
    for _ in range(PLANNED):
        leases = claims.claim([board.event("user.verified", said)])
        events, _ = decode_claimed(reactor, ClaimedReactions(leases=leases))
        write_reaction_results(reactor.database, react_to(reactor, events).settlements)
    many = board.rows(
        "INSERT INTO reactions.events (event_type, payload)"
        " SELECT 'user.verified', jsonb_build_object('userId', %s::text)"
        " FROM generate_series(1, %s) RETURNING id",
        str(AMARA),
        MANY,
    )
    ids = [event_id for (event_id,) in many]
    decoded = 0
    for start in range(0, MANY, 500):
        leases = claims.claim(ids[start : start + 500])
        events, _ = decode_claimed(reactor, ClaimedReactions(leases=leases))
        decoded += len(events.events)
    assert decoded == MANY
    # A session says what it read when it ends.
    close_pools()
    wait_until(
        lambda: one(board.rows(MADE)) >= MANY, seconds=30, what="the sessions have told the numbers"
    )
    # A batch that read the whole table took 0.7 s with 20,000 events.
    assert one(board.rows(SCANS)) == 0
