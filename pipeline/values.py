"""The kinds of values that a person writes: each turns a text into a typed value or an error.

The command line, the flags of a job on Dataflow and the form of the template share these kinds.
RE2 and Python read the patterns alike.
"""

import argparse
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, Generic, Literal, TypeVar
from uuid import UUID

from pipeline.domain.defaults import GRANTED_CONNECTIONS, POSTGRES_PORT, SERVICE_PORT
from pipeline.domain.errors import ConfigurationError
from pipeline.domain.graph import Graph
from pipeline.domain.message import MAX_EVENT_ID

ValueT = TypeVar("ValueT")

# An error quotes at most this many characters of an invalid value.
_QUOTED: Final = 80


class InvalidValue(ConfigurationError):
    """A value is invalid. The text is ``invalid KIND 'value': expected ...``."""


class Form(StrEnum):
    """How Dataflow's console asks for a value. The values are names of its ``ParameterType``."""

    TEXT = "TEXT"
    NUMBER = "NUMBER"
    SUBSCRIPTION = "PUBSUB_SUBSCRIPTION"
    TOPIC = "PUBSUB_TOPIC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind(Generic[ValueT]):
    """A kind of value.

    Attributes:
        name: its name in an error.
        expected: the expected form in an error.
        pattern: the whole text must match it.
        read: turns such a text into the value. ``ValueError`` or ``OverflowError`` means invalid.
        write: turns the value into a text that reads as the same value.
        form: how the console asks for it.
        secret: an invalid value may be a secret, so an error never quotes it.
    """

    name: str
    expected: str
    pattern: str
    read: Callable[[str], ValueT]
    write: Callable[[ValueT], str] = str
    form: Form = Form.TEXT
    secret: bool = False

    def accepts(self, text: str) -> bool:
        """Return whether the text is of this kind."""
        try:
            self.parse(text)
        except InvalidValue:
            return False
        return True

    def parse(self, text: str) -> ValueT:
        """The value that a text stands for.

        Raises:
            InvalidValue: it is not of this kind.
        """
        if re.fullmatch(self.pattern, text) is None:
            raise self.refusal(text)
        try:
            return self.read(text)
        except _OutOfRange as error:
            raise self.refusal(text, str(error)) from None
        except (ValueError, OverflowError):
            raise self.refusal(text) from None

    def refusal(self, text: str, expected: str | None = None) -> InvalidValue:
        """Return the error for a text that is not of this kind."""
        value = "" if self.secret else f" {text[:_QUOTED]!r}"
        return InvalidValue(f"invalid {self.name}{value}: expected {expected or self.expected}")


def argument(kind: Kind[ValueT]) -> Callable[[str], ValueT]:
    """Return a function with which argparse reads a value of this kind."""

    def parse(text: str) -> ValueT:
        try:
            return kind.parse(text)
        except InvalidValue as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return parse


class _OutOfRange(ValueError):
    """The text has the right form but is out of range. The error's text says what is expected."""


_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_DURATION: Final = "[0-9]+([.][0-9]+)?[smhd]"


def _duration(text: str) -> timedelta:
    try:
        return timedelta(**{_UNITS[text[-1]]: float(text[:-1])})
    except OverflowError:
        raise _OutOfRange(f"at most {timedelta.max.days}d") from None


def _in_largest_unit(value: timedelta) -> str:
    """Return the duration as a person writes it: in the largest unit that gives a whole number."""
    for unit, name in reversed(_UNITS.items()):
        number = value / timedelta(**{name: 1})
        if number and number.is_integer():
            return f"{number:g}{unit}"
    return f"{value.total_seconds():g}s"


def _moment(text: str) -> datetime:
    if re.fullmatch(_DURATION, text):
        try:
            return datetime.now(UTC) - _duration(text)
        except OverflowError:
            raise _OutOfRange("a time after the year 1") from None
    parsed = datetime.fromisoformat(text)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


