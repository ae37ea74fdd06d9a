"""Runs the graph of the jobs over one message. The job always fails."""

import os

import apache_beam as beam

from pipeline.commands.life import closed_pools
from pipeline.domain.wake_up import WakeUp
from pipeline.jobs.job import Pages
from pipeline.jobs.message import look_message
from pipeline.runtime.runner import local_pipeline
from pipeline.settings import DatabaseSettings
from pipeline.topology.ends import Store
from pipeline.topology.jobs import JobsTopology
from tests.steps.runs import JOB, Floors
from tests.streams import DEAD_LETTER_TOPIC


def run_graph(database: DatabaseSettings) -> None:
    """Do the run that is due in the bundle of a message, as on Dataflow."""
    topology = JobsTopology(
        database=database,
        ends=Store(database, DEAD_LETTER_TOPIC),
        jobs={JOB.name: JOB},
        runners={Pages: Floors(before=_fail)},
    )
    pipeline = local_pipeline()
    look = WakeUp.of(look_message(JOB.name))
    topology.build(pipeline, beam.Create([[look]], reshuffle=False))
    pipeline.run().wait_until_finish()


def _fail(_: int) -> None:
    raise ZeroDivisionError


if __name__ == "__main__":
    with closed_pools():
        run_graph(DatabaseSettings(dsn=os.environ["DATABASE_URL"]))
