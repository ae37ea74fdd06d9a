"""Every parameter that is shared or that Dataflow asks for, declared once.

From a declaration come the arguments of the command line and their help, the options of the job,
``flex_template.json``, and the typed value. Secrets are named, never given: a job's options are
shown in the console.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final, Generic

from pipeline import values
from pipeline.domain import defaults
from pipeline.domain.graph import Graph
from pipeline.values import InvalidValue, Kind, ValueT

# The job's name, unless another is given.
JOB_NAME: Final = "fanout"
# Of the workers, unless another is given.
MACHINE_TYPE: Final = "n2-standard-2"
# Threads beside those that hold a connection: one reads the next batch, one hands the last on.
SPARE_THREADS: Final = 2
# In the place of an attribute's name: the time at which Pub/Sub accepted the message.
PUBLISH_TIME: Final = "publish_time"
DIRECT_RUNNER: Final = "DirectRunner"
DATAFLOW_RUNNER: Final = "DataflowRunner"


class ParameterGroup(StrEnum):
    """The heading under which a parameter stands."""

    EVENTS = "Events"
    DATABASE = "Database"
    BEHAVIOUR = "Behaviour"


class Taker(StrEnum):
    """Who takes a parameter."""

    RUN = "run"
    LAUNCH = "run --runner=DataflowRunner"
    CATCH_UP = "catch-up"
    REPLAY = "replay"
    DOCTOR = "doctor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter(Generic[ValueT]):
    """One parameter.

    Attributes:
        name: on Dataflow; on the command line it is written with dashes.
        label: what the console shows.
        help: a sentence; what it is for.
        group: the heading it stands under.
        kind: what its values are, and how they are read.
        takers: who takes it.
        needed_by: who does not start without it.
        default: what it is when it is not given; None: there is none.
        example: a value, in the help and in the error for one that is missing; else the default.
        metavar: what the help of a command shows in the place of a value.
        repeated: the flag's name where it can be given several times, each with one value.
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
        """The default as it would be written; None where there is none."""
        return None if self.default is None else self.kind.write(self.default)

    @property
    def shown(self) -> str:
        """A value to show."""
        return self.example or self.default_text or ""


class Given:
    """The values that a command was given, each of the type of its parameter."""

    def __init__(self, known: Mapping[str, Any]) -> None:
        self._values = known

    def __getitem__(self, parameter: Parameter[ValueT]) -> ValueT:
        """The value of a parameter that is needed or has a default."""
        value = self.get(parameter)
        if value is None:
            raise KeyError(parameter.name)
        return value

    def get(self, parameter: Parameter[ValueT]) -> ValueT | None:
        """The value; None where it was not given."""
        value: ValueT | None = self._values.get(parameter.name, parameter.default)
        return value


@contextmanager
def named(parameter: str) -> Iterator[None]:
    """Let the error for an invalid value say, as argparse does, whose value it is."""
    try:
        yield
    except InvalidValue as error:
        raise InvalidValue(f"argument --{parameter}: {error}") from None


def read(parameters: Iterable[Parameter[Any]], texts: Mapping[str, str]) -> Given:
    """The values of parameters that were given as texts.

    Raises:
        InvalidValue: one of them is not of its kind; in the words of the command line.
    """
    found = {}
    for each in parameters:
        with named(each.name):
            found[each.name] = each.kind.parse(texts[each.name])
    return Given(found)


_EVENTS_ARE_PROCESSED: Final = (Taker.RUN, Taker.LAUNCH, Taker.CATCH_UP)
_ON_DATAFLOW: Final = (Taker.LAUNCH,)

