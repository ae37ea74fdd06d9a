"""Draws the account of one event in a terminal."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final
from uuid import UUID

from rich.console import Console
from rich.text import Text

from pipeline.domain.units import ago, moment
from pipeline.fanout.facts import UNKNOWN_PERSON, UNNAMED_THREAD, thread_label
from pipeline.fanout.outcome import Status
from pipeline.ops.why import verdict, words
from pipeline.ops.why.account import (
    Account,
    DeliveryDetails,
    EndpointDelivery,
    EventRow,
    PersonAccount,
    SkipDetails,
)
from pipeline.ops.why.cause import CauseAccount
from pipeline.screens.labelled import labelled
from pipeline.screens.printable import one_line

# The nil UUID, in activity.notifications.
_EVERYONE: Final = UUID(int=0)
_BOTH: Final = 2
_STYLES: Final[dict[str, str]] = {Status.COMPLETED: "green", Status.DEAD: "red"}


def show(console: Console, account: Account) -> None:
    """Print the account. Its texts are escaped: they are not markup, and not terminal commands."""
    event = account.event
    console.print()
    console.print(Text.assemble("Event ", (str(event.id), "bold"), f"  {one_line(event.type)}"))
    console.print(labelled(_about(account), console))
    for person in account.people:
        console.print()
        console.print(Text(f"  {one_line(person.label)}", "bold cyan"))
        console.print(labelled(_rows(account, person), console))
    if account.ledger and account.ledger.status == Status.COMPLETED and not account.people:
        console.print()
        nobody = Text(one_line(verdict.audience(account)), "dim")
        console.print(labelled([("nobody", nobody)], console))
    if account.endpoints:
        console.print()
        console.print(Text("  Endpoints", "bold cyan"))
        console.print(labelled(map(_endpoint, account.endpoints), console))
    console.print()


def show_cause(console: Console, account: CauseAccount) -> None:
    """Print what became of a record that is no event, or of one delivery."""
    console.print()
    console.print(Text(one_line(account.cause), "bold"))
    console.print(labelled(_about_cause(account), console))
    if account.deliveries:
        console.print()
        console.print(labelled(map(_delivery, account.deliveries), console))
    console.print()


def _about_cause(account: CauseAccount) -> Iterator[tuple[str, Text]]:
    row = account.row
    kinds = [row.kind] if row else [each.kind for each in account.deliveries]
    users = [row.user_id] if row else [each.user_id for each in account.deliveries]
    yield "kind", Text(one_line(kinds[0]))
    if users[0] is not None:
        yield "to", Text("everyone" if users[0] == _EVERYONE else str(users[0]))
    if row is not None:
        if row.created_at:
            yield "when", Text(moment(row.created_at))
        if row.deliver_at:
            yield "due", Text(moment(row.deliver_at))
        yield "state", Text(one_line(account.state or ""))
    if account.advice:
        yield "next", Text(one_line(account.advice), "bold")


def _about(account: Account) -> Iterator[tuple[str, Text]]:
    event, letter = account.event, account.letter
    yield "when", Text(f"{moment(event.created_at)}, {ago(event.age.total_seconds())}")
    yield from _places(event)
    style = _STYLES.get(account.ledger.status, "yellow") if account.ledger else "yellow"
    yield "state", Text(one_line(verdict.state(account)), style)
    if account.ledger and account.ledger.status == Status.DEAD:
        if letter is None:
            error = f"{account.ledger.reason}: {account.ledger.error_message}"
        else:
            error = f"{letter.error_class}: {letter.message}"
            yield "stage", Text(one_line(letter.stage))
        yield "error", Text(one_line(error))
    if letter is not None:
        yield "dead letter", Text(one_line(_letter_line(account)))
    if advice := verdict.advice(account):
        yield "next", Text(one_line(advice), "bold")


def _places(event: EventRow) -> Iterator[tuple[str, Text]]:
    if event.actor_id is not None:
        yield "actor", Text(one_line(event.actor_name or f"{UNKNOWN_PERSON} ({event.actor_id})"))
    if event.project_id is not None:
        yield "project", Text(one_line(event.project_name or str(event.project_id)))
    if event.thread_id is not None:
        topic = one_line(event.thread_topic or "") or UNNAMED_THREAD
        yield "thread", Text(thread_label(topic))


def _letter_line(account: Account) -> str:
    letter = account.letter
    if letter is None:
        return ""
    attempts = f"attempt {letter.attempt}, {moment(letter.last_seen_at)}"
    resolved = f", resolved: {letter.resolution or 'yes'}" if letter.resolved_at else ""
    return f"{words.row(letter)}, {attempts}{resolved}"


def _rows(account: Account, person: PersonAccount) -> Iterator[tuple[str, Text]]:
    for item in person.received:
        yield (
            words.channel(item.channel),
            Text.assemble(one_line(item.what), (f"  {words.how(item)}", "dim")),
        )
    yield from map(_delivery, person.deliveries)
    for _, alike in groupby(person.skips, key=lambda each: (each.reason, each.preference_id)):
        yield _skip(list(alike))
    if not person.considered:
        yield "nothing", Text(one_line(verdict.not_considered(account, person)), "yellow")


def _delivery(delivery: DeliveryDetails) -> tuple[str, Text]:
    text = Text(one_line(words.outcome_of(delivery)))
    for line in (*words.tries_of(delivery), *words.reports_of(delivery)):
        text.append(f"\n{one_line(line)}", "dim")
    return f"{words.channel(delivery.channel)} →", text


def _endpoint(delivery: EndpointDelivery) -> tuple[str, Text]:
    text = Text(one_line(words.outcome_at(delivery)))
    for line in words.tries_of(delivery):
        text.append(f"\n{one_line(words.of_endpoint(line, delivery))}", "dim")
    return one_line(delivery.endpoint or "removed"), text


def _skip(alike: Sequence[SkipDetails]) -> tuple[str, Text]:
    first = alike[0]
    if first.told:
        detail = f"  {one_line(words.counted_in(first))}"
        return words.channel(first.channel), Text.assemble(
            "counted in the thread's open notification", (detail, "dim")
        )
    label = "neither" if len(alike) == _BOTH else f"not {words.channel(first.channel)}"
    text = Text(one_line(words.why_not(first)), "yellow")
    if by := words.decided_by(first):
        text.append(f"\n{one_line(by)}", "dim not bold default")
    return label, text
