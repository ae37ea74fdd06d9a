"""``broadcast``: tells everyone, or all who follow a topic."""

import argparse
import sys

from pipeline.commands.command import Commands, add_command
from pipeline.domain.errors import UsageError


def add(commands: Commands) -> None:
    """Add the command."""
    command = add_command(
        commands,
        "broadcast",
        _execute,
        "tell everyone, or all who follow a topic, by push; asks you to type the audience first",
        "python -m pipeline broadcast --to everyone --title 'Back at 18:00' --body 'Maintenance'"
        " --dry-run",
        "python -m pipeline broadcast --to everyone --title 'Back at 18:00' --body 'Maintenance'",
        "python -m pipeline broadcast --to topic:release-notes --title 'Version 3' --body 'Out now'"
        " --yes --json",
    )
    command.add_argument(
        "--to",
        dest="audience",
        required=True,
        metavar="AUDIENCE",
        help="who is told: everyone, or topic:NAME",
    )
    command.add_argument("--title", required=True, metavar="TEXT", help="the title, in one line")
    command.add_argument("--body", required=True, metavar="TEXT", help="the text")
    command.add_argument("--link", metavar="URL", help="where it leads (default: nowhere)")
    command.add_argument(
        "--priority",
        default="normal",
        metavar="NAME",
        help="critical, high, normal or low (default: normal)",
    )
    command.add_argument("--yes", action="store_true", help="send without asking, for programs")
    command.add_argument(
        "--dry-run", action="store_true", help="show who would be told how, and write nothing"
    )
    command.add_argument("--json", action="store_true", help="one JSON object, for programs")


def _execute(options: argparse.Namespace) -> None:
    import orjson

    from pipeline.domain.delivery import Priority
    from pipeline.ops.broadcasts.send import Broadcast, send_broadcast
    from pipeline.output import print_json
    from pipeline.screens.broadcast import broadcast_lines, question

    broadcast = Broadcast(
        audience=options.audience,
        title=options.title,
        body=options.body,
        link=options.link,
        priority=Priority.of(options.priority),
    )
    # First: whoever may not send it, or has nobody to send it to, is told before the question.
    planned = send_broadcast(options.database, broadcast, dry_run=True)
    if not options.dry_run:
        if not options.yes:
            _ask(question(planned), planned.audience)
        planned = send_broadcast(options.database, broadcast)
    if options.json:
        print_json(orjson.dumps(planned).decode())
    else:
        sys.stdout.write(broadcast_lines(planned))


def _ask(question: str, audience: str) -> None:
    """Return if a person types the audience.

    Raises:
        UsageError: they type something else, or there is nobody to ask.
    """
    if not sys.stdin.isatty():
        raise UsageError("nobody can confirm here: use --yes, or --dry-run to see what it would do")
    sys.stderr.write(question)
    sys.stderr.flush()
    if sys.stdin.readline().strip() != audience:
        raise UsageError("not confirmed: nothing was sent")
