"""Our Pub/Sub, with leases that a test can end instead of waiting until they do."""

import time

from local.pubsub import Emulator
from local.pubsub.broker import Broker
from local.pubsub.server import build_server
from local.pubsub.subscription import MAX_ACK_DEADLINE_SECONDS


class HastyEmulator(Emulator):
    """An emulator whose clock can be put forward."""

    def __init__(self) -> None:
        super().__init__()
        self._skipped_seconds = 0.0

    def start(self) -> str:
        """Serve, with nothing in it, on that clock."""
        assert self._server is None
        broker = Broker(lambda: time.monotonic() + self._skipped_seconds)
        server, self._port = build_server(broker, self._port)
        server.start()
        self._server = server
        return self.address

    def end_leases(self) -> None:
        """Let so much time pass that every lease is over, those of killed readers above all."""
        self._skipped_seconds += MAX_ACK_DEADLINE_SECONDS
