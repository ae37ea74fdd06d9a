"""Our Pub/Sub emulator, with leases that a test can end at once."""

import time

from local.pubsub import Emulator
from local.pubsub.subscription import MAX_ACK_DEADLINE_SECONDS


class HastyEmulator(Emulator):
    """An emulator whose clock can be moved forward."""

    def __init__(self) -> None:
        super().__init__(clock=self._now)
        self._skipped_seconds = 0.0

    def end_leases(self) -> None:
        """Move the clock past the end of every lease, for example of killed readers."""
        self._skipped_seconds += MAX_ACK_DEADLINE_SECONDS

    def _now(self) -> float:
        return time.monotonic() + self._skipped_seconds
