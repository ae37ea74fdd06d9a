"""digests: gather the e-mails that wait for people into one mail each."""

from typing import Final

from pipeline.jobs.job import Digests, Job
from pipeline.jobs.schedule import Schedule

DIGESTS: Final = Job(
    name="digests",
    summary="gather the e-mails that wait into one for each person",
    # Every hour of every zone begins at one of these, also where zones differ by 30 or 45 minutes.
    schedule=Schedule("*/15 * * * *"),
    work=Digests(),
)
