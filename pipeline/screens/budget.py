"""Prints what a setting would have done to pushes in a terminal."""

from datetime import timedelta

from rich.table import Table

from pipeline.domain.units import counted, duration
from pipeline.ops.budget.simulate import SimulatedBudget
from pipeline.screens.terminal import open_console


def show_simulated(simulated: SimulatedBudget, period: timedelta) -> None:
    """Print one line for each figure: as it was, and as it would have been."""
    console = open_console()
    about = counted(simulated.pushes, "push", "pushes")
    to = counted(simulated.recipients, "person", "people")
    console.print(f"{about} to {to} in the last {duration(period.total_seconds())}\n")
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column()
    table.add_column("was", justify="right")
    table.add_column("would be", justify="right")
    was, would_be = simulated.was, simulated.would_be
    for name, before, after in (
        ("sent to phones", was.sent, would_be.sent),
        ("held by quiet hours", was.held, would_be.held),
        ("over the budget", was.over_budget, would_be.over_budget),
        ("expired while held", was.expired, would_be.expired),
        ("people concerned", was.people, would_be.people),
    ):
        table.add_row(name, f"{before:,}", f"{after:,}")
    console.print(table)
