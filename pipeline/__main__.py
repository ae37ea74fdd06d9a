"""The command line, and the only place that reads the environment."""

import os
import signal
import sys

if __name__ == "__main__":
    # During the imports there is nothing to close, so Ctrl-C may end the process at once.
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))

import argparse
import logging
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Final

from pipeline import __version__
from pipeline.commands import (
    broadcast,
    budget,
    capture,
    catch_up,
    dead_letters,
    doctor,
    forget,
    job,
    jobs,
    launch,
    mail,
    migrate,
    pause,
    replay,
    resume,
    routes,
    run,
    seed,
    serve,
    status,
    tokens,
    webhooks,
    why,
)
from pipeline.commands.life import closed_pools
from pipeline.domain.errors import ConfigurationError, FanoutError, UsageError
from pipeline.output import OutputLost, safe_output
from pipeline.settings import CalendarSettings, DatabaseSettings

_COMMANDS: Final = (
    migrate,
    seed,
    run,
    catch_up,
    why,
    dead_letters,
    replay,
    pause,
    resume,
    jobs,
    job,
    status,
    doctor,
    capture,
    forget,
    serve,
    tokens,
    mail,
    broadcast,
    budget,
    webhooks,
    routes,
)
_ENVIRONMENT: Final = """\
environment:
  DATABASE_URL            the database: postgresql://user@host/database
  VIEWER_DATABASE_URL     the login with which serve reads (default: DATABASE_URL)
  OPERATOR_DATABASE_URL   the login with which serve changes something (default: DATABASE_URL)
  DATABASE_PASSWORD       Debezium's password, for doctor --cdc-host
  SLOT_NAME               Debezium's slot, for doctor and status (default: fanout_events)
  PUBLICATION_NAME        Debezium's publication, for doctor and capture (default: fanout_events)
  GOOGLE_CLIENT_ID        the OAuth client with which people connect their calendars
  GOOGLE_CLIENT_SECRET    the secret of that client
  GOOGLE_TOKEN_URL        a token endpoint to use instead of Google's
  CALENDAR_WEBHOOK_URL    the application's address that Google calls: https://host/path
  CALENDAR_BASE_URL       a Calendar API to use instead of Google's
  OPERATORS, VIEWERS      who may operate and read over HTTP: ida@example.com,@example.org
  IAP_AUDIENCE            the audience of the header that Google's Identity-Aware Proxy signs
  IAP_KEYS_URL            the keys of that proxy, to use instead of Google's
  OIDC_ISSUER             the address of an OIDC provider whose tokens serve accepts
  OIDC_CLIENT_ID          the client that these tokens must be issued to
  TRUSTED_PROXIES         networks whose X-Forwarded-For serve believes: 10.0.0.0/8,192.0.2.7
  PORT                    where serve listens, without --port (default: 8080)
  BRAND_NAME              whose mails these are: in subjects, headers and buttons
  BRAND_URL               your site: https://host/path; links in mails are joined to its root
  BRAND_COLOUR            of buttons and links, such as #1f4fd8
  BRAND_LOGO_URL          an image for the header of a mail
  BRAND_ADDRESS           your postal address, for the footer
  BRAND_PREFERENCES       the path of the page for preferences (default: /settings/notifications)
  BRAND_LINK_HOSTS        more hosts to which links in mails may lead, with commas between them
  EMAIL_FROM              who mail is from: 'Acme <notifications@acme.example>'
  EMAIL_PROVIDERS         resend (the default), smtp, or both in their order: resend,smtp
  EMAIL_FORCE_TO          an address that gets all mail, whoever it is for
  EMAIL_TEST_MODE         true: nobody gets mail but EMAIL_TEST_RECIPIENT, or nobody at all
  EMAIL_TEST_RECIPIENT    an address that gets all mail in test mode
  EMAIL_REPLY_TO          who gets the answers to mails (default: EMAIL_FROM)
  PUBLIC_URL              where serve is reached from outside: https://host; with it, digests and
                          nudges have a link to unsubscribe
  UNSUBSCRIBE_SECRET      makes these links: 32 characters or more, or its name in Secret Manager;
                          several with commas between them, the newest first
  RESEND_API_KEY          the key of Resend; or RESEND_API_KEY_SECRET, its name in Secret Manager
  RESEND_BASE_URL         an API to use instead of Resend's
  RESEND_WEBHOOK_SECRET   whsec_..., with which Resend signs what it reports to serve; or its name
                          in Secret Manager; several with commas between them
  WEBHOOK_KEY             encrypts the secrets of webhook endpoints: 32 characters or more, or its
                          name in Secret Manager; several with commas between them, the newest first
  WEBHOOK_ALLOWED_NETWORKS
                          networks of yours that endpoints may be in, also without TLS: 10.1.0.0/16
  SMTP_URL                a mail server: smtp://user:password@host:587; or SMTP_URL_SECRET
  WEBSOCKET_BUS_URL       the websocket bus that push asks first; without it, all goes to phones
  WEBSOCKET_BUS_KIND      its protocol: plain (the default) or centrifugo
  WEBSOCKET_BUS_NAMESPACE the namespace of Centrifugo's personal channels (default: none)
  SERVICE_TOKEN           the token for the bus; or SERVICE_TOKEN_SECRET, its name in Secret Manager
  FCM_PROJECT_ID          the Firebase project whose phones get pushes; without it, none do
  GOOGLE_APPLICATION_CREDENTIALS
                          the key of a service account that may send for that project (default:
                          the Google credentials of this machine)
  FCM_BASE_URL            an FCM API to use instead of Google's
  REACTION_TABLES         tables of the application for migrate --family reactions, without
                          --table: events=public.events,users=public.profiles
  PUBSUB_EMULATOR_HOST    a Pub/Sub emulator to use instead of Google's service
  OTEL_EXPORTER_OTLP_ENDPOINT
                          a collector of traces, OTLP over HTTP: http://host:4318 (default: no
                          traces); the other variables of OpenTelemetry (OTEL_*) hold too
  LOG_LEVEL               DEBUG, INFO (the default), WARNING or ERROR
"""
_SERVING: Final = (
    *("OPERATORS", "VIEWERS", "IAP_AUDIENCE", "IAP_KEYS_URL", "OIDC_ISSUER", "OIDC_CLIENT_ID"),
    "TRUSTED_PROXIES",
)
# gRPC's C core writes to standard error without the logging module. It reads these once, at start.
_QUIET_GRPC: Final = {"GRPC_VERBOSITY": "NONE", "GLOG_minloglevel": "3"}
_LOG_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")
_USAGE: Final = 2
_INTERRUPTED: Final = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status."""
    try:
        with safe_output():
            return _run(arguments)
    except OutputLost as error:
        if reason := str(error):
            print(f"pipeline: {reason}", file=sys.stderr)  # noqa: T201
        return 1


def _run(arguments: Sequence[str] | None) -> int:
    given = sys.argv[1:] if arguments is None else arguments
    parser = _parser(given)
    if not _is_text("".join(given)):
        parser.error("an argument is not UTF-8")
    options, more = parser.parse_known_args(given)
    if options.group is not None:
        options.group.print_help(sys.stderr)
        return _USAGE
    if more and not options.takes_more:
        parser.error(f"unrecognized arguments: {' '.join(more)}")
    options.more = more
    try:
        # A shell script starts its background programs with SIGINT ignored. Undo that.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _configure_logging(os.environ.get("LOG_LEVEL", "INFO").upper())
        if options.needs_database and not options.takes_more:
            options.database = DatabaseSettings(dsn=_url("DATABASE_URL"))
        options.pubsub_emulator = os.environ.get("PUBSUB_EMULATOR_HOST")
        options.capture_password = os.environ.get("DATABASE_PASSWORD")
        options.service_port = os.environ.get("PORT")
        options.serving = _variables(_SERVING)
        options.viewer_database_url = _url("VIEWER_DATABASE_URL")
        options.operator_database_url = _url("OPERATOR_DATABASE_URL")
        options.slot_name = os.environ.get("SLOT_NAME")
        options.publication_name = os.environ.get("PUBLICATION_NAME")
        options.calendar = _calendar_settings()
        # Only some commands need more, and the modules that list those variables take time to load.
        options.variables = _variables
        with closed_pools():
            exit_status: int | None = options.execute(options)
    except FanoutError as error:
        print(f"pipeline {options.name}: {error}", file=sys.stderr)  # noqa: T201
        return _USAGE if isinstance(error, UsageError) else 1
    except KeyboardInterrupt:
        return _INTERRUPTED
    return exit_status or 0


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pipeline",
        description="Turns rows of domain_events into notifications and e-mails.",
        epilog=_ENVIRONMENT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"fanout {__version__}")
    parser.set_defaults(group=parser)
    commands = parser.add_subparsers(title="commands", dest="name", metavar="COMMAND")
    # The command `run` has other arguments for the Dataflow runner.
    on_dataflow = launch.is_launch(arguments)
    for command in _COMMANDS:
        (launch if command is run and on_dataflow else command).add(commands)
    return parser


def _variables(names: Iterable[str]) -> dict[str, str]:
    """Return variables of the environment; empty: not set."""
    return {name: os.environ.get(name, "") for name in names}


def _url(variable: str) -> str:
    given = os.environ.get(variable, "")
    if not _is_text(given):
        raise ConfigurationError(f"{variable} is not UTF-8: write other bytes as %FC and so on")
    return given


def _calendar_settings() -> CalendarSettings:
    usual = CalendarSettings()
    return CalendarSettings(
        client_id=os.environ.get("GOOGLE_CLIENT_ID", ""),
        client_secret=os.environ.get("GOOGLE_CLIENT_SECRET", ""),
        webhook_url=os.environ.get("CALENDAR_WEBHOOK_URL", ""),
        base_url=os.environ.get("CALENDAR_BASE_URL") or usual.base_url,
        token_url=os.environ.get("GOOGLE_TOKEN_URL") or usual.token_url,
    )


def _is_text(given: str) -> bool:
    """Return whether the text is UTF-8. Python reads other bytes as lone surrogates."""
    try:
        given.encode()
    except UnicodeEncodeError:
        return False
    return True


def _configure_logging(level: str) -> None:
    if level not in _LOG_LEVELS:
        raise ConfigurationError(f"invalid LOG_LEVEL {level!r}: expected {', '.join(_LOG_LEVELS)}")
    logging.basicConfig(
        level=level,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)-7s %(message)s",
        datefmt="%H:%M:%S",
    )
    if level != "DEBUG":
        for variable, value in _QUIET_GRPC.items():
            os.environ.setdefault(variable, value)
        # Their messages are noise, or they end in one of our own messages.
        for name in ("apache_beam", "psycopg.pool", "google"):
            logging.getLogger(name).setLevel(logging.CRITICAL)


if __name__ == "__main__":
    exit_status = main()
    # All work is done and written. A normal exit would spend 0.3 s on unloading Beam.
    logging.shutdown()
    with suppress(OSError, ValueError):
        sys.stderr.flush()
    os._exit(exit_status)
