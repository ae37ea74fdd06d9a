"""What this process has done, in numbers: for progress and for the summary at the end."""

import threading
from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from pipeline.fanout.effects import Channel, channel_of
from pipeline.fanout.outcome import Outcome, Status


class Field(StrEnum):
    """What is counted."""

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
# The fingerprints of dead letters: as few as there are places where something can fail.
_causes: Final[set[str]] = set()


def sum_up(outcomes: Iterable[Outcome]) -> Counter[Field]:
    """What outcomes come to, all together."""
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
    """What dead letters come to: they are events that are done with, too."""
    return Counter({Field.EVENTS: letters, Field.DEAD: letters})


def count_causes(fingerprints: Iterable[str]) -> None:
    """Add why events are dead."""
    with _lock:
        _causes.update(fingerprints)


def causes() -> int:
    """Of how many causes events were dead so far."""
    with _lock:
        return len(_causes)


def count(total: Counter[Field]) -> None:
    """Add what was done for the first time."""
    with _lock:
        _counts.update(total)


def tally() -> dict[str, int]:
    """The numbers so far."""
    with _lock:
        return {field.value: _counts[field] for field in Field}
