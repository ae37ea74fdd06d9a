"""The pipeline as its own process, on an emulator that belongs to the test."""

import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import grpc
from google.api_core.exceptions import DeadlineExceeded
from google.pubsub_v1 import PublisherClient, SubscriberClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport
from google.pubsub_v1.types import PubsubMessage, PullRequest

from pipeline.domain.message import Message
from tests.deadline import wait_until
from tests.emulator import HastyEmulator
from tests.programs import Program

TOPIC: Final = "projects/fanout-test/topics/events"
SUBSCRIPTION: Final = "projects/fanout-test/subscriptions/events"
DEAD_LETTER_TOPIC: Final = "projects/fanout-test/topics/dead-letters"
DEAD_LETTER_SUBSCRIPTION: Final = "projects/fanout-test/subscriptions/dead-letters"
ACKNOWLEDGEMENT_SECONDS: Final = 10
START_SECONDS: Final = 90.0
KILL_SECONDS: Final = 30.0
ANSWER_SECONDS: Final = 30.0
IDLE_SECONDS: Final = 1.0
ROOT: Final = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Broker:
    """An emulator with the topics of a stream, and its clients."""

    emulator: HastyEmulator
    publisher: PublisherClient
    subscriber: SubscriberClient

    def publish(self, messages: Iterable[Message]) -> None:
        """Publish to the topic that the stream reads."""
        wanted = [PubsubMessage(data=m.data, attributes=dict(m.attributes)) for m in messages]
        for start in range(0, len(wanted), 1000):
            self.publisher.publish(topic=TOPIC, messages=wanted[start : start + 1000])

    def is_drained(self) -> bool:
        """Return whether no message arrives for ``IDLE_SECONDS``; an arriving one is given back."""
        try:
            received = self.subscriber.pull(
                subscription=SUBSCRIPTION, max_messages=1, timeout=IDLE_SECONDS, retry=None
            ).received_messages
        except DeadlineExceeded:
            # It was too busy to answer in time, so the answer is unknown.
            return False
        if received:
            self.subscriber.modify_ack_deadline(
                subscription=SUBSCRIPTION, ack_ids=[received[0].ack_id], ack_deadline_seconds=0
            )
        return not received

    def take(self, subscription: str) -> list[Message]:
        """Pull the messages that a subscription has now."""
        # The client warns about return_immediately; the method that it calls does not.
        pull: Any = self.subscriber.transport.pull
        request = PullRequest(subscription=subscription, max_messages=1000, return_immediately=True)
        taken: list[Message] = []
        while received := pull(request, timeout=ANSWER_SECONDS).received_messages:
            taken += [Message(r.message.data, dict(r.message.attributes)) for r in received]
            self.subscriber.acknowledge(
                subscription=subscription, ack_ids=[r.ack_id for r in received]
            )
        return taken

    def dead_letters(self) -> list[Message]:
        """Pull the messages that are on the dead-letter topic now."""
        return self.take(DEAD_LETTER_SUBSCRIPTION)


@contextmanager
def broker() -> Iterator[Broker]:
    """A new emulator, with the shortest acknowledgement deadline that Pub/Sub allows."""
    with HastyEmulator() as emulator, grpc.insecure_channel(emulator.address) as channel:
        publisher = PublisherClient(transport=PublisherGrpcTransport(channel=channel))
        subscriber = SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))
        for topic, subscription in (
            (TOPIC, SUBSCRIPTION),
            (DEAD_LETTER_TOPIC, DEAD_LETTER_SUBSCRIPTION),
        ):
            publisher.create_topic(name=topic)
            subscriber.create_subscription(
                request={
                    "name": subscription,
                    "topic": topic,
                    "ack_deadline_seconds": ACKNOWLEDGEMENT_SECONDS,
                }
            )
        yield Broker(emulator, publisher, subscriber)


class Stream:
    """``python -m pipeline run``, or a variant of it, with its log in a file."""

    def __init__(
        self,
        broker: Broker,
        dsn: str,
        log: Path,
        *flags: str,
        module: str = "pipeline",
        **environment: str,
    ) -> None:
        self._command = [
            module, "run", "--subscription", SUBSCRIPTION,
            "--dead-letter-topic", DEAD_LETTER_TOPIC, *flags,
        ]  # fmt: skip
        self.environment = os.environ | {
            "DATABASE_URL": dsn,
            "PUBSUB_EMULATOR_HOST": broker.emulator.address,
            **environment,
        }
        self._log = log
        self._process: Program | None = None

    def start(self) -> None:
        """Return when it reads the subscription."""
        before = self.log.count("reading")
        with self._log.open("ab") as log, self._log.with_suffix(".out").open("ab") as out:
            self._process = Program(
                *self._command, environment=self.environment, stdout=out, stderr=log
            )
        wait_until(
            lambda: self.log.count("reading") > before or self.process.poll() is not None,
            seconds=START_SECONDS,
            what="the pipeline reads",
        )

    @property
    def process(self) -> Program:
        """The last started process."""
        assert self._process is not None
        return self._process

    @property
    def log(self) -> str:
        """Its standard error so far."""
        return self._log.read_text() if self._log.exists() else ""

    @property
    def output(self) -> str:
        """Its standard output so far."""
        return self._log.with_suffix(".out").read_text()

    def kill(self) -> None:
        """Send SIGKILL, which it can't handle."""
        self.process.kill()
        self.process.wait(KILL_SECONDS)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit status; fail after the allowed 10 s."""
        self.process.send_signal(number)
        return self.process.wait(timeout=10)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()
