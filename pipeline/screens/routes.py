"""Prints routes in a terminal, in the order in which they are tried."""

from collections.abc import Sequence

import orjson
from rich.table import Table
from rich.text import Text

from pipeline.domain.units import minute
from pipeline.ops.routes.routes import RouteListed
from pipeline.screens.printable import printable
from pipeline.screens.terminal import open_console

_ADD = "python -m pipeline routes add TYPE --to nobody"


def route_line(route: RouteListed, done: str) -> str:
    """Return a line that says what was done with a route."""
    return f"route {route.id} of {printable(route.event_type)}, {route.where}: {done}\n"


def show_routes(routes: Sequence[RouteListed]) -> None:
    """Print each route: its type, its condition and where it leads."""
    console = open_console()
    if not routes:
        console.print(f"no routes; to add one: {_ADD}")
        return
    table = Table.grid(padding=(0, 2))
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    for each in routes:
        condition = orjson.dumps(each.condition).decode() if each.condition else "any payload"
        about = Text(f"{printable(each.event_type)}, position {each.position}\n")
        about.append(f"{printable(condition)}\n{printable(each.where)}\n")
        why = f": {printable(each.reason)}" if each.reason else ""
        about.append(f"{printable(each.created_by)}, {minute(each.created_at)}{why}", "dim")
        table.add_row(str(each.id), about)
    console.print(table)
