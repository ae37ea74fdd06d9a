"""The demo's output in a terminal."""

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from local.demo.pushes import ShownPush
from local.demo.reactions import ShownReaction
from local.demo.results import JobDone, Received, Results, SentMail, SetAside, SkipCount
from pipeline.domain.units import counted, duration
from pipeline.fanout.outcome import Status
from pipeline.fanout.reasons import Reason
from pipeline.screens.terminal import is_endless

_FIRST_COLUMN_WIDTH: Final = 14
_MAIL_LINES: Final = 4
_MENTION: Final = re.compile(r"@\[([^\]]*)\]\(user:[^)]*\)")
_NEXT: Final = (
    ("make up", "keep the stack running, for use from another terminal"),
    ("make test", "run the tests; some of them kill the pipeline"),
    ("make help", "everything else"),
)


def show_ready(console: Console, line: str) -> None:
    """Show that one part is ready."""
    part, _, detail = line.partition(": ")
    console.print(f"  [green]✓[/] {part:<13}[dim]{detail}[/]", highlight=False)


def show(console: Console, results: Results) -> None:
    """Show all results of the sample events."""
    console.print("[bold]What everyone received, and what they did not receive and why[/]\n")
    skips = defaultdict(list)
    for skip in results.skips:
        skips[skip.person].append(skip)
    received = defaultdict(list)
    for item in results.received:
        received[item.person].append(item)
    for person in sorted({*received, *skips}):
        console.print(Text(f"  {person}", style="bold cyan"))
        console.print(_person(_rows(console), received[person], skips[person]))
        console.print()
    if results.set_aside:
        console.print("[bold]Events without a notification[/]\n")
        console.print(_set_aside(_rows(console), results.set_aside))
        console.print()
    console.print("[bold]Scheduled jobs, each run by a tick[/]\n")
    console.print(_jobs(_rows(console), results.jobs))
    console.print()
    console.print("[bold]Reactions: what follows from an event of the second kind[/]\n")
    console.print(_reaction(_rows(console), results.reaction))
    console.print()
    console.print("[bold]Pushes: whoever has the application open, else the phone[/]\n")
    console.print(_pushes(_rows(console), results.pushes))
    console.print()
    _show_mail(console, results.mail)
    console.print()
    _show_summary(console, results)
    console.print("\n  Next:")
    for command, purpose in _NEXT:
        console.print(f"    [cyan]{command:<12}[/][dim]{purpose}[/]", highlight=False)


def _person(rows: Table, received: Iterable[Received], skips: Iterable[SkipCount]) -> Table:
    for item in received:
        rows.add_row(item.channel, _one_line(item.what), _one_line(item.detail))
    for skip in skips:
        times = f" x {skip.events}" if skip.events > 1 else ""
        channels = f"not {skip.channels[0]}" if len(skip.channels) == 1 else "neither"
        rows.add_row(
            Text(channels, style="yellow"),
            f"{skip.event_type}{times}",
            f"they {Reason(skip.reason).words}",
            style="dim",
        )
    return rows


def _set_aside(rows: Table, events: Iterable[SetAside]) -> Table:
    for event in events:
        state = Text(event.status, style="red" if event.status == Status.DEAD else "yellow")
        rows.add_row(state, f"{event.event_type}, event {event.event_id}", event.reason)
    return rows


def _jobs(rows: Table, jobs: Iterable[JobDone]) -> Table:
    for each in jobs:
        rows.add_row("done", each.job, f"{counted(each.emitted, 'event')} written")
    return rows


def _reaction(rows: Table, shown: ShownReaction) -> Table:
    took = duration(shown.took.total_seconds())
    rows.add_row("event", f"{shown.event_type}: {shown.person}", f"done after {took}")
    for each in shown.tasks:
        after = duration(each.after.total_seconds())
        rows.add_row("task", each.task, f"for {each.agent}, due {after} after the event")
    return rows


def _pushes(rows: Table, pushes: Iterable[ShownPush]) -> Table:
    for each in pushes:
        how = Text(each.how, style="yellow" if each.reason else "green")
        rows.add_row(how, f"{each.person}: {each.title}", each.reason or "")
    return rows


def _show_mail(console: Console, mail: SentMail) -> None:
    """Show one of the mails: its first lines, and where all of it is."""
    console.print(f"[bold]One of {counted(mail.of, 'mail')} that were sent[/]\n")
    lines = [line for line in mail.text.splitlines() if line.strip()]
    rows = (
        ("to", Text(mail.to)),
        ("subject", Text(mail.subject, style="bold")),
        *(("", Text(line, style="dim")) for line in lines[:_MAIL_LINES]),
        ("HTML", Text(_shortest(mail.page), style="cyan")),
    )
    for name, text in rows:
        head = Text(f"{name:>{_FIRST_COLUMN_WIDTH}}  ", style="green")
        console.print(head + text, soft_wrap=True)


def _shortest(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _rows(console: Console) -> Table:
    table = Table.grid(padding=(0, 2), expand=not is_endless(console))
    table.add_column(width=_FIRST_COLUMN_WIDTH, justify="right", style="green")
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis", style="dim")
    return table


def _show_summary(console: Console, results: Results) -> None:
    in_app = sum(item.channel == "in-app" for item in results.received)
    dead = sum(event.status == Status.DEAD for event in results.set_aside)
    console.print(
        f"  {counted(in_app, 'notification')}, {counted(len(results.received) - in_app, 'e-mail')},"
        f" {counted(dead, 'dead letter')} (in event_dead_letters)\n"
        f"  [bold]{duration(results.median.total_seconds())}[/] from commit to row in the median,"
        f" [bold]{duration(results.worst.total_seconds())}[/] at worst",
        highlight=False,
    )


def _one_line(markdown: str) -> Text:
    """Turn markdown into one line of text as the application shows it: bold text, and names."""
    line = _MENTION.sub(r"@\1", " ".join(markdown.split()))
    line = line.replace("{{meeting_time}}", "(their local time)")
    text = Text()
    for index, part in enumerate(line.split("**")):
        text.append(part, style="bold" if index % 2 else "")
    return text
