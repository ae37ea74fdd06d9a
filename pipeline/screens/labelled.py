"""Draws lines, each with a label before it."""

from collections.abc import Iterable
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.screens.terminal import is_endless

_LABEL_WIDTH: Final = 12


def labelled(rows: Iterable[tuple[str, Text]], console: Console) -> Table:
    """Return a grid of labels and texts. A long text goes on below its beginning."""
    grid = Table.grid(padding=(0, 2), expand=not is_endless(console))
    grid.add_column(width=_LABEL_WIDTH, justify="right", style="dim")
    grid.add_column(ratio=1, overflow="fold")
    for label, text in rows:
        grid.add_row(Text(label), text)
    return grid
