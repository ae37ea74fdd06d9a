"""Shows a job without launching it: its parameters, its steps and its database connections."""

import shutil
from typing import Any, Final

from apache_beam.options.pipeline_options import PipelineOptions
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from pipeline.domain.units import counted
from pipeline.options.cloud import NEEDED
from pipeline.options.table import PARAMETERS
from pipeline.runtime.launch.check import budget, notices
from pipeline.runtime.launch.job import build
from pipeline.screens.terminal import open_console

_CLOUD: Final = (
    *(*NEEDED, "job_name", "machine_type", "number_of_worker_harness_threads"),
    *("service_account_email", "subnetwork"),
)


def show(options: PipelineOptions) -> None:
    """Print the job that these checked options would launch.

    Raises:
        ConfigurationError: Beam refuses the options. Nothing was printed.
    """
    pipeline = build(options)
    # Beam removes this folder at the end of a run, and this pipeline never runs.
    shutil.rmtree(pipeline.local_tempdir, ignore_errors=True)
    steps = [part.full_label for part in pipeline.transforms_stack[0].parts]
    console = open_console()
    everything: dict[str, Any] = options.get_all_options()
    console.print("A job that would be launched; nothing was sent.\n")
    for parameter in PARAMETERS:
        _print_value(console, parameter.name, everything[parameter.name])
        console.print(Padding(Text(parameter.help, style="dim"), (0, 0, 0, 6)))
    console.print()
    for name in sorted(_CLOUD):
        _print_value(console, name, everything[name])
    console.print(f"\nConnections to the database: at most {budget(options)}\n")
    for notice in notices(options):
        console.print(Text(f"{notice}\n"), soft_wrap=True)
    console.print(Text(f"{counted(len(steps), 'step')}: {', '.join(steps)}"))


def _print_value(console: Console, name: str, value: Any) -> None:  # noqa: ANN401 - as Beam has it
    shown = "-" if value in (None, "") else str(value)
    console.print(Text.assemble("  ", (name, "bold"), f"  {shown}"), soft_wrap=True)