SUBSCRIPTION: Final = Parameter(
    name="subscription",
    label="Subscription of the events",
    help="The Pub/Sub subscription that change data capture fills, one per job.",
    group=ParameterGroup.EVENTS,
    kind=values.SUBSCRIPTION,
    takers=(Taker.RUN, Taker.LAUNCH, Taker.DOCTOR),
    needed_by=(Taker.RUN, Taker.LAUNCH),
    example="projects/my-project/subscriptions/fanout-pipeline",
    metavar=values.SUBSCRIPTION.expected,
)
DEAD_LETTER_TOPIC: Final = Parameter(
    name="dead_letter_topic",
    label="Topic for dead letters",
    help="Where events go that cannot be processed, besides the table event_dead_letters.",
    group=ParameterGroup.EVENTS,
    kind=values.TOPIC,
    takers=(*_EVENTS_ARE_PROCESSED, Taker.DOCTOR),
    needed_by=_ON_DATAFLOW,
    example="projects/my-project/topics/domain-events-dead",
    metavar=values.TOPIC.expected,
)
TIMESTAMP_ATTRIBUTE: Final = Parameter(
    name="timestamp_attribute",
    label="Where an event's time comes from",
    help=f"{PUBLISH_TIME} is when Pub/Sub accepted the message. The name of an attribute, such"
    " as created_at, needs more rights: see deploy/service-accounts.md.",
    group=ParameterGroup.EVENTS,
    kind=values.ATTRIBUTE,
    takers=_ON_DATAFLOW,
    default=PUBLISH_TIME,
    metavar="NAME",
)
DATABASE_URL: Final = Parameter(
    name="database_url",
    label="Database",
    help="The Postgres database, without a password. Connections are encrypted and the server"
    " is verified: sslmode is verify-full unless it says verify-ca.",
    group=ParameterGroup.DATABASE,
    kind=values.DATABASE_URL,
    takers=_ON_DATAFLOW,
    needed_by=_ON_DATAFLOW,
    example="postgresql://fanout_pipeline@10.20.0.3:5432/app",
    metavar="URL",
)
DATABASE_PASSWORD_SECRET: Final = Parameter(
    name="database_password_secret",
    label="Secret with the database password",
    help="The name of a secret in Secret Manager; workers read it, nobody else sees it.",
    group=ParameterGroup.DATABASE,
    kind=values.SECRET,
    takers=_ON_DATAFLOW,
    needed_by=_ON_DATAFLOW,
    example="projects/my-project/secrets/fanout-database-password",
    metavar="NAME",
)
DATABASE_CA_SECRET: Final = Parameter(
    name="database_ca_secret",
    label="Secret with the database server's certificate authority",
    help="The name of a secret that holds the certificates, in PEM, by which the server is"
    " verified.",
    group=ParameterGroup.DATABASE,
    kind=values.SECRET,
    takers=_ON_DATAFLOW,
    needed_by=_ON_DATAFLOW,
    example="projects/my-project/secrets/fanout-server-ca",
    metavar="NAME",
)
DATABASE_CONNECTIONS: Final = Parameter(
    name="database_connections",
    label="Connections the database grants the job",
    help="Workers at most, times processes of each, times pool_size, may not exceed this.",
    group=ParameterGroup.DATABASE,
    kind=values.CONNECTIONS,
    takers=_ON_DATAFLOW,
    default=defaults.GRANTED_CONNECTIONS,
    metavar="NUMBER",
)
POOL_SIZE: Final = Parameter(
    name="pool_size",
    label="Connections of a process",
    help="The most that one process opens; a worker runs a process for each of its vCPUs.",
    group=ParameterGroup.DATABASE,
    kind=values.count("number of connections", such_as=defaults.POOL_SIZE, most=99),
    takers=_ON_DATAFLOW,
    default=defaults.POOL_SIZE,
    metavar="NUMBER",
)
GRAPH: Final = Parameter(
    name="graph",
    label="Graph",
    help="Which graph runs, or all of them.",
    kind=values.GRAPHS,
    takers=(Taker.RUN, Taker.LAUNCH),
    default=(Graph.FANOUT,),
    metavar="NAME",
)
MAX_EVENT_AGE_HOURS: Final = Parameter(
    name="max_event_age_hours",
    label="Age limit in hours",
    help="Events of this age are recorded as expired and told to nobody.",
    kind=values.HOURS,
    takers=(*_EVENTS_ARE_PROCESSED, Taker.REPLAY),
    default=defaults.MAX_EVENT_AGE,
    metavar="HOURS",
)
SYSTEM_USERS: Final = Parameter(
    name="system_users",
    label="Profiles that stand for programs",
    help="Ids of profiles that stand for programs, separated by commas: these are never told"
    " anything, nor is the AI user.",
    kind=values.USERS,
    takers=(*_EVENTS_ARE_PROCESSED, Taker.REPLAY),
    default=frozenset(),
    example=values.USER.expected,
    metavar="UUID",
    repeated="system-user",
)
BATCH_SIZE: Final = Parameter(
    name="batch_size",
    label="Events of a statement",
    help="The most events that are decided and written at once.",
    kind=values.count("number of events", such_as=defaults.BATCH_SIZE, most=9_999),
    takers=_EVENTS_ARE_PROCESSED,
    default=defaults.BATCH_SIZE,
    metavar="EVENTS",
)
DEDUP_MINUTES: Final = Parameter(
    name="dedup_minutes",
    label="Minutes for which repeated messages are dropped",
    help="Drop repeated messages by state for so many minutes; 0 (the default) leaves that to"
    " the source, Fetch and the ledger.",
    kind=values.MINUTES,
    takers=_ON_DATAFLOW,
    default=timedelta(0),
    example="60",
    metavar="MINUTES",
)
RUNNER: Final = Parameter(
    name="runner",
    help=f"Where it runs: {DIRECT_RUNNER} is this machine, in this process; {DATAFLOW_RUNNER} takes"
    f" other arguments: --runner={DATAFLOW_RUNNER} --help.",
    kind=values.one_of("runner", DIRECT_RUNNER, DATAFLOW_RUNNER, also=("FnApiRunner",)),
    takers=(Taker.RUN,),
    default=DIRECT_RUNNER,
    metavar="RUNNER",
)
TOPIC: Final = Parameter(
    name="topic",
    help="The topic that the stream reads.",
    kind=values.TOPIC,
    takers=(Taker.REPLAY,),
    metavar=values.TOPIC.expected,
)
RATE: Final = Parameter(
    name="rate",
    help="The most messages a second.",
    kind=values.RATE,
    takers=(Taker.REPLAY,),
    default=defaults.REPLAY_RATE,
    metavar="N",
)
CONNECTIONS: Final = Parameter(
    name="connections",
    help="What the job on Dataflow may open: its --database_connections.",
    kind=values.CONNECTIONS,
    takers=(Taker.DOCTOR,),
    default=defaults.GRANTED_CONNECTIONS,
    metavar="NUMBER",
)
CDC_HOST: Final = Parameter(
    name="cdc_host",
    help="Also connect as Debezium does: its DATABASE_HOST; its password is taken from"
    " DATABASE_PASSWORD.",
    kind=values.HOST,
    takers=(Taker.DOCTOR,),
    metavar="HOST",
)
CDC_PORT: Final = Parameter(
    name="cdc_port",
    help="Its DATABASE_PORT.",
    kind=values.PORT,
    takers=(Taker.DOCTOR,),
    default=defaults.POSTGRES_PORT,
    metavar="PORT",
)
CDC_USER: Final = Parameter(
    name="cdc_user",
    help="Its DATABASE_USER.",
    kind=values.ROLE,
    takers=(Taker.DOCTOR,),
    default=defaults.CAPTURE_USER,
    metavar="USER",
)
CDC_SSLMODE: Final = Parameter(
    name="cdc_sslmode",
    help="Its DATABASE_SSLMODE.",
    kind=values.SSLMODE,
    takers=(Taker.DOCTOR,),
    default=defaults.SSLMODE,
    metavar="MODE",
)
SINCE: Final = Parameter(
    name="since",
    help="Created then or later: a time, or 2h for ago.",
    kind=values.MOMENT,
    takers=(Taker.CATCH_UP, Taker.REPLAY),
    metavar="TIME",
)
UNTIL: Final = Parameter(
    name="until",
    help="Created before then.",
    kind=values.MOMENT,
    takers=(Taker.CATCH_UP, Taker.REPLAY),
    metavar="TIME",
)

