"""Show the status: once, or again and again until stopped."""

import json
import time
from collections.abc import Iterator
from datetime import timedelta

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from pipeline.domain.errors import FanoutError
from pipeline.ops.status.document import document
from pipeline.ops.status.figures import StatusFigures
from pipeline.ops.status.read import read_status
from pipeline.screens.status import render
from pipeline.settings import CaptureNames, DatabaseSettings


def show(
    settings: DatabaseSettings, names: CaptureNames, console: Console, *, as_json: bool
) -> None:
    """Print the figures of this moment.

    Raises:
        FanoutError: the database cannot be read.
    """
    status = read_status(settings, names)
    if as_json:
        _print_json(status, console)
    else:
        console.print(render(status))


def watch(
    settings: DatabaseSettings,
    names: CaptureNames,
    console: Console,
    *,
    every: timedelta,
    as_json: bool,
) -> None:
    """Print the figures every so often, for ever; a restart of the server is waited out.

    Raises:
        FanoutError: the database cannot be read at the start.
    """
    readings = _readings(settings, names, every)
    if as_json:
        for reading in readings:
            if isinstance(reading, StatusFigures):
                _print_json(reading, console)
        return
    if not console.is_terminal:
        # There is no screen to draw anew: one reading follows the other.
        for reading in readings:
            console.print(_shown(reading), "")
            console.file.flush()
        return
    with Live(console=console, auto_refresh=False) as live:
        for reading in readings:
            live.update(_shown(reading), refresh=True)


def _shown(reading: StatusFigures | FanoutError) -> RenderableType:
    if isinstance(reading, StatusFigures):
        return render(reading)
    return Text(f"{reading}; looking again", "red")


def _readings(
    settings: DatabaseSettings, names: CaptureNames, every: timedelta
) -> Iterator[StatusFigures | FanoutError]:
    yield read_status(settings, names)
    while True:
        time.sleep(every.total_seconds())
        try:
            reading: StatusFigures | FanoutError = read_status(settings, names)
        except FanoutError as error:
            reading = error
        yield reading


def _print_json(status: StatusFigures, console: Console) -> None:
    # Not by rich, which would wrap it.
    console.file.write(json.dumps(document(status)) + "\n")
    console.file.flush()
