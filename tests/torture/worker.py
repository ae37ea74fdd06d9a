"""The work of one life of the pipeline, in a process forked after all imports."""

import logging
import os
import sys
import threading
from collections.abc import Callable, Collection, Sequence
from ctypes import Structure, c_int
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing import parent_process
from pathlib import Path
from typing import Final

import pytest

from pipeline.clients.pubsub.subscription import Subscription
from pipeline.commands.life import closed_pools
from pipeline.domain.identifiers import EventType
from pipeline.domain.wake_up import WakeUp
from pipeline.fanout.decide import Policy
from pipeline.fanout.handlers import HANDLERS
from pipeline.runtime.catch_up import catch_up
from pipeline.runtime.stream import run_stream
from pipeline.settings import DatabaseSettings, PubSubSettings
from pipeline.sources.unfinished import Selection
from pipeline.topology.ends import Store
from pipeline.topology.fanout import Topology
from tests.streams import SUBSCRIPTION

# Without the unused branches, a life starts a second sooner.
TYPES: Final = (
    "chat_message_sent",
    "document_uploaded",
    "project_access_granted",
    "thread_unread_stale",
)

Variant = Callable[[], None]


class State(Structure):
    """The state of a life, in memory that its killer reads."""

    looks: int
    pulls: int
    held: int
    _fields_ = [("looks", c_int), ("pulls", c_int), ("held", c_int)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a life reads and writes.

    Attributes:
        statement_seconds: short, so that a dead connection is given up soon.
        batch_size: small, so that a statement finishes before its connection is cut.
    """

    dsn: str
    pubsub: str
    log: Path
    subscription: str = SUBSCRIPTION
    statement_seconds: float = 30.0
    batch_size: int = 500

    @property
    def topology(self) -> Topology:
        """The graph of the stream, with the branches that the load needs."""
        database = DatabaseSettings(
            dsn=self.dsn, statement_timeout=timedelta(seconds=self.statement_seconds)
        )
        return Topology(
            database=database,
            handlers={EventType(name): HANDLERS[EventType(name)] for name in TYPES},
            policy=Policy(),
            ends=Store(database),
            batch_size=self.batch_size,
        )


def stream(place: Place, state: State, variants: Sequence[Variant]) -> None:
    """Run the stream, with the variants applied, until a signal stops it."""
    _begin(place)

    class Observed(Subscription):
        """Shows how many messages are neither acknowledged nor given back."""

        def _pull(self) -> list[WakeUp]:
            state.looks += 1
            pulled = super()._pull()
            state.pulls += bool(pulled)
            state.held += len(pulled)
            return pulled

        def acknowledge(self, receipts: Collection[str]) -> None:
            before = self.acknowledged
            super().acknowledge(receipts)
            # Postponed messages are still held.
            state.held -= self.acknowledged - before

    _replace("pipeline.clients.pubsub.subscription.Subscription", Observed)
    for variant in variants:
        variant()
    with closed_pools():
        run_stream(place.topology, PubSubSettings(subscription=place.subscription))


def complete(place: Place) -> None:
    """Catch up once with the events that are unfinished in the ledger."""
    _begin(place)
    with closed_pools():
        catch_up(place.topology, Selection())


def _begin(place: Place) -> None:
    os.environ["PUBSUB_EMULATOR_HOST"] = place.pubsub
    begin(place.log)


def begin(path: Path) -> None:
    """End with the test, and write warnings and errors to a file."""
    threading.Thread(target=_end_with_the_test, daemon=True).start()
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, sys.stdout.fileno())
    os.dup2(log, sys.stderr.fileno())
    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(process)d %(name)s %(message)s"
    )


def _end_with_the_test() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _replace(name: str, value: object) -> None:
    pytest.MonkeyPatch().setattr(name, value)
