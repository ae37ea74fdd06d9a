"""What a parameter is, who takes it, and how its values are read."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Generic

from pipeline.values import InvalidValue, Kind, ValueT


class ParameterGroup(StrEnum):
    """The heading above a group of parameters."""

    EVENTS = "Events"
    DATABASE = "Database"
    BEHAVIOUR = "Behaviour"
    JOBS = "Scheduled jobs"
    MAIL = "Mail"
    PUSH = "Push"


class Taker(StrEnum):
    """A command that accepts parameters."""

    RUN = "run"
    LAUNCH = "run --runner=DataflowRunner"
    CATCH_UP = "catch-up"
    REPLAY = "replay"
    JOB = "job"
    DOCTOR = "doctor"
    SERVE = "serve"


EVENTS_ARE_PROCESSED: Final = (Taker.RUN, Taker.LAUNCH, Taker.CATCH_UP)
ON_DATAFLOW: Final = (Taker.LAUNCH,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter(Generic[ValueT]):
    """One parameter.

    Attributes:
        name: its name on Dataflow. The command line writes it with dashes.
        label: its name in the console.
        help: what it is for. The help of a command shows it as one sentence.
        group: its heading.
        kind: the kind of its values.
        takers: the commands that accept it.
        needed_by: the commands that need it to start.
        default: its value if it is not given; None if it has no default.
        example: a value for the help and for the error if it is missing; else the default is shown.
        metavar: stands for the value in the help of a command.
        repeated: the name of the flag if it may be given several times, each with one value.
    """

    name: str
    label: str = ""
    help: str
    group: ParameterGroup = ParameterGroup.BEHAVIOUR
    kind: Kind[ValueT]
    takers: tuple[Taker, ...]
    needed_by: tuple[Taker, ...] = ()
    default: ValueT | None = None
    example: str = ""
    metavar: str
    repeated: str = ""

    @property
    def default_text(self) -> str | None:
        """The default as text; None if there is no default."""
        return None if self.default is None else self.kind.write(self.default)

    @property
    def shown(self) -> str:
        """An example of a value."""
        return self.example or self.default_text or ""


class ParameterValues:
    """The values that a command was given. Each has the type of its parameter."""

    def __init__(self, known: Mapping[str, Any]) -> None:
        self._values = known

    def __getitem__(self, parameter: Parameter[ValueT]) -> ValueT:
        """Return the value of a parameter that is needed or has a default."""
        value = self.get(parameter)
        if value is None:
            raise KeyError(parameter.name)
        return value

    def get(self, parameter: Parameter[ValueT]) -> ValueT | None:
        """Return the value or the default; None if there is neither."""
        value: ValueT | None = self._values.get(parameter.name, parameter.default)
        return value


@contextmanager
def named(parameter: str) -> Iterator[None]:
    """Add the name of the parameter to the error for an invalid value, as argparse does."""
    try:
        yield
    except InvalidValue as error:
        raise InvalidValue(f"argument --{parameter}: {error}") from None


def read(parameters: Iterable[Parameter[Any]], texts: Mapping[str, str]) -> ParameterValues:
    """Read the values of parameters from texts.

    Raises:
        InvalidValue: a value is invalid. The text is the one of the command line.
    """
    found = {}
    for each in parameters:
        with named(each.name):
            found[each.name] = each.kind.parse(texts[each.name])
    return ParameterValues(found)
