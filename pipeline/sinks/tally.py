"""Count the results of this process, for the progress and the final summary."""

import threading
from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from pipeline.fanout.effects import Channel, channel_of
from pipeline.fanout.outcome import Outcome, Status


class Field(StrEnum):
    """The names of the counts."""

    EVENTS = "events"
    NOTIFICATIONS = "notifications"
    EMAILS = "emails"
    SKIPPED = "skipped"
    EXPIRED = "expired"
    UNROUTED = "unrouted"
    DEAD = "dead"
    PAUSED = "paused"


_lock: Final = threading.Lock()
_counts: Final[Counter[Field]] = Counter()
# The fingerprints of dead letters. A set is enough: there are few distinct causes.
_causes: Final[set[str]] = set()


def sum_up(outcomes: Iterable[Outcome]) -> Counter[Field]:
    """Return the counts of outcomes."""
    total: Counter[Field] = Counter()
    for outcome in outcomes:
        channels = [channel_of(effect) for _, effect in outcome.effects]
        total[Field.EVENTS] += outcome.page is None or outcome.page.last
        total[Field.NOTIFICATIONS] += channels.count(Channel.IN_APP)
        total[Field.EMAILS] += channels.count(Channel.EMAIL)
        total[Field.SKIPPED] += len(outcome.skips)
        if outcome.status is not Status.COMPLETED:
            total[Field(outcome.status)] += 1
    return total


def dead(letters: int) -> Counter[Field]:
    """Return the counts of dead letters. Each is also a finished event."""
    return Counter({Field.EVENTS: letters, Field.DEAD: letters})


def count_causes(fingerprints: Iterable[str]) -> None:
    """Add the causes of dead letters."""
    with _lock:
        _causes.update(fingerprints)


def causes() -> int:
    """Return the number of distinct causes of dead letters so far."""
    with _lock:
        return len(_causes)


def count(total: Counter[Field]) -> None:
    """Add counts. Count each result only once."""
    with _lock:
        _counts.update(total)


def tally() -> dict[str, int]:
    """Return the counts so far."""
    with _lock:
        return {field.value: _counts[field] for field in Field}
