"""Runs the Debezium engine inside this process."""

import threading
from collections.abc import Mapping
from itertools import groupby
from operator import itemgetter
from typing import Protocol

import jpype

from local.debezium.java import Committer, Record, Records, Throwable, start_jvm
from local.debezium.sink import Message, PublishFailed

_PACKAGE = "io.debezium.engine"
_CLOSE_SECONDS = 10.0


class EngineFailed(Exception):
    """The engine stopped by itself."""


class Sink(Protocol):
    """The destination of the messages."""

    def publish(self, topic_id: str, messages: list[Message]) -> None:
        """Return once all messages are published, or raise `PublishFailed`."""


class Engine:
    """The Debezium engine with the converters and the batch semantics of Debezium Server.

    A batch is marked as processed only after the sink has published all of it. If publishing fails,
    nothing of the batch is marked and the engine stops. So every change arrives at least once.
    """

    def __init__(self, properties: Mapping[str, str], sink: Sink) -> None:
        start_jvm()
        self._sink = sink
        self._failure: str | None = None
        self._closing = False
        self._finished = threading.Event()
        java_properties = jpype.JClass("java.util.Properties")()
        for name, value in properties.items():
            java_properties.setProperty(name, value)
        json = jpype.JClass(f"{_PACKAGE}.format.Json")
        completion = {"handle": self._completed}
        consumer = {"handleBatch": self._publish, "supportsTombstoneEvents": lambda: False}
        self._engine = (
            jpype.JClass(f"{_PACKAGE}.DebeziumEngine")
            .create(json, json, json)
            .using(java_properties)
            .using(jpype.JProxy(f"{_PACKAGE}.DebeziumEngine$CompletionCallback", dict=completion))
            .notifying(jpype.JProxy(f"{_PACKAGE}.DebeziumEngine$ChangeConsumer", dict=consumer))
            .build()
        )

    def run(self, stop: threading.Event) -> None:
        """Capture changes until `stop` is set.

        Raises:
            EngineFailed: The engine stopped for another reason, or did not close in time.
        """
        threading.Thread(target=self._run, name="debezium", daemon=True).start()
        while not stop.is_set() and not self._finished.is_set():
            stop.wait(0.1)
        if not self._finished.is_set():
            self._close()
        if self._failure is not None:
            raise EngineFailed(self._failure)

    def _run(self) -> None:
        try:
            self._engine.run()
        finally:
            self._finished.set()

    def _close(self) -> None:
        self._closing = True
        # Closing waits for a batch in hand, minutes if Pub/Sub is gone, and cannot be interrupted.
        threading.Thread(target=self._ask_to_close, name="closing", daemon=True).start()
        if not self._finished.wait(_CLOSE_SECONDS):
            raise EngineFailed(f"the engine did not close within {_CLOSE_SECONDS:.0f} s")

    def _ask_to_close(self) -> None:
        while not self._finished.is_set():
            try:
                self._engine.close()
            except jpype.JException:  # the engine refuses to close while it starts
                self._finished.wait(0.1)
            else:
                return

    def _completed(self, success: bool, message: object, error: Throwable | None) -> None:  # noqa: FBT001 - Java's
        # The engine reports a close during its start as a failure.
        if not (success or self._closing or self._failure):
            cause = _root_cause(error)
            self._failure = str((cause and cause.getMessage()) or cause or message)

    def _publish(self, records: Records, committer: Committer) -> None:
        try:
            for topic, group in groupby(map(_message, records), key=itemgetter(0)):
                self._sink.publish(topic, [message for _, message in group])
        except PublishFailed as error:
            self._failure = str(error)
            raise
        for record in records:
            committer.markProcessed(record)
        committer.markBatchFinished()


def _message(record: Record) -> tuple[str, Message]:
    attributes = {str(header.getKey()): str(header.getValue()) for header in record.headers()}
    return str(record.destination()), Message(str(record.value()), attributes)


def _root_cause(error: Throwable | None) -> Throwable | None:
    while error is not None and (cause := error.getCause()) is not None:
        error = cause
    return error
