"""A worker that runs the graph of reactions once, with handlers of which one ends the process."""

import os
import signal
import sys

import apache_beam as beam

from pipeline.domain.identifiers import EventType
from pipeline.domain.payload import Payload
from pipeline.domain.wake_up import WakeUp
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.handlers.registry import reaction_handlers
from pipeline.reactions.outcome import ReactionOutcome, done
from pipeline.runtime.runner import local_pipeline
from pipeline.settings import DatabaseSettings
from pipeline.steps.reactions.reactor import Reactor
from pipeline.topology.ends import Store
from pipeline.topology.reactions import ReactionsTopology


class Nothing(Payload):
    """A payload of which nothing is read."""


class Deadly(ReactionHandler[Nothing]):
    """Ends its process, as a crash of a library would."""

    event_type = EventType("test.deadly")
    payload = Nothing

    def react(self, event: ReactionEvent[Nothing], answers: Answers) -> ReactionOutcome:
        os.kill(os.getpid(), signal.SIGKILL)
        return done()


class Harmless(ReactionHandler[Nothing]):
    """Does nothing."""

    event_type = EventType("test.harmless")
    payload = Nothing

    def react(self, event: ReactionEvent[Nothing], answers: Answers) -> ReactionOutcome:
        return done()


HANDLERS = reaction_handlers([Deadly(), Harmless()])


def run(dsn: str) -> None:
    """Do what is due."""
    reactor = Reactor(database=DatabaseSettings(dsn=dsn), handlers=HANDLERS)
    pipeline = local_pipeline()
    wake_ups: list[WakeUp] = []
    topology = ReactionsTopology(reactor=reactor, ends=Store(reactor.database))
    topology.build(pipeline, beam.Create([wake_ups], reshuffle=False))
    pipeline.run().wait_until_finish()


if __name__ == "__main__":
    run(os.environ["DATABASE_URL"])
    sys.stdout.flush()
    # What runs in threads must not hold up the end.
    os._exit(0)
