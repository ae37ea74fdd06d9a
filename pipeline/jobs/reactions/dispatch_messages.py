"""dispatch-messages: hand due messages out to the workers of the application."""

from typing import Final

from pipeline.jobs.job import Job, Pages
from pipeline.jobs.reactions.needs import OF_REACTIONS
from pipeline.jobs.schedule import Schedule

DISPATCH_MESSAGES: Final = Job(
    name="dispatch-messages",
    summary="hand due messages out to the workers of the application",
    schedule=Schedule("* * * * *"),
    work=Pages(
        package="pipeline.jobs.reactions",
        statement="dispatch",
        only="messages",
        # For so long a worker may be silent. Then the try has failed.
        parameters={"lease_minutes": 5},
        most=1_000,
    ),
    needs=OF_REACTIONS,
    round_every=1.0,
)
