"""reaction-retention: delete what was kept of finished events of reactions long enough."""

from typing import Final

from pipeline.jobs.job import Job, Period, Retention
from pipeline.jobs.reactions.needs import OF_REACTIONS
from pipeline.jobs.schedule import Schedule

UNROUTED: Final = Period(
    table="fanout.reactions without a handler",
    parameter="unrouted_days",
    days=180,
    at_least=30,
    why="half a year to write a handler and replay them; after that, they never run; counted from"
    " when an event was found or parked again",
    statements=("delete_reactions",),
    only="unrouted",
    oldest_first=True,
)

REACTION_RETENTION: Final = Job(
    name="reaction-retention",
    summary="delete what was kept of finished events of reactions long enough",
    schedule=Schedule("45 3 * * *"),
    work=Retention(
        periods=(
            Period(
                table="fanout.attempts of reactions",
                parameter="reaction_attempts_days",
                days=30,
                at_least=1,
                why="used to look into failures; an attempt at an unfinished event stays",
                statements=("delete_attempts",),
                only="reactions",
            ),
            Period(
                table="fanout.reactions",
                parameter="reactions_days",
                days=90,
                at_least=7,
                why="no transaction is open for a week, so no event commits below the mark; there,"
                " what has no row never runs again",
                statements=("delete_reactions",),
                only="finished",
                oldest_first=True,
            ),
            UNROUTED,
            Period(
                table="fanout.dispatches",
                parameter="dispatches_days",
                days=30,
                at_least=1,
                why="used to look into failures; what has not ended stays",
                statements=("delete_dispatches",),
                oldest_first=True,
            ),
        )
    ),
    needs=OF_REACTIONS,
)