DURATION: Final = Kind(
    name="duration",
    expected="90s, 2m, 24h or 7d",
    pattern=_DURATION,
    read=_duration,
    write=_in_largest_unit,
)
# A time without a zone is in UTC.
MOMENT: Final = Kind(
    name="time",
    expected="2026-03-02T18:00Z, or 2h for two hours ago",
    pattern=".+",
    read=_moment,
    write=datetime.isoformat,
)
HOURS: Final = Kind(
    name="number of hours",
    expected="a number such as 24 or 0.5, at most 99,999",
    pattern="[0-9]{1,5}([.][0-9]+)?",
    read=lambda text: timedelta(hours=float(text)),
    write=lambda value: f"{value / timedelta(hours=1):g}",
    form=Form.NUMBER,
)
MINUTES: Final = Kind(
    name="number of minutes",
    expected="a whole number such as 60, at most 9,999",
    pattern="[0-9]{1,4}",
    read=lambda text: timedelta(minutes=int(text)),
    write=lambda value: f"{value / timedelta(minutes=1):g}",
    form=Form.NUMBER,
)


def count(name: str, *, such_as: int, most: int, least: Literal[0, 1] = 1) -> Kind[int]:
    """Return the kind of a whole number from ``least`` to ``most``."""

    def read(text: str) -> int:
        if int(text) > most:
            raise ValueError(text)
        return int(text)

    return Kind(
        name=name,
        expected=f"a number such as {such_as}, from {least} to {most:,}",
        pattern=f"{'0|' * (not least)}[1-9][0-9]{{0,{len(str(most)) - 1}}}",
        read=read,
        form=Form.NUMBER,
    )


_UUID: Final = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_SUCH_AS: Final = "5b1f0f0e-6a53-4a3c-8f3e-2f6f3d2c9a10"

EVENT_ID: Final = count("event id", such_as=42, most=MAX_EVENT_ID)
# The fan-out numbers its events, reactions give them UUIDs.
ANY_EVENT_ID: Final[Kind[int | UUID]] = Kind(
    name="event id",
    expected=f"a number such as 42, from 1 to {MAX_EVENT_ID:,}, or a UUID",
    pattern=f"{EVENT_ID.pattern}|{_UUID}",
    read=lambda text: UUID(text) if "-" in text else EVENT_ID.read(text),
)
LETTER_ID: Final = count("id of a dead letter", such_as=7, most=MAX_EVENT_ID)
ROUTE_ID: Final = count("id of a route", such_as=3, most=MAX_EVENT_ID)
CONNECTIONS: Final = count("number of connections", such_as=GRANTED_CONNECTIONS, most=99_999)
WORKERS: Final = count("number of workers", such_as=9, most=9_999)
REQUESTS: Final = count("number of requests", such_as=32, most=10_000)
LIST_LENGTH: Final = count("number of lines", such_as=100, most=100_000)
PORT: Final = count("port", such_as=POSTGRES_PORT, most=65_535)
# 0: any free one.
LISTEN_PORT: Final = count("port", such_as=SERVICE_PORT, most=65_535, least=0)


def _rate(text: str) -> float:
    most = 1_000_000
    if not 0 < float(text) <= most:
        raise ValueError(text)
    return float(text)


RATE: Final = Kind(
    name="rate",
    expected="a number above 0, at most 1,000,000",
    pattern="[0-9.]+",
    read=_rate,
    write=lambda value: f"{value:g}",
    form=Form.NUMBER,
)

USER: Final = Kind(name="UUID", expected=_SUCH_AS, pattern=_UUID, read=UUID)


def _users(text: str) -> frozenset[UUID]:
    return frozenset(UUID(each) for each in text.split(",") if each)


USERS: Final = Kind(
    name="list of UUIDs",
    expected=f"{_SUCH_AS}, or several with commas between them",
    pattern=f"({_UUID}(,{_UUID})*)?",
    read=_users,
    write=lambda value: ",".join(sorted(map(str, value))),
)

# Wider than Pub/Sub's rules, because an emulator accepts any project and shorter names:
# https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names.
_PROJECT: Final = r"projects/[^/\s]+"
_NAME: Final = "[A-Za-z][-A-Za-z0-9._~+%]{0,254}"

