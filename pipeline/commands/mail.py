"""``mail``: shows what mails look like, sends one as a test, and changes whom none is sent to."""

import argparse
from pathlib import Path
from typing import Final

from pipeline.commands import mail_send_test, mail_suppressions
from pipeline.commands.command import Commands, add_command

_FOLDER: Final = Path(".local/mail-preview")


def add(commands: Commands) -> None:
    """Add the command and its actions."""
    command = add_command(
        commands,
        "mail",
        None,
        "show what mails look like, send one as a test, and manage suppressed addresses",
        "python -m pipeline mail preview",
        "python -m pipeline mail preview --type digest --person maya --open",
        "python -m pipeline mail send-test --to me@acme.example",
        "python -m pipeline mail suppressions list",
    )
    actions = command.add_subparsers(title="actions", dest="action", metavar="ACTION")
    _add_preview(actions)
    mail_send_test.add(actions)
    mail_suppressions.add(actions)


def _add_preview(actions: Commands) -> None:
    command = add_command(
        actions,
        "preview",
        _preview,
        "write mails of every type, for people of the sample, into a folder; needs no database",
        "python -m pipeline mail preview --open",
        "python -m pipeline mail preview --type magic_link --json",
        "BRAND_NAME=Acme BRAND_URL=https://acme.example python -m pipeline mail preview",
        needs_database=False,
    )
    command.add_argument(
        "--type",
        metavar="TYPE",
        help="an event type that mails, digest, general or a transactional type (default: all)",
    )
    command.add_argument(
        "--person",
        metavar="NAME",
        help="a person of the sample, such as maya (default: the person whom each mail concerns)",
    )
    command.add_argument(
        "--folder",
        type=Path,
        default=_FOLDER,
        metavar="PATH",
        help=f"where the files are written (default: {_FOLDER})",
    )
    command.add_argument(
        "--open", action="store_true", help="show them in the web browser as well, at two widths"
    )
    command.add_argument("--json", action="store_true", help="one JSON object, for programs")


def _preview(options: argparse.Namespace) -> None:
    import webbrowser

    import orjson

    from pipeline.mail.brand import BRAND_VARIABLES, read_brand
    from pipeline.ops.mail.preview import preview_mails
    from pipeline.ops.mail.write import write_previews
    from pipeline.ops.sample.mails import SAMPLE_BRAND
    from pipeline.output import print_json
    from pipeline.screens.mail import page_of_previews, show_previews

    given = options.variables(BRAND_VARIABLES)
    brand = read_brand(given) if any(given.values()) else SAMPLE_BRAND
    written = write_previews(preview_mails(brand, options.type, options.person), options.folder)
    if options.json:
        print_json(orjson.dumps({"mails": written}).decode())
    else:
        show_previews(written)
    if options.open:
        page = options.folder / "index.html"
        page.write_text(page_of_previews(written), "utf-8")
        webbrowser.open(page.absolute().as_uri())
