"""The replays that this instance applies, each in a thread, until they end or the service stops."""

import threading
import time
from typing import Final

from pipeline.domain.errors import TransientError
from pipeline.ops.reactions.replay import try_again
from pipeline.ops.replay.applying import ClaimedPlan, apply_plan
from pipeline.ops.replay.publication import publish_replay
from pipeline.settings import DatabaseSettings

AT_ONCE: Final = 4
# After a stop, a replay has this long to say how far it came. After that it counts as interrupted.
STOP_SECONDS: Final = 8.0


class RunningReplays:
    """Applies plans in the background. Thread-safe."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._stopped_at = 0.0
        self._lock = threading.Lock()
        self._threads: set[threading.Thread] = set()

    def check_room(self) -> None:
        """Return if one more replay may be applied here.

        Raises:
            TransientError: the service stops, or applies enough of them already.
        """
        with self._lock:
            if self._stop.is_set():
                raise TransientError("this instance of the service is being stopped; try again")
            if len(self._threads) >= AT_ONCE:
                raise TransientError(
                    f"{AT_ONCE} replays are being applied here; try again when one has ended"
                )

    def start(self, database: DatabaseSettings, claimed: ClaimedPlan) -> None:
        """Apply a plan that this process has claimed."""
        thread = threading.Thread(
            target=self._apply, args=(database, claimed), name=f"replay {claimed.id}", daemon=True
        )
        with self._lock:
            self._threads.add(thread)
        thread.start()

    def stop(self) -> None:
        """Let every replay end after the request that it is sending. Does not wait for it."""
        if not self._stop.is_set():
            self._stopped_at = time.monotonic()
            self._stop.set()

    def join(self) -> None:
        """Stop, and wait until every replay has said how far it came, though not for long."""
        self.stop()
        with self._lock:
            threads = list(self._threads)
        for thread in threads:
            thread.join(max(0.0, self._stopped_at + STOP_SECONDS - time.monotonic()))

    def _apply(self, database: DatabaseSettings, claimed: ClaimedPlan) -> None:
        try:
            publish = try_again if claimed.of_reactions else publish_replay
            apply_plan(database, claimed, self._stop, publish)
        finally:
            with self._lock:
                self._threads.discard(threading.current_thread())
