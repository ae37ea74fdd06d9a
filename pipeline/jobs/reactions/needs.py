"""What the jobs of this family need of a database."""

from typing import Final

from pipeline.jobs.job import Needed

OF_REACTIONS: Final = Needed(family="reactions", table="fanout.dispatches")
