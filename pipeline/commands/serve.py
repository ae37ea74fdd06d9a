"""``serve``: the HTTP service."""

import argparse
import sys
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from pipeline.commands.capture_names import add_slot, capture_names
from pipeline.commands.command import Commands, add_command, add_parameters, given, say
from pipeline.domain.defaults import (
    ADDRESS_RATE,
    CALLER_RATE,
    REQUESTS_AT_ONCE,
    REQUESTS_WAITING,
    SERVICE_PORT,
)
from pipeline.domain.errors import ConfigurationError
from pipeline.domain.graph import Graph
from pipeline.options.graph import MAX_EVENT_AGE_HOURS, SYSTEM_USERS
from pipeline.options.parameter import Taker
from pipeline.options.pubsub import REACTION_TOPIC, TOPIC
from pipeline.settings import DatabaseSettings
from pipeline.values import LISTEN_PORT, RATE, REQUESTS, InvalidValue, argument

if TYPE_CHECKING:
    from service.settings import ServiceSettings

_HOST: Final = "127.0.0.1"


def add(commands: Commands) -> None:
    """Add the command."""
    command = add_command(
        commands,
        "serve",
        _execute,
        "serve the HTTP API until stopped",
        "python -m pipeline serve",
        f"python -m pipeline serve --host 0.0.0.0 --port 8080 --topic {TOPIC.metavar}",
        "python -m pipeline serve --graph fanout --graph jobs",
        "python -m pipeline serve --openapi",
    )
    command.add_argument(
        "--host", default=_HOST, metavar="ADDRESS", help=f"where to listen (default: {_HOST})"
    )
    command.add_argument(
        "--port",
        type=argument(LISTEN_PORT),
        metavar="PORT",
        help=f"the port (default: PORT, or {SERVICE_PORT}; 0 takes a free one)",
    )
    command.add_argument(
        "--graph",
        dest="graphs",
        action="append",
        choices=[each.value for each in Graph],
        metavar="GRAPH",
        help=f"a graph that has to run, or /ready answers 503: {' or '.join(Graph)}; may be given"
        " several times (default: every graph that ever ran here)",
    )
    add_slot(command)
    add_parameters(
        command,
        Taker.SERVE,
        *(TOPIC, REACTION_TOPIC, MAX_EVENT_AGE_HOURS, SYSTEM_USERS),
        topic="the topic that the stream reads; without it, plans of replays cannot be applied",
        reaction_topic="the topic that the graph of reactions reads; without it, /process-event and"
        " /process-batch answer 503",
        max_event_age_hours="the age limit of the stream, for plans of replays",
        system_users="a profile that is a program, for plans of replays",
    )
    command.add_argument(
        "--openapi", action="store_true", help="print the description of the API, and end"
    )
    limits = command.add_argument_group("limits of one process")
    for flag, kind, default, what in (
        ("--caller-rate", RATE, CALLER_RATE, "requests a second of one caller"),
        ("--address-rate", RATE, ADDRESS_RATE, "requests a second of an address without a token"),
        ("--at-once", REQUESTS, REQUESTS_AT_ONCE, "requests that are served at the same time"),
        ("--waiting", REQUESTS, REQUESTS_WAITING, "requests that may wait for their turn"),
    ):
        limits.add_argument(
            flag,
            type=argument(kind),
            default=default,
            metavar="NUMBER",
            help=f"{what} (default: {default:g})",
        )


def _execute(options: argparse.Namespace) -> None:
    if find_spec("fastapi") is None:
        raise ConfigurationError(
            "the service is not installed: install requirements-service.txt, or fanout[service]"
        )
    from pipeline.mail.clean import line
    from pipeline.settings.unsubscribe import UNSUBSCRIBE_VARIABLES, read_unsubscribe_settings
    from pipeline.settings.webhooks import WEBHOOK_VARIABLES, read_webhook_settings
    from pipeline.steps.policy import policy_of
    from service.server import serve
    from service.settings import IAP_KEYS_URL, IdentitySettings, Limits, ServiceSettings

    serving: dict[str, str] = options.serving
    settings = ServiceSettings(
        host=options.host,
        port=_port(options),
        operator=_login(options, "OPERATOR_DATABASE_URL", options.operator_database_url),
        viewer=_login(options, "VIEWER_DATABASE_URL", options.viewer_database_url),
        names=capture_names(options),
        graphs=frozenset(map(Graph, options.graphs or ())),
        identity=IdentitySettings(
            operators=_listed(serving["OPERATORS"]),
            viewers=_listed(serving["VIEWERS"]),
            iap_audience=serving["IAP_AUDIENCE"],
            iap_keys_url=serving["IAP_KEYS_URL"] or IAP_KEYS_URL,
            oidc_issuer=serving["OIDC_ISSUER"],
            oidc_client_id=serving["OIDC_CLIENT_ID"],
        ),
        limits=Limits(
            caller_rate=options.caller_rate,
            address_rate=options.address_rate,
            at_once=options.at_once,
            waiting=options.waiting,
        ),
        trusted_proxies=tuple(_listed(serving["TRUSTED_PROXIES"])),
        topic=options.topic,
        reaction_topic=options.reaction_topic,
        policy=policy_of(given(options, Taker.SERVE)),
        unsubscribe=read_unsubscribe_settings(options.variables(UNSUBSCRIBE_VARIABLES)),
        webhooks=read_webhook_settings(options.variables(WEBHOOK_VARIABLES)),
        brand_name=line(options.variables(["BRAND_NAME"])["BRAND_NAME"]),
    )
    if options.openapi:
        _print_description(settings)
        return
    serve(settings, say)


def _listed(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]


def _login(options: argparse.Namespace, variable: str, dsn: str) -> DatabaseSettings:
    """Return the database with a login of its own, or with that of DATABASE_URL."""
    database: DatabaseSettings = options.database
    if not dsn:
        return database
    try:
        return replace(database, dsn=dsn)
    except ConfigurationError as error:
        raise ConfigurationError(str(error).replace("DATABASE_URL", variable)) from None


def _print_description(settings: "ServiceSettings") -> None:
    import json

    from service.app import build_app

    sys.stdout.write(json.dumps(build_app(settings).openapi(), indent=2) + "\n")


def _port(options: argparse.Namespace) -> int:
    if options.port is not None:
        return int(options.port)
    if options.service_port is None:
        return SERVICE_PORT
    try:
        return LISTEN_PORT.parse(options.service_port)
    except InvalidValue as error:
        raise ConfigurationError(f"PORT: {error}") from None
