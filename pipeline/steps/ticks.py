"""Sort messages: a batch in; the ticks of each job and dead letters out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pipeline.domain.dead_letter import DeadLetter
from pipeline.domain.errors import InvalidTick
from pipeline.domain.message import Message
from pipeline.jobs.job import Job
from pipeline.jobs.message import job_named, read_tick
from pipeline.jobs.tick import Tick

STAGE: Final = "sort_ticks"


@dataclass(frozen=True, slots=True)
class SortedTicks:
    """What a batch of messages asks for.

    Attributes:
        ticks: the ticks of each job that was named; none if it only has to look for due runs.
        letters: the messages that are not ticks.
    """

    ticks: Mapping[str, Sequence[Tick]]
    letters: Sequence[DeadLetter]


def sort_ticks(messages: Iterable[Message], jobs: Mapping[str, Job]) -> SortedTicks:
    """Sort messages by the job that they name. A repeated tick is left out."""
    ticks: dict[str, list[Tick]] = {}
    letters = []
    for message in messages:
        try:
            job = job_named(message, jobs)
            tick = read_tick(message, job)
        except InvalidTick as error:
            letters.append(_letter(message, error))
            continue
        found = ticks.setdefault(job.name, [])
        if tick is not None and tick not in found:
            found.append(tick)
    return SortedTicks(ticks, letters)


def _letter(message: Message, error: InvalidTick) -> DeadLetter:
    # Its attributes are not those of an event: one named `id` means no row of domain_events.
    return DeadLetter(
        record=None,
        stage=STAGE,
        error_class=type(error).__name__,
        reason=str(error),
        message=message,
    )
