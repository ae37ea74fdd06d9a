"""``mail send-test``: sends one mail through the configured providers."""

import argparse

from pipeline.commands.command import Commands, add_command

_TYPE = "general"


def add(actions: Commands) -> None:
    """Add the action."""
    command = add_command(
        actions,
        "send-test",
        _execute,
        "send one mail of the sample through the configured providers; needs no database",
        "python -m pipeline mail send-test --to me@acme.example",
        "python -m pipeline mail send-test --to me@acme.example --type digest --json",
        "EMAIL_PROVIDERS=smtp python -m pipeline mail send-test --to 'Me <me@acme.example>'",
        needs_database=False,
    )
    command.add_argument("--to", required=True, metavar="ADDRESS", help="who gets it")
    command.add_argument(
        "--type",
        default=_TYPE,
        metavar="TYPE",
        help=f"a type of mail preview: an event type, digest, general or a transactional type"
        f" (default: {_TYPE})",
    )
    command.add_argument("--json", action="store_true", help="one JSON object, for programs")


def _execute(options: argparse.Namespace) -> int:
    import orjson

    from pipeline.mail.brand import BRAND_VARIABLES, read_brand
    from pipeline.ops.mail.send_test import send_test
    from pipeline.ops.sample.mails import SAMPLE_BRAND
    from pipeline.output import print_json
    from pipeline.screens.sent_test import show_sent_test
    from pipeline.settings.mail import MAIL_VARIABLES, read_mail_settings

    given = options.variables(BRAND_VARIABLES)
    brand = read_brand(given) if any(given.values()) else SAMPLE_BRAND
    settings = read_mail_settings(options.variables(MAIL_VARIABLES))
    sent = send_test(settings, brand, options.to, options.type)
    if options.json:
        print_json(orjson.dumps(sent).decode())
    else:
        show_sent_test(sent)
    return 0 if sent.accepted else 1
