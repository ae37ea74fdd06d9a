"""``capture``: from whole rows to ids and times in what is captured."""

import argparse

from pipeline.commands.capture_names import add_publication, capture_names
from pipeline.commands.command import Commands, add_command


def add(commands: Commands) -> None:
    """Add the command."""
    command = add_command(
        commands,
        "capture",
        _execute,
        "show whether only ids and times are captured; with --ids-only, see to it",
        "python -m pipeline capture",
        "python -m pipeline capture --ids-only",
    )
    command.add_argument(
        "--ids-only",
        action="store_true",
        help="publish nothing of an event but its id and time; refused until pipeline and Debezium"
        " were seen to need no more",
    )
    add_publication(command)
    command.add_argument("--json", action="store_true", help="one JSON object")


def _execute(options: argparse.Namespace) -> int:
    import json
    import sys
    from dataclasses import asdict

    from rich.text import Text

    from pipeline.ops.capture.progress import narrow, read_steps
    from pipeline.screens.terminal import open_console

    steps = (narrow if options.ids_only else read_steps)(options.database, capture_names(options))
    done = all(step.done for step in steps)
    if options.json:
        sys.stdout.write(
            json.dumps({"done": done, "steps": [asdict(each) for each in steps]}) + "\n"
        )
        return 0 if done else 1
    console = open_console()
    for step in steps:
        mark = Text("✓", "green") if step.done else Text("✗", "red")
        line = Text.assemble("  ", mark, f"  {step.name:<12}", step.seen)
        if step.todo:
            line.append(f"\n                  → {step.todo}", "cyan")
        console.print(line, soft_wrap=True)
    return 0 if done else 1
