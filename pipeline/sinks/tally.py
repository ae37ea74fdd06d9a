"""What this process has done, in numbers: for progress and for the summary at the end."""

import threading
from collections import Counter
from collections.abc import Iterable
from typing import Final

from pipeline.domain.effects import Channel, channel_of
from pipeline.domain.outcome import Outcome, Status

_lock: Final = threading.Lock()
_counts: Counter[str] = Counter()

FIELDS: Final = ("events", "notifications", "emails", "skipped", "expired", "unrouted", "dead")


def count_outcomes(outcomes: Iterable[Outcome]) -> None:
    """Add outcomes that were written for the first time."""
    added: Counter[str] = Counter()
    for outcome in outcomes:
        channels = [channel_of(effect) for _, effect in outcome.effects]
        added["events"] += 1
        added["notifications"] += channels.count(Channel.IN_APP)
        added["emails"] += channels.count(Channel.EMAIL)
        added["skipped"] += len(outcome.skips)
        if outcome.status is not Status.COMPLETED:
            added[outcome.status] += 1
    _add(added)


def count_dead(letters: int) -> None:
    """Add events that became dead letters."""
    _add(Counter(events=letters, dead=letters))


def tally() -> dict[str, int]:
    """The numbers so far, one for each of ``FIELDS``."""
    with _lock:
        return {field: _counts[field] for field in FIELDS}


def _add(added: Counter[str]) -> None:
    with _lock:
        _counts.update(added)
