"""Draws the plan of a replay and its result for a person."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Final

from rich.table import Table
from rich.text import Text

from pipeline.domain.names import named
from pipeline.domain.units import counted, duration
from pipeline.fanout.outcome import Status
from pipeline.ops.reactions.selection import AGAIN, ReactionPlan
from pipeline.ops.replay.follow import Ends
from pipeline.ops.replay.plan import Plan
from pipeline.screens.printable import printable
from pipeline.screens.terminal import open_console

TYPE_WIDTH: Final = 30
MOST_CAUSES: Final = 5

_INDENT: Final = "    "
_GOES_ON: Final = " \\"


def show_plan(plan: Plan, command: Sequence[str]) -> None:
    """Print the plan on standard output, and then the command that applies it.

    Args:
        plan: the plan.
        command: the shell command, in parts. Each part is one argument with its values.
    """
    screen = open_console()
    if plan.types:
        screen.print(_states(plan))
    if any(each.create or each.present for each in plan.types.values()):
        screen.print(_rows(plan))
    screen.print()
    for line in _remarks(plan):
        screen.print(Text(line))
    if plan.events:
        screen.print(f"To publish {'it' if plan.events == 1 else 'them'}:")
        for line in _wrapped(command, screen.width):
            screen.print(Text(line), soft_wrap=True)


def show_reaction_plan(plan: ReactionPlan, command: Sequence[str]) -> None:
    """Print the plan of a replay of reactions, and then the command that applies it.

    Args:
        plan: the plan.
        command: the shell command, in parts. Each part is one argument with its values.
    """
    screen = open_console()
    if plan.all_types:
        table = Table(title="What would be tried again", title_justify="left", box=None)
        table.pad_edge = False
        table.add_column("event type", min_width=TYPE_WIDTH, overflow="fold")
        for heading in ("dead", "had no\nhandler", "waits\nfor a try"):
            table.add_column(heading, justify="right")
        for event_type in plan.all_types:
            states = plan.types.get(event_type, Counter())
            counts = [_number(states[state]) for state in AGAIN]
            table.add_row(Text(named(event_type)), *counts)
        screen.print(table)
    screen.print()
    for line in _remarks_on_reactions(plan):
        screen.print(Text(line))
    if plan.ids:
        screen.print(f"To try {'it' if len(plan.ids) == 1 else 'them'} again:")
        for line in _wrapped(command, screen.width):
            screen.print(Text(line), soft_wrap=True)


def _remarks_on_reactions(plan: ReactionPlan) -> Iterator[str]:
    if complete := plan.complete.total():
        yield f"{complete:,} done already: a replay leaves such an event."
    if busy := plan.busy.total():
        yield f"{busy:,} not processed yet, or paused: a replay leaves such an event."
    if missing := plan.no_handler.total():
        types = ", ".join(map(named, sorted(plan.no_handler)))
        yield f"{missing:,} still without a handler: {types}."
    for cause, number in plan.causes.most_common(MOST_CAUSES):
        yield f"  {number:,} x {printable(cause)}"
    yield (
        f"{counted(len(plan.ids), 'event')} would be tried again, and what they led to is not"
        " doubled; nothing was changed."
    )


def result_line(ends: Ends, *, again: bool, after: timedelta) -> str:
    """Return one line: the final states of the published events, and what to check if some failed.

    Args:
        ends: the final states.
        again: whether all events were dead letters before.
        after: how long no event ended before the waiting timed out.
    """
    parts = [f"{ends.states[Status.COMPLETED]:,} completed"]
    others = [status for status in (Status.EXPIRED, Status.UNROUTED) if ends.states[status]]
    parts += [f"{ends.states[status]:,} {status}" for status in others]
    if dead := ends.states[Status.DEAD]:
        parts.append(f"{dead:,} dead{' again' if again else ''}{_why(ends)}")
    if paused := ends.states[Status.PAUSED]:
        parts.append(f"{paused:,} paused (see: python -m pipeline status)")
    line = f"{ends.published:,} published: {', '.join(parts)}"
    if not ends.unfinished:
        return line
    line = f"{line}, {ends.unfinished:,} not done yet"
    if ends.stopped:
        return f"{line}; stopped waiting"
    seconds = duration(after.total_seconds())
    return f"{line}: none ended in {seconds}; does the stream run, and does it read this topic?"


def _why(ends: Ends) -> str:
    match list(ends.causes):
        case []:
            return ""
        case [cause]:
            words = printable(f"{cause.error_class} in {cause.stage}: {cause.message}")
            return f" (1 cause: {words})"
        case several:
            return f" ({len(several)} causes: python -m pipeline dead-letters list)"


def _states(plan: Plan) -> Table:
    table = Table(title="How the events would end", title_justify="left", box=None, pad_edge=False)
    table.add_column("event type", min_width=TYPE_WIDTH, overflow="fold")
    for heading in (
        "complete\nalready",
        "would\ncomplete",
        "too\nold",
        "no\nhandler",
        "dead\nagain",
    ):
        table.add_column(heading, justify="right")
    for event_type, each in sorted(plan.types.items()):
        ends = (Status.COMPLETED, Status.EXPIRED, Status.UNROUTED, Status.DEAD)
        counts = [each.complete, *(each.states[status] for status in ends)]
        table.add_row(Text(printable(event_type) or "-"), *map(_number, counts))
    return table


def _rows(plan: Plan) -> Table:
    table = Table(title="\nWhat people would get", title_justify="left", box=None, pad_edge=False)
    table.add_column("event type", min_width=TYPE_WIDTH, overflow="fold")
    table.add_column("channel")
    table.add_column("create", justify="right")
    table.add_column("already there", justify="right")
    for event_type, each in sorted(plan.types.items()):
        for channel in sorted(each.create.keys() | each.present.keys()):
            counts = (each.create[channel], each.present[channel])
            table.add_row(Text(printable(event_type)), channel, *map(_number, counts))
    return table


def _remarks(plan: Plan) -> Iterator[str]:
    complete = sum(each.complete for each in plan.types.values())
    if complete:
        yield (
            f"{complete:,} already complete: a replay writes nothing for them. If such an event"
            " has an open dead letter, close it with dead-letters resolve."
        )
    if old := plan.ending(Status.EXPIRED):
        yield f"{old:,} too old: only recorded as expired. --ignore-age completes them."
    if unrouted := plan.ending(Status.UNROUTED):
        yield f"{unrouted:,} without a handler: only recorded as unrouted."
    if dead := plan.ending(Status.DEAD):
        yield f"{dead:,} dead again:"
        for cause, number in plan.causes.most_common(MOST_CAUSES):
            yield f"  {number:,} x {printable(cause)}"
    if plan.nameless:
        letters = counted(plan.nameless, "dead letter that names", "dead letters that name")
        yield f"{letters} no event: cannot be replayed."
    yield f"{counted(plan.events, 'message')} would be published; nothing was changed."


def _wrapped(command: Iterable[str], width: int) -> Iterator[str]:
    """Yield the command in lines that a shell reads as one command."""
    line = " "
    for part in command:
        fits = len(part) <= width - len(_INDENT) - len(_GOES_ON)
        # A list of ids may break between two ids. A quoted text never breaks.
        for word in [part] if fits or "'" in part else part.split(" "):
            if len(line) + 1 + len(word) > width - len(_GOES_ON):
                yield line + _GOES_ON
                line = _INDENT[1:]
            line += f" {word}"
    yield line


def _number(count: int) -> str:
    return f"{count:,}" if count else "-"
