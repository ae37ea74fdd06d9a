"""Prints the previews of mails in a terminal."""

from collections.abc import Iterable

from rich.table import Table
from rich.text import Text

from pipeline.ops.mail.write import WrittenMail
from pipeline.screens.printable import printable
from pipeline.screens.terminal import open_console


def show_previews(written: Iterable[WrittenMail]) -> None:
    """Print each mail with its subject and the paths of its files."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    for each in written:
        subject = Text(f"{printable(each.subject)}, to {each.person}")
        paths = Text(f"\n{each.html}\n{each.text}", "dim")
        table.add_row(each.type, subject + paths)
    open_console().print(table)
