"""Prints dead letters for a person."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, Final

from rich.table import Table
from rich.text import Text

from pipeline.domain.units import counted
from pipeline.ops.dead_letters.read import CauseCount, Day, LetterDetails, LetterGroup
from pipeline.screens.printable import pretty, pretty_text, printable
from pipeline.screens.terminal import open_console

NO_TYPE: Final = "(no type)"

_CONTENT: Final = ("attributes", "data", "payload", "payload_characters")


def show_groups(groups: Sequence[LetterGroup]) -> None:
    """Print one row per cause."""
    if not groups:
        _print("no dead letters")
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("fingerprint", no_wrap=True)
    table.add_column("open", justify="right")
    table.add_column("first and last seen", no_wrap=True)
    table.add_column("cause", overflow="fold")
    for group in groups:
        seen = f"{_minute(group.first_seen)}\n{_minute(group.last_seen)}"
        count = f"{group.open:,}"
        if group.letters > group.open:
            count += f"\nof {group.letters:,}"
        table.add_row(group.fingerprint, count, seen, _text(_cause(group)))
    _print(table)


def show_letter(letter: LetterDetails) -> None:
    """Print all of one letter, including the values of its event."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for each in fields(letter):
        value = getattr(letter, each.name)
        if each.name not in _CONTENT:
            table.add_row(each.name.replace("_", " "), _text(_value(value)))
    for name, value in sorted((letter.attributes or {}).items()):
        table.add_row("attribute", _text(f"{printable(name)} = {printable(value)}"))
    _print(table)
    _print(_text(f"\n{_content(letter)}"))


def show_stats(causes: Sequence[CauseCount], days: Sequence[Day]) -> None:
    """Print the open letters by cause, and all letters by day."""
    if not days:
        _print("no dead letters")
        return
    table = Table(box=None, pad_edge=False, title="Open, by type", title_justify="left")
    table.add_column("event type", overflow="fold")
    table.add_column("stage")
    table.add_column("class")
    table.add_column("open", justify="right")
    table.add_column("oldest", no_wrap=True)
    for cause in causes:
        kind = _text(printable(cause.event_type) or NO_TYPE)
        oldest = _minute(cause.oldest)
        table.add_row(kind, cause.stage, cause.error_class, f"{cause.letters:,}", oldest)
    _print(table)
    table = Table(box=None, pad_edge=False, title="\nBy day", title_justify="left")
    table.add_column("day")
    table.add_column("letters", justify="right")
    table.add_column("still open", justify="right")
    for day in days:
        table.add_row(day.day.isoformat(), f"{day.letters:,}", f"{day.open:,}")
    _print(table)


def _content(letter: LetterDetails) -> str:
    """Return the message, if one was kept, and the payload of the event's row."""
    parts = []
    if letter.data is not None:
        size = counted(len(letter.data), "byte")
        parts.append(f"the message as received, {size}:\n{pretty(letter.data)}")
    if letter.payload is not None:
        whole = letter.payload_characters or 0
        size = counted(whole, "character")
        shown = pretty_text(letter.payload, whole)
        parts.append(f"the payload in the event's row now, {size}:\n{shown}")
    return "\n\n".join(parts) or "the event's row has no payload, and no message was kept"


def _cause(group: LetterGroup) -> str:
    types = ", ".join(map(printable, group.event_types)) or NO_TYPE
    event = group.sample_event_id or group.sample_reaction_id
    sample = f"letter {group.sample_id}" if event is None else f"event {event}"
    return (
        f"{group.error_class} in {group.stage}\n{printable(group.message)}\n"
        f"{types}; for example {sample}"
    )


def _value(value: Any) -> str:  # noqa: ANN401 - any of a letter's fields
    if value is None:
        return "-"
    return _minute(value) if isinstance(value, datetime) else printable(str(value))


def _minute(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%MZ}"


def _text(words: str) -> Text:
    """Return plain text: rich does not read it as markup."""
    return Text(words, overflow="fold")


def _print(what: str | Text | Table) -> None:
    open_console().print(what)
