"""The emulator, which runs in this process."""

import time
from collections.abc import Callable
from typing import Self

import grpc

from local.pubsub.broker import Broker
from local.pubsub.server import build_server


class Emulator:
    """Google Pub/Sub on 127.0.0.1, while it is started.

    The messages are held in memory and lost when it stops. That is acceptable because Postgres is
    the truth: an event whose message is lost has no ledger row, so the catch-up finds it.

    Delivers at least once and in no promised order. It answers UNIMPLEMENTED to everything that it
    can't do: ordered and exactly-once delivery, push, dead-letter and retry policies, retention,
    snapshots and seek, schemas, updates.

    Args:
        port: 0 chooses a free one, which later starts use again.
        clock: monotonic seconds, for the leases.
    """

    def __init__(self, port: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        self._port = port
        self._clock = clock
        self._server: grpc.Server | None = None

    @property
    def address(self) -> str:
        """``host:port``, the value for ``PUBSUB_EMULATOR_HOST``.

        Raises:
            RuntimeError: if the emulator is not started.
        """
        if self._server is None:
            raise RuntimeError("The emulator is not started")
        return f"localhost:{self._port}"

    def start(self) -> str:
        """Start to serve calls with an empty broker, and return the address.

        Raises:
            StartFailed: if the port is taken.
            RuntimeError: if the emulator is started already.
        """
        if self._server is not None:
            raise RuntimeError("The emulator is started already")
        server, self._port = build_server(Broker(self._clock), self._port)
        server.start()
        self._server = server
        return self.address

    def stop(self) -> None:
        """End all calls and free the port; harmless if it is not started."""
        if self._server is not None:
            self._server.stop(grace=None).wait()
            self._server = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
