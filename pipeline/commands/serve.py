"""``serve``: the HTTP service."""

import argparse
from dataclasses import replace
from importlib.util import find_spec
from typing import Final

from pipeline.commands.capture_names import add_slot, capture_names
from pipeline.commands.command import Commands, add_command, say
from pipeline.domain.defaults import (
    ADDRESS_RATE,
    CALLER_RATE,
    REQUESTS_AT_ONCE,
    REQUESTS_WAITING,
    SERVICE_PORT,
)
from pipeline.domain.errors import ConfigurationError
from pipeline.domain.graph import Graph
from pipeline.settings import DatabaseSettings
from pipeline.values import LISTEN_PORT, RATE, REQUESTS, InvalidValue, argument

_HOST: Final = "127.0.0.1"


def add(commands: Commands) -> None:
    """Add the command."""
    command = add_command(
        commands,
        "serve",
        _execute,
        "answer questions and take orders over HTTP until stopped",
        "python -m pipeline serve",
        "python -m pipeline serve --host 0.0.0.0 --port 8080",
        "python -m pipeline serve --graph fanout --graph jobs",
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
    limits = command.add_argument_group("limits of one process")
    for flag, kind, default, what in (
        ("--caller-rate", RATE, CALLER_RATE, "requests a second of one caller"),
        ("--address-rate", RATE, ADDRESS_RATE, "requests a second of an address without a token"),
        ("--at-once", REQUESTS, REQUESTS_AT_ONCE, "requests that are served at the same time"),
        ("--waiting", REQUESTS, REQUESTS_WAITING, "requests that may wait for that"),
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
    from service.server import serve
    from service.settings import IAP_KEYS_URL, IdentitySettings, Limits, ServiceSettings

    given: dict[str, str] = options.serving
    settings = ServiceSettings(
        host=options.host,
        port=_port(options),
        operator=_login(options, "OPERATOR_DATABASE_URL", options.operator_database_url),
        viewer=_login(options, "VIEWER_DATABASE_URL", options.viewer_database_url),
        names=capture_names(options),
        graphs=frozenset(map(Graph, options.graphs or ())),
        identity=IdentitySettings(
            operators=_listed(given["OPERATORS"]),
            viewers=_listed(given["VIEWERS"]),
            iap_audience=given["IAP_AUDIENCE"],
            iap_keys_url=given["IAP_KEYS_URL"] or IAP_KEYS_URL,
            oidc_issuer=given["OIDC_ISSUER"],
            oidc_client_id=given["OIDC_CLIENT_ID"],
        ),
        limits=Limits(
            caller_rate=options.caller_rate,
            address_rate=options.address_rate,
            at_once=options.at_once,
            waiting=options.waiting,
        ),
        trusted_proxies=tuple(_listed(given["TRUSTED_PROXIES"])),
    )
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


def _port(options: argparse.Namespace) -> int:
    if options.port is not None:
        return int(options.port)
    if options.service_port is None:
        return SERVICE_PORT
    try:
        return LISTEN_PORT.parse(options.service_port)
    except InvalidValue as error:
        raise ConfigurationError(f"PORT: {error}") from None
