"""The last stages of the traces of events: the write of outcomes, and of dead letters."""

from collections.abc import Callable, Sequence

from pipeline.domain.dead_letter import DeadLetter
from pipeline.domain.errors import LockTimeout
from pipeline.fanout.outcome import Outcome, Status
from pipeline.sinks.outcomes import STAGE, Written
from pipeline.steps.traces.bundle import EventTraces
from pipeline.steps.traces.names import BURY, COMPLETED_BEFORE
from pipeline.steps.traces.stage import cause, named


def traced_write(
    traces: EventTraces, outcomes: Sequence[Outcome], write: Callable[[], Written]
) -> Written:
    """Write outcomes, and end the traces of the events that are finished with them."""
    ids = [each.event_id for each in outcomes]
    with traces.stage(STAGE, ids) as stage:
        written = write()
        done = {outcome.event_id: outcome for outcome, _ in written.outcomes}
        stage.outcomes = {
            each: done[each].status.value if each in done else COMPLETED_BEFORE for each in ids
        }
        stage.bury(written.letters)
        stage.fail((each.event_id for each in written.locked), LockTimeout.__name__)
    buried = set(named(written.letters))
    for event_id in ids:
        outcome = done.get(event_id)
        if event_id in buried or (outcome and outcome.page and not outcome.page.last):
            # Its dead letter or its next page follows.
            continue
        if outcome and outcome.status is not Status.PAUSED:
            traces.end(event_id, _handled(outcome), outcome.status.value)
        else:
            traces.leave(event_id)
    return written


def traced_burial(
    traces: EventTraces, letters: Sequence[DeadLetter], write: Callable[[], None]
) -> None:
    """Write dead letters, and end the traces of their events with the cause."""
    with traces.stage(BURY, named(letters)) as stage:
        write()
        stage.bury(letters)
    for letter in letters:
        if letter.event_id is not None:
            traces.end(letter.event_id, letter.event_type, Status.DEAD.value, cause(letter))


def _handled(outcome: Outcome) -> str | None:
    """Return the event type. A type without a handler can be any text of a producer."""
    return None if outcome.status is Status.UNROUTED else outcome.event_type