_EVERY: Final[tuple[Parameter[Any], ...]] = (
    *(SUBSCRIPTION, DEAD_LETTER_TOPIC, TIMESTAMP_ATTRIBUTE),
    *(DATABASE_URL, DATABASE_PASSWORD_SECRET, DATABASE_CA_SECRET, DATABASE_CONNECTIONS, POOL_SIZE),
    *(GRAPH, MAX_EVENT_AGE_HOURS, SYSTEM_USERS, BATCH_SIZE, DEDUP_MINUTES),
    *(RUNNER, SINCE, UNTIL, TOPIC, RATE),
    *(CONNECTIONS, CDC_HOST, CDC_PORT, CDC_USER, CDC_SSLMODE),
)


def taken_by(taker: Taker) -> tuple[Parameter[Any], ...]:
    """The parameters that somebody takes, in the order of help."""
    return tuple(each for each in _EVERY if taker in each.takers)


# What Dataflow's console asks for.
PARAMETERS: Final = taken_by(Taker.LAUNCH)


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudOption:
    """An option of Beam's own that a launch may be given.

    Attributes:
        name: as Beam has it.
        help: what it is for.
        metavar: what stands for the value in the help; empty where there is none: a flag.
        example: of one without which nothing is launched.
    """

    name: str
    help: str
    metavar: str = ""
    example: str = ""


