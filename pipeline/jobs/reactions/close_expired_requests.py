"""close-expired-requests: close community requests that have expired or were answered by all."""

from typing import Final

from pipeline.jobs.job import Job, Pages
from pipeline.jobs.reactions.needs import OF_REACTIONS
from pipeline.jobs.schedule import Schedule

CLOSE_EXPIRED_REQUESTS: Final = Job(
    name="close-expired-requests",
    summary="close community requests that have expired or were answered by all",
    schedule=Schedule("0 * * * *"),
    work=Pages(package="pipeline.jobs.reactions", statement="close_expired_requests", most=500),
    needs=OF_REACTIONS,
)
