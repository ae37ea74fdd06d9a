"""A worker that does what the graph of reactions does in one round, and kills itself after a step.

Arguments: the step; the weakness of a control, or ``none``.
"""

import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from uuid import uuid4

from pipeline.clients.postgres.retry import with_connection
from pipeline.domain.lease import Settlement
from pipeline.settings import DatabaseSettings
from pipeline.sinks.reaction_results import write_reaction_results
from pipeline.steps.reactions.claim import ReactionClaims
from pipeline.steps.reactions.react import react
from pipeline.steps.reactions.reactor import Reactor

STEPS = ("claim", "react", "write")
# The weaknesses of the controls: what a worker without one statement for all of it would do.
LEDGER_FIRST, LEDGER_LAST = "ledger first", "ledger last"


def main(step: str, weakness: str) -> None:
    """Do the steps; die after one of them."""

    def die_after(done: str) -> None:
        if done == step:
            os.kill(os.getpid(), signal.SIGKILL)

    reactor = Reactor(database=DatabaseSettings(dsn=os.environ["DATABASE_URL"]))
    leases = ReactionClaims(reactor).claim()
    die_after("claim")
    settlements = react(reactor, leases)
    die_after("react")
    if weakness == LEDGER_FIRST:
        write_ledger_first(reactor, settlements, lambda: die_after("write"))
    elif weakness == LEDGER_LAST:
        write_ledger_last(reactor, settlements, lambda: die_after("write"))
    else:
        write_reaction_results(reactor.database, settlements)
    die_after("write")


def write_ledger_first(
    reactor: Reactor, settlements: Sequence[Settlement], then: Callable[[], None]
) -> None:
    """Settle, and write what follows in a second transaction: this one never comes to it."""
    bare = [replace(each, values={**each.values, "effects": []}) for each in settlements]
    write_reaction_results(reactor.database, bare)
    then()


def write_ledger_last(
    reactor: Reactor, settlements: Sequence[Settlement], then: Callable[[], None]
) -> None:
    """Write what follows, with ids of this try, and settle in a second transaction.

    This one never comes to it: the ledger says that the events are leased.
    """
    fresh = [replace(each, values={**each.values, "effects": _fresh(each)}) for each in settlements]
    write_reaction_results(reactor.database, fresh)
    ids = [each.lease.values["event_id"] for each in settlements]
    tokens = [each.lease.token for each in settlements]
    with_connection(
        reactor.database,
        lambda connection: connection.execute(
            "WITH still AS (SELECT * FROM unnest(%s::uuid[], %s::uuid[]) AS still (id, token)),"
            " opened AS (UPDATE reactions.events SET processed = false WHERE id = ANY (%s))"
            " UPDATE fanout.reactions SET state = 'leased', lease_token = still.token,"
            " next_attempt_at = now() + interval '30 s', finished_at = NULL,"
            # The try of this number has its row, which the second transaction would write.
            " attempts = attempts + 1"
            " FROM still WHERE event_id = still.id",
            [ids, tokens, ids],
        ),
    )
    then()


def _fresh(each: Settlement) -> list[dict[str, object]]:
    return [{**effect, "id": uuid4()} for effect in each.values.get("effects", [])]


if __name__ == "__main__":
    main(*sys.argv[1:])
    sys.stdout.flush()
    # What runs in threads must not hold up the end.
    os._exit(0)