# Those that nearly every launch needs; all others of Beam are taken as well.
CLOUD: Final = (
    CloudOption(
        name="project",
        metavar="PROJECT",
        help="the Google Cloud project",
        example="my-project",
    ),
    CloudOption(name="region", metavar="REGION", help="where the job runs", example="europe-west1"),
    CloudOption(
        name="temp_location",
        metavar="gs://BUCKET/PATH",
        help="for what the job stages",
        example="gs://my-bucket/temp",
    ),
    CloudOption(
        name="sdk_container_image",
        metavar="IMAGE",
        help="the image that deploy/Dockerfile makes",
        example="europe-west1-docker.pkg.dev/my-project/fanout/fanout:1",
    ),
    CloudOption(
        name="max_num_workers",
        metavar="NUMBER",
        help="the most workers that autoscaling may start",
        example="4",
    ),
    CloudOption(
        name="job_name",
        metavar="NAME",
        help=f"a running job is updated by its name (default: {JOB_NAME})",
    ),
    CloudOption(
        name="machine_type", metavar="TYPE", help=f"of the workers (default: {MACHINE_TYPE})"
    ),
    CloudOption(
        name="number_of_worker_harness_threads",
        metavar="NUMBER",
        help=f"threads of a process (default: pool_size and {SPARE_THREADS} more)",
    ),
    CloudOption(name="service_account_email", metavar="ACCOUNT", help="as whom the workers run"),
    CloudOption(name="subnetwork", metavar="URL", help="in which the workers reach the database"),
    CloudOption(
        name="transform_name_mapping",
        metavar="JSON",
        help="for an update that renames steps: old names to new",
    ),
    CloudOption(name="no_use_public_ips", help="workers have private addresses only"),
    CloudOption(
        name="update", help="replace the running job of this name, keeping what it has in hand"
    ),
)
# What Dataflow needs besides our own parameters, each with an example.
NEEDED: Final = {each.name: each.example for each in CLOUD if each.example}
