"""Shows the status once, or repeatedly until stopped."""

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
    """Print the current figures once.

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
    """Print the figures at this interval, without end. Continues after a restart of the server.

    Raises:
        FanoutError: the first reading of the database fails.
    """
    readings = _readings(settings, names, every)
    if as_json:
        for reading in readings:
            if isinstance(reading, StatusFigures):
                _print_json(reading, console)
        return
    if not console.is_terminal:
        # A file or a pipe has no screen to redraw: print one reading after the other.
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
    return Text(f"{reading}; trying again", "red")


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
    # Not through rich, which would wrap the line.
    console.file.write(json.dumps(document(status)) + "\n")
    console.file.flush()
