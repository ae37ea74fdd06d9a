"""Our Pub/Sub, with leases that a test can end instead of waiting until they do."""

import time

from local.pubsub import Emulator
from local.pubsub.subscription import MAX_ACK_DEADLINE_SECONDS


class HastyEmulator(Emulator):
    """An emulator whose clock can be put forward."""

    def __init__(self) -> None:
        super().__init__(clock=self._now)
        self._skipped_seconds = 0.0

    def end_leases(self) -> None:
        """Let so much time pass that every lease is over, those of killed readers above all."""
        self._skipped_seconds += MAX_ACK_DEADLINE_SECONDS

    def _now(self) -> float:
        return time.monotonic() + self._skipped_seconds
