"""Draws the account of one event of reactions in a terminal."""

from collections.abc import Iterator
from typing import Final

from rich.console import Console
from rich.text import Text

from pipeline.domain.names import named
from pipeline.domain.units import moment
from pipeline.ops.reactions import words
from pipeline.ops.reactions.account import ReactionAccount, ReactionSeen
from pipeline.ops.why.words import outcome_of
from pipeline.screens.labelled import labelled
from pipeline.screens.printable import one_line

_STYLES: Final = {"done": "green", "dead": "red"}


def show_reaction(console: Console, account: ReactionAccount) -> None:
    """Print the account. Its texts are escaped: they are not markup, and not terminal commands."""
    event = account.event
    console.print()
    console.print(Text.assemble("Event ", (str(event.id), "bold"), f"  {named(event.type)}"))
    console.print(labelled(_about(account), console))
    if account.tries:
        console.print()
        console.print(Text("  Tries", "bold cyan"))
        tries = (
            (f"try {each.number}", Text(one_line(words.try_line(each)))) for each in account.tries
        )
        console.print(labelled(tries, console))
    if account.deliveries:
        console.print()
        sent = (
            (f"{each.channel} →", Text(one_line(outcome_of(each)))) for each in account.deliveries
        )
        console.print(labelled(sent, console))
    if account.came_of_it:
        console.print()
        console.print(Text("  What came of it", "bold cyan"))
        came = (
            (words.kind(each), Text(one_line(words.outcome(each)))) for each in account.came_of_it
        )
        console.print(labelled(came, console))
    console.print()


def _about(account: ReactionAccount) -> Iterator[tuple[str, Text]]:
    event = account.event
    yield from _origin(event)
    yield "state", Text(one_line(words.state(account)), _STYLES.get(event.state or "", "yellow"))
    if event.route is not None:
        yield "took", Text(one_line(event.route))
    if event.waits_for is not None:
        yield "waits for", Text(f"event {event.waits_for}: they are processed in order", "yellow")
    if event.state == "dead":
        error = f"{event.error_class or 'error'}: {event.reason or 'no reason is recorded'}"
        yield "error", Text(one_line(error))
    if account.letter is not None:
        yield "dead letter", Text(one_line(words.letter_line(account.letter)))
    if replayed := words.replayed(event):
        yield "replayed", Text(one_line(replayed))
    if advice := words.advice(account):
        yield "next", Text(one_line(advice), "bold")


def _origin(event: ReactionSeen) -> Iterator[tuple[str, Text]]:
    if event.created_at is not None:
        by = f" by {one_line(event.created_by)}" if event.created_by else ""
        yield "when", Text(f"{moment(event.created_at)}{by}")
    if event.aggregate_id is not None:
        yield "about", Text(one_line(f"{event.aggregate_type or 'aggregate'} {event.aggregate_id}"))
    if event.cause is not None:
        yield "cause", Text(one_line(f"{event.cause_type or 'event'}  {event.cause}"))
    if event.is_deleted:
        yield "row", Text("reactions.events has it no more", "yellow")