TOPIC: Final = Kind(
    name="topic",
    expected="projects/P/topics/T",
    pattern=f"{_PROJECT}/topics/{_NAME}",
    read=str,
    form=Form.TOPIC,
)
SUBSCRIPTION: Final = Kind(
    name="subscription",
    expected="projects/P/subscriptions/S",
    pattern=f"{_PROJECT}/subscriptions/{_NAME}",
    read=str,
    form=Form.SUBSCRIPTION,
)
ATTRIBUTE: Final = Kind(
    name="name of an attribute",
    expected="a name such as created_at",
    pattern="[A-Za-z0-9_.-]{1,256}",
    read=str,
)
BUCKET: Final = Kind(
    name="place in Cloud Storage",
    expected="gs://BUCKET/PATH",
    pattern=r"gs://[a-z0-9][a-z0-9._-]{1,220}[a-z0-9](/\S*)?",
    read=str,
)
# https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets.versions
SECRET: Final = Kind(
    name="name of a secret",
    expected="projects/P/secrets/S, never the secret itself",
    pattern=rf"{_PROJECT}/secrets/[A-Za-z0-9_-]{{1,255}}(/versions/(latest|[0-9]+))?",
    read=str,
    secret=True,
)
# As SECRET, for one that need not be given.
ANY_SECRET: Final = Kind(
    name=SECRET.name,
    expected=SECRET.expected,
    pattern=f"({SECRET.pattern})?",
    read=str,
    secret=True,
)
CLIENT: Final = Kind(
    name="OAuth client",
    expected="an id such as 123-abc.apps.googleusercontent.com",
    pattern=r"([0-9A-Za-z_.-]+)?",
    read=str,
)
PROVIDERS: Final = Kind(
    name="provider of mail",
    expected="resend, smtp, or both in their order: resend,smtp",
    pattern="((resend|smtp)(,(resend|smtp))?)?",
    read=str,
)
COLOUR: Final = Kind(
    name="colour", expected="one such as #1f4fd8", pattern="(#[0-9a-fA-F]{6})?", read=str
)
HOSTS: Final = Kind(
    name="host",
    expected="hosts such as auth.example.com, with commas between them",
    pattern="([a-z0-9.,-]*)",
    read=str,
)
NETWORKS: Final = Kind(
    name="network",
    expected="networks such as 10.1.0.0/16, with commas between them",
    pattern="([0-9a-fA-F:./,]*)",
    read=str,
)
LINE: Final = Kind(
    name="text", expected="one line of text", pattern=r"(\S([^\r\n]*\S)?)?", read=str
)
WEBHOOK: Final = Kind(
    name="address", expected="https://host/path", pattern=r"(https://[^\s/]+\S*)?", read=str
)
# Without a user and a query, which may hold a password: the console shows a job's options.
COLLECTOR: Final = Kind(
    name="address of a collector",
    expected="http://host:4318",
    pattern=r"(https?://[^\s/@?#]+(/[^\s@?#]*)?)?",
    read=str,
)
# The parameters that a connection string may set: they hold no secret and are not set elsewhere.
_URL_SETTING: Final = r"(sslmode|channel_binding|hostaddr|target_session_attrs)=[^&%\s]*"
DATABASE_URL: Final = Kind(
    name="database URL",
    expected="postgresql://user@host/database, without a password",
    pattern=r"postgres(ql)?://[^:@/?\s]+@[^@/?\s]+/[^/?\s]+"
    rf"(\?{_URL_SETTING}(&{_URL_SETTING})*)?",
    read=str,
    secret=True,
)
ROLE: Final = Kind(
    name="name of a role", expected="one such as capture", pattern=r"[\s\S]+", read=str
)
HOST: Final = Kind(
    name="host", expected="a name such as db.example.com", pattern=r"[\s\S]+", read=str
)


def one_of(name: str, *known: str, also: tuple[str, ...] = ()) -> Kind[str]:
    """Return the kind of a word from a list. Errors do not mention the words in ``also``."""
    return Kind(
        name=name,
        expected=" or ".join([", ".join(known[:-1]), known[-1]] if known[1:] else known),
        pattern=f"({'|'.join([*known, *also])})",
        read=str,
    )


# The modes of libpq, from the weakest to the strictest.
SSLMODE: Final = one_of(
    "sslmode", "disable", "allow", "prefer", "require", "verify-ca", "verify-full"
)

_ALL: Final = "all"


def _graphs(text: str) -> tuple[Graph, ...]:
    return tuple(Graph) if text == _ALL else (Graph(text),)


_ONE_GRAPH: Final = one_of("graph", *Graph, _ALL)
GRAPHS: Final = Kind(
    name=_ONE_GRAPH.name,
    expected=_ONE_GRAPH.expected,
    pattern=_ONE_GRAPH.pattern,
    read=_graphs,
    write=lambda graphs: graphs[0] if len(graphs) == 1 else _ALL,
)
