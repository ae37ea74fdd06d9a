"""A progress bar on a terminal. Elsewhere it shows nothing: the summary is enough."""

from typing import Final, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)


class Bar:
    """A bar on standard error, from the first report until the block ends or ``close`` is called.

    A report after ``close`` starts another bar.

    Args:
        what: the word in front of the bar.
    """

    def __init__(self, what: str) -> None:
        self._what: Final = what
        self._console: Final = Console(stderr=True)
        self._shown: tuple[Progress, TaskID] | None = None

    @property
    def is_visible(self) -> bool:
        """Whether standard error is a terminal."""
        return self._console.is_terminal

    def report(self, done: int, total: int) -> None:
        """Show how many of the total are done."""
        if not self.is_visible:
            return
        if self._shown is None:
            self._shown = self._begin(total)
        progress, task = self._shown
        progress.update(task, completed=done, total=total)

    def close(self) -> None:
        """Stop the bar and leave its last state on the screen."""
        if self._shown is not None:
            self._shown[0].stop()
            self._shown = None

    def _begin(self, total: int) -> tuple[Progress, TaskID]:
        progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=self._console,
        )
        task = progress.add_task(self._what, total=total)
        progress.start()
        return progress, task

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
